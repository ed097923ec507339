DROP TABLE reconciliations;
DROP TABLE conflicts;

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

DROP TABLE outbox;
DROP TABLE id_aliases;
ALTER TABLE sync_shadow DROP COLUMN edits;
ALTER TABLE sync_shadow DROP COLUMN entity_id;
