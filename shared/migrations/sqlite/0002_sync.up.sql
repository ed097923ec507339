-- What keeps the records in step, and the proof of what was done.

-- The last state of a remote record that both sides agree on.
CREATE TABLE sync_shadow (
    connection       TEXT NOT NULL,
    object           TEXT NOT NULL,
    record_id        TEXT NOT NULL,
    fields           TEXT NOT NULL,
    version          INTEGER NOT NULL,
    field_versions   TEXT NOT NULL,
    presence_version INTEGER NOT NULL,
    is_deleted       INTEGER NOT NULL CHECK (is_deleted IN (0, 1)),
    revision         INTEGER NOT NULL CHECK (revision > 0),
    PRIMARY KEY (connection, object, record_id)
) STRICT, WITHOUT ROWID;

-- The outbox: one row a change, in the transaction of the change itself.
CREATE TABLE changes (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    at             INTEGER NOT NULL,
    entity         TEXT NOT NULL CHECK (entity IN ('account', 'contact', 'case')),
    entity_id      TEXT NOT NULL,
    kind           TEXT NOT NULL CHECK (kind IN ('created', 'updated', 'deleted', 'restored')),
    label          TEXT,
    fields         TEXT NOT NULL,
    -- NULL for what reading a whole object brought: it says nothing about the sync lag.
    lag_ms         INTEGER CHECK (lag_ms >= 0),
    correlation_id TEXT NOT NULL,
    published_at   INTEGER
) STRICT;

CREATE INDEX changes_unpublished ON changes (seq) WHERE published_at IS NULL;

-- The audit log. Its hashes are computed by `shared::sync::AuditColumns`.
CREATE TABLE audit (
    seq            INTEGER PRIMARY KEY,
    at             INTEGER NOT NULL,
    actor          TEXT NOT NULL,
    kind           TEXT NOT NULL CHECK (kind IN ('created', 'updated', 'deleted', 'restored')),
    entity         TEXT NOT NULL CHECK (entity IN ('account', 'contact', 'case')),
    entity_id      TEXT NOT NULL,
    channel        TEXT NOT NULL,
    event_id       TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    source_version INTEGER NOT NULL,
    received_at    INTEGER NOT NULL,
    changes        TEXT NOT NULL,
    previous_hash  TEXT NOT NULL,
    hash           TEXT NOT NULL CHECK (length(hash) = 64)
) STRICT;

CREATE INDEX audit_by_entity ON audit (entity_id, seq);

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT raise(ABORT, 'audit rows are never changed');
END;

CREATE TRIGGER audit_is_never_shortened BEFORE DELETE ON audit
BEGIN
    SELECT raise(ABORT, 'audit rows are never removed');
END;

-- Small facts by name: cursors, connection states, marks of work done.
CREATE TABLE ledger (
    name     TEXT PRIMARY KEY,
    value    TEXT NOT NULL,
    revision INTEGER NOT NULL CHECK (revision > 0)
) STRICT, WITHOUT ROWID;

-- Both sides changed one field and its policy is to ask: both values wait here for a person.
CREATE TABLE conflicts (
    row_number     INTEGER PRIMARY KEY,
    connection     TEXT NOT NULL,
    object         TEXT NOT NULL,
    record_id      TEXT NOT NULL,
    entity_id      TEXT NOT NULL,
    field          TEXT NOT NULL,
    local_value    TEXT NOT NULL CHECK (json_valid(local_value)),
    remote_value   TEXT NOT NULL CHECK (json_valid(remote_value)),
    remote_version INTEGER NOT NULL,
    policy         TEXT NOT NULL,
    status         TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved')),
    resolution     TEXT CHECK (resolution IN ('local', 'remote', 'other')),
    resolved_by    TEXT,
    resolved_at    INTEGER,
    correlation_id TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    CHECK ((status = 'resolved') = (resolved_at IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX conflicts_open ON conflicts (connection, object, record_id, field)
    WHERE status = 'open';

-- Work that the store itself could not pass on, with all that is needed to try again.
CREATE TABLE dead_letters (
    row_number     INTEGER PRIMARY KEY,
    source         TEXT NOT NULL,
    body           TEXT NOT NULL,
    reason         TEXT NOT NULL,
    attempts       TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(attempts)),
    correlation_id TEXT,
    created_at     INTEGER NOT NULL,
    replayed_at    INTEGER
) STRICT;

CREATE INDEX dead_letters_waiting ON dead_letters (source, row_number) WHERE replayed_at IS NULL;

CREATE TABLE sync_runs (
    id         TEXT PRIMARY KEY,
    connection TEXT NOT NULL,
    object     TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    outcome    TEXT NOT NULL CHECK (outcome IN ('running', 'succeeded', 'failed')),
    n_read     INTEGER NOT NULL CHECK (n_read >= 0),
    n_queued   INTEGER NOT NULL CHECK (n_queued >= 0),
    error      TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX sync_runs_by_start ON sync_runs (started_at, id);
