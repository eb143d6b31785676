-- Mail that waits to be sent, and the tokens of links that were sent.

-- No text and no secret: both are made when it is sent. next_at is when it is tried (again).
CREATE TABLE mail_queue (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL,
    user_id    INTEGER REFERENCES users (id) ON DELETE CASCADE,
    recipient  TEXT NOT NULL,
    detail     TEXT,
    attempts   INTEGER NOT NULL,
    next_at    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX mail_queue_by_time ON mail_queue (next_at);
CREATE INDEX mail_queue_of_user ON mail_queue (user_id);

-- SHA-256 of a token that a mail brought to an address; it is good once.
CREATE TABLE mail_tokens (
    hash       BLOB PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose    TEXT NOT NULL,
    email      TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX mail_tokens_of_user ON mail_tokens (user_id);
