-- How a session was opened, what ends links that are still to be mailed, and the role that a kept outcome is bound to.

-- Whether each refresh replaces the refresh token. NULL: the session is older than this column.
ALTER TABLE sessions ADD COLUMN rotates INTEGER CHECK (rotates IN (0, 1));

-- The network that the login came from, compared with that of the next one. NULL: it is not known.
ALTER TABLE sessions ADD COLUMN network TEXT;

-- The role that the account had. NULL: a client without an account, or the outcome is older than this column.
ALTER TABLE idempotency_keys ADD COLUMN role TEXT;

CREATE INDEX mail_queue_of_recipient ON mail_queue (recipient);
