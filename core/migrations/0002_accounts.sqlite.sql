-- Personal access tokens, and what was done to accounts.

-- SHA-256 of a token that its owner made for a program; scopes are words with spaces between.
CREATE TABLE personal_tokens (
    uuid         BLOB    PRIMARY KEY,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         TEXT    NOT NULL,
    hash         BLOB    NOT NULL UNIQUE,
    scopes       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX personal_tokens_of_user ON personal_tokens (user_id, created_at);

-- Rows are only ever appended, and deleted when they are old. They outlive the accounts that they are about.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   INTEGER,
    subject INTEGER,
    action  TEXT    NOT NULL,
    client  TEXT,
    detail  TEXT
) STRICT;

CREATE INDEX audit_of_subject ON audit (subject, id);
CREATE INDEX audit_by_time ON audit (at);
