-- What writes came to that were sent with an Idempotency-Key, written in their own transactions, for 24 hours.

-- hash is SHA-256 of whose key it is and the key, fingerprint an HMAC of the request, outcome JSON. Without a user it is a
-- client's that had no account.
CREATE TABLE idempotency_keys (
    hash        BYTEA  CONSTRAINT "idempotency_keys.hash" PRIMARY KEY,
    user_id     BIGINT REFERENCES users (id) ON DELETE CASCADE,
    fingerprint BYTEA  NOT NULL,
    outcome     TEXT   NOT NULL,
    at          BIGINT NOT NULL
);

CREATE INDEX idempotency_keys_of_user ON idempotency_keys (user_id);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (at);
