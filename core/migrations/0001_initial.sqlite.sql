-- Users, sessions, tasks and the changes of tasks. Times are microseconds since 1970 in UTC; ids are never used twice.

CREATE TABLE users (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid           BLOB    NOT NULL UNIQUE,
    username       TEXT    NOT NULL,
    username_key   TEXT    NOT NULL UNIQUE,
    name           TEXT,
    email          TEXT    NOT NULL,
    email_key      TEXT    NOT NULL UNIQUE,
    password_hash  TEXT    NOT NULL,
    role           TEXT    NOT NULL CHECK (role IN ('user', 'admin')),
    is_active      INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    email_verified INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;

CREATE INDEX users_active_admins ON users (id) WHERE role = 'admin' AND is_active;

-- What a login opens; the access token names it by its uuid.
CREATE TABLE sessions (
    uuid         BLOB    PRIMARY KEY,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_agent   TEXT,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_user ON sessions (user_id, created_at);

-- SHA-256 of each refresh token that a session has had; a used one is kept so that its reuse is noticed.
CREATE TABLE refresh_tokens (
    hash         BLOB    PRIMARY KEY,
    session_uuid BLOB    NOT NULL REFERENCES sessions (uuid) ON DELETE CASCADE,
    used_at      INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_uuid);

-- The last number given out in each owner's sequence of changes.
CREATE TABLE counters (
    owner INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    last  INTEGER NOT NULL
) STRICT;

-- priority is the rank, 1 (low) to 4 (urgent), so that an index can sort by it.
CREATE TABLE tasks (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid         BLOB    NOT NULL UNIQUE,
    owner        INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title        TEXT    NOT NULL,
    description  TEXT,
    status       TEXT    NOT NULL CHECK (status IN ('pending', 'in_progress', 'completed')),
    priority     INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 4),
    due_date     INTEGER,
    completed_at INTEGER,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    CHECK ((status = 'completed') = (completed_at IS NOT NULL))
) STRICT;

-- One index for all lists: newest first it is in order; the other sorts and the filters find all they need in it.
CREATE INDEX tasks_of_owner ON tasks (owner, created_at, id, updated_at, due_date, priority, status);

-- Every write of a task, in one sequence per owner without gaps; before and after are JSON. Rows are only ever appended:
-- the key of its own keeps them together on the newest pages, whoever's they are.
CREATE TABLE changes (
    id        INTEGER PRIMARY KEY,
    owner     INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    seq       INTEGER NOT NULL,
    task_id   INTEGER NOT NULL,
    task_uuid BLOB    NOT NULL,
    kind      TEXT    NOT NULL CHECK (kind IN ('created', 'updated', 'deleted')),
    actor     INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    before    TEXT,
    after     TEXT,
    UNIQUE (owner, seq),
    CHECK ((kind = 'created') = (before IS NULL)),
    CHECK ((kind = 'deleted') = (after IS NULL))
) STRICT;
