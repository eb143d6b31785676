-- How names and addresses are compared, what looks alike, and how much mail went out.

-- What a username that is not in ASCII looks like. Of accounts from before this column that look alike, the oldest has it.
ALTER TABLE users ADD COLUMN username_skeleton TEXT;

-- An older account has the same name, as names are compared now. The key is then one that no name folds to.
ALTER TABLE users ADD COLUMN username_shadowed INTEGER NOT NULL DEFAULT 0 CHECK (username_shadowed IN (0, 1));
ALTER TABLE users ADD COLUMN email_shadowed INTEGER NOT NULL DEFAULT 0 CHECK (email_shadowed IN (0, 1));

-- The step in Rust gives the keys out again, the oldest account first.
UPDATE users SET username_key = 'SHADOWED ' || id, email_key = 'SHADOWED ' || id,
    username_shadowed = 1, email_shadowed = 1;

CREATE UNIQUE INDEX "users.username_skeleton" ON users (username_skeleton);
CREATE INDEX users_shadowed ON users (id) WHERE username_shadowed OR email_shadowed;

-- Mail goes out in the order of turn_at: each account's second one counts as queued a minute after its first.
ALTER TABLE mail_queue ADD COLUMN turn_at INTEGER NOT NULL DEFAULT 0;
UPDATE mail_queue SET turn_at = created_at;

-- One row for each mail and each limit that counts it, for a day; subject is a hash of the limit and of whom it is for. The
-- row with n = 0 is the subject's lock, and counts nothing.
CREATE TABLE mail_sent (
    subject BLOB    NOT NULL,
    n       INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (subject, n)
) STRICT, WITHOUT ROWID;

CREATE INDEX mail_sent_of_subject ON mail_sent (subject, at);
CREATE INDEX mail_sent_by_time ON mail_sent (at);
