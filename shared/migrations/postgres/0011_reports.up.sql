-- Reports that were asked for, one row a report.
CREATE TABLE moodbridge.reports (
    id              text COLLATE "C" PRIMARY KEY,
    report          text COLLATE "C" NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('firm', 'case', 'pipeline')),
    -- Our id of the case, or the name of the pipeline.
    subject         text COLLATE "C",
    period          text NOT NULL,
    -- As JSON.
    formats         text NOT NULL,
    state           text NOT NULL CHECK (state IN ('queued', 'building', 'ready', 'failed')),
    message         text,
    ordered_by      text NOT NULL,
    -- Whose sight it is made for: of nobody in particular when there is no person.
    person          text COLLATE "C",
    sees_only       bigint NOT NULL DEFAULT 0 CHECK (sees_only IN (0, 1)),
    correlation_id  text NOT NULL,
    idempotency_key text COLLATE "C",
    n_attempts      bigint NOT NULL CHECK (n_attempts >= 0),
    leased_until    bigint,
    -- What was written, and who hears of it, as JSON.
    files           text NOT NULL,
    deliveries      text NOT NULL,
    requested_at    bigint NOT NULL,
    finished_at     bigint,
    revision        bigint NOT NULL CHECK (revision >= 1)
);

CREATE UNIQUE INDEX reports_by_key ON moodbridge.reports (report, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX reports_by_request ON moodbridge.reports (requested_at, id);
