\set writer random(:readers + 1, :readers * 2)
BEGIN;
SELECT u.uuid, u.role FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.uuid = :session AND s.user_id = :owner AND s.expires_at > 5 AND u.is_active;
SELECT last + 1 AS seq FROM counters WHERE owner = :writer FOR NO KEY UPDATE \gset
INSERT INTO tasks (uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version) VALUES (gen_random_uuid(), :writer, 'Write the report on the quarter', 'Two pages, with the figures', 'pending', 2, 1798711200000000, NULL, 1798711200000000, 1798711200000000, :seq) RETURNING id AS task \gset
UPDATE counters SET last = :seq WHERE owner = :writer;
INSERT INTO changes (owner, seq, task_id, task_uuid, kind, actor, at, before, after) VALUES (:writer, :seq, :task, gen_random_uuid(), 'created', :writer, 1798711200000000, NULL, '{"title":"Write the report on the quarter","description":"Two pages, with the figures","status":"pending","priority":"medium","due_date":"2026-12-31T10.00.00Z","completed_at": null,"created_at":"2026-11-20T22.49.02.689517Z","updated_at":"2026-11-20T22.49.02.689517Z"}');
COMMIT;
