-- The second factor: time-based one-time passwords (RFC 6238), and codes for who has lost the device.

-- last_step is the last time step whose code was used: none is good twice. Until it is confirmed it guards nothing.
CREATE TABLE totp (
    user_id      INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret       BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    confirmed_at INTEGER,
    last_step    INTEGER NOT NULL
) STRICT;

-- SHA-256 of codes that are good once.
CREATE TABLE recovery_codes (
    hash    BLOB PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX recovery_codes_of_user ON recovery_codes (user_id);
