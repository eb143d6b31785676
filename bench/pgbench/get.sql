\set id random(:first, :last)
SELECT u.uuid, u.role FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.uuid = :session AND s.user_id = :owner AND s.expires_at > 5 AND u.is_active;
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id = :id AND owner = :owner;
