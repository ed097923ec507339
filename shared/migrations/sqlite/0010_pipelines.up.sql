-- Runs of pipelines, one row a run.
CREATE TABLE pipeline_runs (
    id              TEXT PRIMARY KEY,
    pipeline        TEXT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('source', 'replay')),
    state           TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'succeeded', 'refused', 'failed', 'cancelled')),
    round           INTEGER NOT NULL CHECK (round >= 1),
    -- The digest of the definition that the round works by.
    definition      TEXT,
    -- The partitions that were asked for; none for all.
    only_partitions TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(only_partitions)),
    n_partitions    INTEGER CHECK (n_partitions IS NULL OR n_partitions >= 0),
    message         TEXT,
    started_by      TEXT NOT NULL,
    correlation_id  TEXT NOT NULL,
    idempotency_key TEXT,
    requested_at    INTEGER NOT NULL,
    started_at      INTEGER,
    finished_at     INTEGER,
    -- The rows of a replay.
    replayed        TEXT CHECK (replayed IS NULL OR json_valid(replayed)),
    revision        INTEGER NOT NULL CHECK (revision >= 1)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX pipeline_runs_by_key ON pipeline_runs (pipeline, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX pipeline_runs_by_request ON pipeline_runs (requested_at, id);
CREATE INDEX pipeline_runs_by_pipeline ON pipeline_runs (pipeline, requested_at, id);

-- Their partitions, one row a file of the source.
CREATE TABLE pipeline_partitions (
    run_id       TEXT NOT NULL,
    number       INTEGER NOT NULL CHECK (number >= 1),
    name         TEXT NOT NULL,
    state        TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'succeeded', 'refused', 'failed', 'cancelled')),
    round        INTEGER NOT NULL CHECK (round >= 1),
    n_attempts   INTEGER NOT NULL DEFAULT 0 CHECK (n_attempts >= 0),
    n_overruns   INTEGER NOT NULL DEFAULT 0 CHECK (n_overruns >= 0),
    owner        TEXT,
    leased_until INTEGER,
    n_read       INTEGER NOT NULL DEFAULT 0 CHECK (n_read >= 0),
    n_filtered   INTEGER NOT NULL DEFAULT 0 CHECK (n_filtered >= 0),
    n_rejected   INTEGER NOT NULL DEFAULT 0 CHECK (n_rejected >= 0),
    n_out        INTEGER NOT NULL DEFAULT 0 CHECK (n_out >= 0),
    -- What became of each rule.
    rules        TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(rules)),
    message      TEXT,
    output       TEXT,
    quarantine   TEXT,
    started_at   INTEGER,
    finished_at  INTEGER,
    revision     INTEGER NOT NULL CHECK (revision >= 1),
    PRIMARY KEY (run_id, number)
) STRICT, WITHOUT ROWID;
