-- Runs of pipelines, one row a run.
CREATE TABLE moodbridge.pipeline_runs (
    id              text COLLATE "C" PRIMARY KEY,
    pipeline        text COLLATE "C" NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('source', 'replay')),
    state           text NOT NULL
        CHECK (state IN ('queued', 'running', 'succeeded', 'refused', 'failed', 'cancelled')),
    round           bigint NOT NULL CHECK (round >= 1),
    -- The digest of the definition that the round works by.
    definition      text,
    -- The partitions that were asked for, as JSON; none for all.
    only_partitions text NOT NULL DEFAULT '[]',
    n_partitions    bigint CHECK (n_partitions >= 0),
    message         text,
    started_by      text NOT NULL,
    correlation_id  text NOT NULL,
    idempotency_key text COLLATE "C",
    requested_at    bigint NOT NULL,
    started_at      bigint,
    finished_at     bigint,
    -- The rows of a replay, as JSON.
    replayed        text,
    revision        bigint NOT NULL CHECK (revision >= 1)
);

CREATE UNIQUE INDEX pipeline_runs_by_key ON moodbridge.pipeline_runs (pipeline, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX pipeline_runs_by_request ON moodbridge.pipeline_runs (requested_at, id);
CREATE INDEX pipeline_runs_by_pipeline ON moodbridge.pipeline_runs (pipeline, requested_at, id);

-- Their partitions, one row a file of the source.
CREATE TABLE moodbridge.pipeline_partitions (
    run_id       text COLLATE "C" NOT NULL,
    number       bigint NOT NULL CHECK (number >= 1),
    name         text NOT NULL,
    state        text NOT NULL
        CHECK (state IN ('queued', 'running', 'succeeded', 'refused', 'failed', 'cancelled')),
    round        bigint NOT NULL CHECK (round >= 1),
    n_attempts   bigint NOT NULL DEFAULT 0 CHECK (n_attempts >= 0),
    n_overruns   bigint NOT NULL DEFAULT 0 CHECK (n_overruns >= 0),
    owner        text,
    leased_until bigint,
    n_read       bigint NOT NULL DEFAULT 0 CHECK (n_read >= 0),
    n_filtered   bigint NOT NULL DEFAULT 0 CHECK (n_filtered >= 0),
    n_rejected   bigint NOT NULL DEFAULT 0 CHECK (n_rejected >= 0),
    n_out        bigint NOT NULL DEFAULT 0 CHECK (n_out >= 0),
    -- What became of each rule, as JSON.
    rules        text NOT NULL DEFAULT '[]',
    message      text,
    output       text,
    quarantine   text,
    started_at   bigint,
    finished_at  bigint,
    revision     bigint NOT NULL CHECK (revision >= 1),
    PRIMARY KEY (run_id, number)
);
