DELETE FROM audit WHERE at < $1
DELETE FROM idempotency_keys WHERE at <= $1
DELETE FROM idempotency_keys WHERE hash = $1 AND at <= $2
DELETE FROM mail_queue WHERE id = $1
DELETE FROM mail_tokens WHERE user_id = $1 AND purpose = $2
DELETE FROM personal_tokens WHERE user_id = $1
DELETE FROM personal_tokens WHERE uuid = $1 AND user_id = $2
DELETE FROM recovery_codes WHERE hash = $1 AND user_id = $2
DELETE FROM recovery_codes WHERE user_id = $1
DELETE FROM sessions WHERE user_id = $1
DELETE FROM sessions WHERE user_id = $1 AND expires_at < $2
DELETE FROM sessions WHERE user_id = $1 AND uuid <> $2
DELETE FROM sessions WHERE user_id = $1 AND uuid IN (SELECT uuid FROM sessions WHERE user_id = $1 ORDER BY created_at DESC, uuid DESC LIMIT 1000 OFFSET $2)
DELETE FROM sessions WHERE uuid = $1 AND user_id = $2
DELETE FROM tasks WHERE id = $1 AND owner = $2
DELETE FROM totp WHERE user_id = $1
DELETE FROM users WHERE id = $1
INSERT INTO audit (at, actor, subject, action, client, detail) VALUES ($1, $2, $3, $4, $5, $6)
INSERT INTO changes (owner, seq, task_id, task_uuid, kind, actor, at, after) SELECT owner, $1, id, uuid, $2, owner, $3, $4 FROM tasks WHERE uuid = $5
INSERT INTO changes (owner, seq, task_id, task_uuid, kind, actor, at, before, after) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
INSERT INTO counters (owner, last) VALUES ($1, 0)
INSERT INTO idempotency_keys (hash, fingerprint, outcome, at) VALUES ($1, $2, $3, $4)
INSERT INTO idempotency_keys (hash, user_id, fingerprint, outcome, at) SELECT $1, id, $2, $3, $4 FROM users WHERE id = $5
INSERT INTO mail_queue (kind, user_id, recipient, detail, attempts, next_at, created_at) VALUES ($1, $2, $3, $4, 0, $5, $5)
INSERT INTO mail_tokens (hash, user_id, purpose, email, expires_at) VALUES ($1, $2, $3, $4, $5)
INSERT INTO personal_tokens (uuid, user_id, name, hash, scopes, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
INSERT INTO recovery_codes (hash, user_id) VALUES ($1, $2)
INSERT INTO refresh_tokens (hash, session_uuid) VALUES ($1, $2)
INSERT INTO sessions (uuid, user_id, user_agent, created_at, last_used_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
INSERT INTO tasks (uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
INSERT INTO totp (user_id, secret, created_at, last_step) VALUES ($1, $2, $3, 0)
INSERT INTO users (uuid, username, username_key, name, email, email_key, password_hash, role, is_active, email_verified, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at
SELECT (SELECT confirmed_at FROM totp WHERE user_id = $1), (SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1)
SELECT 1 FROM refresh_tokens WHERE hash = $1 AND session_uuid = $2 AND used_at IS NULL
SELECT 1 FROM sessions WHERE user_id = $1 AND user_agent = $2 LIMIT 1
SELECT at FROM idempotency_keys WHERE at <= $1 ORDER BY at LIMIT 1 OFFSET $2
SELECT fingerprint, outcome FROM idempotency_keys WHERE hash = $1 AND at > $2
SELECT id FROM tasks WHERE uuid = $1
SELECT id FROM users WHERE email_key = $1
SELECT id FROM users WHERE role = 'admin' AND is_active AND id <> $1 LIMIT 1
SELECT id FROM users WHERE username_key = $1
SELECT id, at, actor, subject, action, client, detail FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2
SELECT id, at, actor, subject, action, client, detail FROM audit WHERE subject = $1 AND id < $2 ORDER BY id DESC LIMIT $3
SELECT id, email FROM users WHERE email_key = $1 AND is_active
SELECT id, kind, user_id, recipient, detail, attempts, created_at FROM mail_queue WHERE next_at <= $1 ORDER BY next_at LIMIT 1
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id = $1 AND owner = $2
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND (due_date, id) < ($2, $3) AND (CAST($4 AS TEXT) IS NULL OR status = $4) AND (CAST($5 AS BIGINT) IS NULL OR priority = $5) AND (CAST($6 AS BIGINT) IS NULL OR due_date < $6) AND (CAST($7 AS BIGINT) IS NULL OR due_date > $7) ORDER BY due_date DESC, id DESC LIMIT $8) ORDER BY due_date DESC, id DESC
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND (due_date, id) < ($2, $3) ORDER BY due_date DESC, id DESC LIMIT $4) ORDER BY due_date DESC, id DESC
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND (due_date, id) > ($2, $3) AND (CAST($4 AS TEXT) IS NULL OR status = $4) AND (CAST($5 AS BIGINT) IS NULL OR priority = $5) AND (CAST($6 AS BIGINT) IS NULL OR due_date < $6) AND (CAST($7 AS BIGINT) IS NULL OR due_date > $7) ORDER BY due_date ASC, id ASC LIMIT $8) ORDER BY due_date ASC, id ASC
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND (due_date, id) > ($2, $3) ORDER BY due_date ASC, id ASC LIMIT $4) ORDER BY due_date ASC, id ASC
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND (priority, id) < ($2, $3) AND (CAST($4 AS TEXT) IS NULL OR status = $4) AND (CAST($5 AS BIGINT) IS NULL OR priority = $5) AND (CAST($6 AS BIGINT) IS NULL OR due_date < $6) AND (CAST($7 AS BIGINT) IS NULL OR due_date > $7) ORDER BY priority DESC, id DESC LIMIT $8) ORDER BY priority DESC, id DESC
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND (priority, id) < ($2, $3) ORDER BY priority DESC, id DESC LIMIT $4) ORDER BY priority DESC, id DESC
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND (priority, id) > ($2, $3) AND (CAST($4 AS TEXT) IS NULL OR status = $4) AND (CAST($5 AS BIGINT) IS NULL OR priority = $5) AND (CAST($6 AS BIGINT) IS NULL OR due_date < $6) AND (CAST($7 AS BIGINT) IS NULL OR due_date > $7) ORDER BY priority ASC, id ASC LIMIT $8) ORDER BY priority ASC, id ASC
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND (priority, id) > ($2, $3) ORDER BY priority ASC, id ASC LIMIT $4) ORDER BY priority ASC, id ASC
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND (updated_at, id) < ($2, $3) AND (CAST($4 AS TEXT) IS NULL OR status = $4) AND (CAST($5 AS BIGINT) IS NULL OR priority = $5) AND (CAST($6 AS BIGINT) IS NULL OR due_date < $6) AND (CAST($7 AS BIGINT) IS NULL OR due_date > $7) ORDER BY updated_at DESC, id DESC LIMIT $8) ORDER BY updated_at DESC, id DESC
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND (updated_at, id) < ($2, $3) ORDER BY updated_at DESC, id DESC LIMIT $4) ORDER BY updated_at DESC, id DESC
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND (updated_at, id) > ($2, $3) AND (CAST($4 AS TEXT) IS NULL OR status = $4) AND (CAST($5 AS BIGINT) IS NULL OR priority = $5) AND (CAST($6 AS BIGINT) IS NULL OR due_date < $6) AND (CAST($7 AS BIGINT) IS NULL OR due_date > $7) ORDER BY updated_at ASC, id ASC LIMIT $8) ORDER BY updated_at ASC, id ASC
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND (updated_at, id) > ($2, $3) ORDER BY updated_at ASC, id ASC LIMIT $4) ORDER BY updated_at ASC, id ASC
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND due_date IS NULL AND id < $2 AND (CAST($3 AS TEXT) IS NULL OR status = $3) AND (CAST($4 AS BIGINT) IS NULL OR priority = $4) ORDER BY due_date DESC, id DESC LIMIT $5) ORDER BY due_date DESC, id DESC
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND due_date IS NULL AND id > $2 AND (CAST($3 AS TEXT) IS NULL OR status = $3) AND (CAST($4 AS BIGINT) IS NULL OR priority = $4) ORDER BY due_date ASC, id ASC LIMIT $5) ORDER BY due_date ASC, id ASC
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE owner = $1 AND (created_at, id) < ($2, $3) AND (CAST($4 AS TEXT) IS NULL OR status = $4) AND (CAST($5 AS BIGINT) IS NULL OR priority = $5) AND (CAST($6 AS BIGINT) IS NULL OR due_date < $6) AND (CAST($7 AS BIGINT) IS NULL OR due_date > $7) ORDER BY created_at DESC, id DESC LIMIT $8
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE owner = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE owner = $1 AND (created_at, id) > ($2, $3) AND (CAST($4 AS TEXT) IS NULL OR status = $4) AND (CAST($5 AS BIGINT) IS NULL OR priority = $5) AND (CAST($6 AS BIGINT) IS NULL OR due_date < $6) AND (CAST($7 AS BIGINT) IS NULL OR due_date > $7) ORDER BY created_at ASC, id ASC LIMIT $8
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE owner = $1 AND (created_at, id) > ($2, $3) ORDER BY created_at ASC, id ASC LIMIT $4
SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, created_at, updated_at, version FROM tasks WHERE uuid = $1 AND owner = $2
SELECT id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at FROM users WHERE id = $1
SELECT id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at FROM users WHERE id > $1 ORDER BY id LIMIT $2
SELECT id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at FROM users WHERE uuid = $1
SELECT id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at, password_hash FROM users WHERE id = $1
SELECT id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at, password_hash, email_key = $1 FROM users WHERE id = COALESCE( (SELECT id FROM users WHERE email_key = $1), (SELECT min(id) FROM users))
SELECT id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at, password_hash, username_key = $1 FROM users WHERE id = COALESCE( (SELECT id FROM users WHERE username_key = $1), (SELECT min(id) FROM users))
SELECT last FROM counters WHERE owner = $1
SELECT s.uuid, r.used_at, s.user_id, s.expires_at, s.last_used_at FROM refresh_tokens r JOIN sessions s ON s.uuid = r.session_uuid WHERE r.hash = $1
SELECT secret, confirmed_at, last_step FROM totp WHERE user_id = $1
SELECT seq, kind, task_id, task_uuid, at, after FROM changes WHERE owner = $1 AND seq > $2 ORDER BY seq LIMIT $3
SELECT u.id, u.uuid, u.role, t.uuid, t.scopes, t.last_used_at FROM personal_tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = $1 AND t.expires_at > $2 AND u.is_active
SELECT u.uuid, u.role, s.last_used_at FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.uuid = $1 AND s.user_id = $2 AND s.expires_at > $3 AND s.last_used_at > $4 AND u.is_active
SELECT user_id, email FROM mail_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3
SELECT uuid, name, scopes, created_at, last_used_at, expires_at FROM personal_tokens WHERE user_id = $1 ORDER BY created_at DESC, uuid DESC LIMIT $2
SELECT uuid, user_agent, created_at, last_used_at, expires_at FROM sessions WHERE user_id = $1 AND expires_at > $2 AND last_used_at > $3 ORDER BY created_at DESC, uuid DESC LIMIT $4
UPDATE counters SET last = $1 WHERE owner = $2
UPDATE mail_queue SET attempts = attempts + 1, next_at = $1 WHERE id = $2
UPDATE personal_tokens SET last_used_at = $1 WHERE uuid = $2
UPDATE refresh_tokens SET used_at = $1 WHERE hash = $2
UPDATE sessions SET last_used_at = $1 WHERE uuid = $2
UPDATE tasks SET title = $1, description = $2, status = $3, priority = $4, due_date = $5, completed_at = $6, updated_at = $7, version = $8 WHERE id = $9 AND owner = $10
UPDATE totp SET last_step = $1, confirmed_at = COALESCE(confirmed_at, $2) WHERE user_id = $3
UPDATE users SET email_verified = TRUE, updated_at = $1 WHERE id = $2
UPDATE users SET password_hash = $1, updated_at = $2 WHERE id = $3
UPDATE users SET username = $1, username_key = $2, name = $3, email = $4, email_key = $5, role = $6, is_active = $7, email_verified = $8, updated_at = $9 WHERE id = $10 RETURNING id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at
