-- What the store says about itself, the text that a search looks into, and indexes for what is pruned by age.

-- One row. epoch is 0 until the store is restored, then random: a number of an earlier epoch may stand for other content.
-- is_filling is set while a copy into this store is under way.
CREATE TABLE store (
    id         BIGINT  PRIMARY KEY CHECK (id = 1),
    epoch      BIGINT  NOT NULL,
    is_filling BOOLEAN NOT NULL
);

INSERT INTO store (id, epoch, is_filling) VALUES (1, 0, FALSE);

-- The store's epoch once more: the look at the session, which each request begins with, reads it along.
ALTER TABLE users ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;

-- Changes up to this number can no longer be asked for.
ALTER TABLE counters ADD COLUMN floor BIGINT NOT NULL DEFAULT 0;

-- Title and description, folded for comparison. The last column: only a search reads it.
ALTER TABLE tasks ADD COLUMN folded TEXT NOT NULL DEFAULT '';

CREATE INDEX mail_tokens_by_expiry ON mail_tokens (expires_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
