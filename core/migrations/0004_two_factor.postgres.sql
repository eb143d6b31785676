-- The second factor: time-based one-time passwords (RFC 6238), and codes for who has lost the device.

-- last_step is the last time step whose code was used: none is good twice. Until it is confirmed it guards nothing.
CREATE TABLE totp (
    user_id      BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret       BYTEA NOT NULL,
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_step    BIGINT NOT NULL
);

-- SHA-256 of codes that are good once.
CREATE TABLE recovery_codes (
    hash    BYTEA PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX recovery_codes_of_user ON recovery_codes (user_id);
