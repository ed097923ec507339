-- What rows that travel both ways need.

-- NULL where our id is derived from that of the record, as nearly always.
ALTER TABLE sync_shadow ADD COLUMN entity_id TEXT CHECK (entity_id IS NULL OR length(entity_id) = 36);
-- What was changed here and the platform does not have yet; NULL where nothing was.
ALTER TABLE sync_shadow ADD COLUMN edits TEXT CHECK (edits IS NULL OR json_valid(edits));

-- Ids that stand for another row: that of a record which was made here, or of a row that was merged.
CREATE TABLE id_aliases (
    alias     TEXT PRIMARY KEY CHECK (length(alias) = 36),
    entity_id TEXT NOT NULL CHECK (length(entity_id) = 36)
) STRICT, WITHOUT ROWID;

CREATE INDEX id_aliases_by_target ON id_aliases (entity_id);

-- Records that were changed here and wait to be sent: one row a record.
CREATE TABLE outbox (
    connection     TEXT NOT NULL,
    object         TEXT NOT NULL,
    record_id      TEXT NOT NULL,
    entity         TEXT NOT NULL CHECK (entity IN ('account', 'contact', 'case')),
    entity_id      TEXT NOT NULL CHECK (length(entity_id) = 36),
    kind           TEXT NOT NULL CHECK (kind IN ('create', 'update', 'delete', 'undelete', 'merge')),
    status         TEXT NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'failed')),
    n_attempts     INTEGER NOT NULL DEFAULT 0 CHECK (n_attempts >= 0),
    -- Why it was not sent the last time.
    setback        TEXT CHECK (setback IS NULL OR json_valid(setback)),
    changed_at     INTEGER NOT NULL,
    not_before     INTEGER NOT NULL DEFAULT 0,
    leased_by      TEXT,
    leased_until   INTEGER NOT NULL DEFAULT 0,
    correlation_id TEXT NOT NULL,
    PRIMARY KEY (connection, object, record_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_by_turn ON outbox (status, connection, object, changed_at, record_id);

-- Both sides changed one field and its policy is to ask: both values wait here for a person.
-- Until now nothing was ever written into this table.
DROP TABLE conflicts;

CREATE TABLE conflicts (
    row_number     INTEGER PRIMARY KEY AUTOINCREMENT,
    connection     TEXT NOT NULL,
    object         TEXT NOT NULL,
    record_id      TEXT NOT NULL,
    entity         TEXT NOT NULL CHECK (entity IN ('account', 'contact', 'case')),
    entity_id      TEXT NOT NULL CHECK (length(entity_id) = 36),
    label          TEXT,
    field          TEXT NOT NULL,
    local_field    TEXT NOT NULL,
    local_value    TEXT NOT NULL CHECK (json_valid(local_value)),
    remote_value   TEXT NOT NULL CHECK (json_valid(remote_value)),
    remote_version INTEGER NOT NULL,
    policy         TEXT NOT NULL,
    status         TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved')),
    resolution     TEXT CHECK (resolution IN ('local', 'remote', 'other', 'converged')),
    resolved_by    TEXT,
    resolved_at    INTEGER,
    correlation_id TEXT NOT NULL,
    opened_at      INTEGER NOT NULL,
    CHECK ((status = 'resolved') = (resolved_at IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX conflicts_open ON conflicts (connection, object, record_id, field)
    WHERE status = 'open';
CREATE INDEX conflicts_by_entity ON conflicts (entity_id, row_number);

-- Comparisons of both sides, one row an object and run.
CREATE TABLE reconciliations (
    id         TEXT PRIMARY KEY,
    connection TEXT NOT NULL,
    object     TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    outcome    TEXT NOT NULL CHECK (outcome IN ('running', 'equal', 'repaired', 'differs', 'failed')),
    n_here     INTEGER NOT NULL CHECK (n_here >= 0),
    n_there    INTEGER NOT NULL CHECK (n_there >= 0),
    n_differ   INTEGER NOT NULL CHECK (n_differ >= 0),
    n_repaired INTEGER NOT NULL CHECK (n_repaired >= 0),
    -- The first records that differ, with what differs in them.
    samples    TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(samples)),
    error      TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX reconciliations_by_start ON reconciliations (started_at, id);
