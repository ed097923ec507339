-- Reports that were asked for, one row a report.
CREATE TABLE reports (
    id              TEXT PRIMARY KEY,
    report          TEXT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('firm', 'case', 'pipeline')),
    -- Our id of the case, or the name of the pipeline.
    subject         TEXT,
    period          TEXT NOT NULL,
    formats         TEXT NOT NULL CHECK (json_valid(formats)),
    state           TEXT NOT NULL CHECK (state IN ('queued', 'building', 'ready', 'failed')),
    message         TEXT,
    ordered_by      TEXT NOT NULL,
    -- Whose sight it is made for: of nobody in particular when there is no person.
    person          TEXT,
    sees_only       INTEGER NOT NULL DEFAULT 0 CHECK (sees_only IN (0, 1)),
    correlation_id  TEXT NOT NULL,
    idempotency_key TEXT,
    n_attempts      INTEGER NOT NULL CHECK (n_attempts >= 0),
    leased_until    INTEGER,
    -- What was written, and who hears of it.
    files           TEXT NOT NULL CHECK (json_valid(files)),
    deliveries      TEXT NOT NULL CHECK (json_valid(deliveries)),
    requested_at    INTEGER NOT NULL,
    finished_at     INTEGER,
    revision        INTEGER NOT NULL CHECK (revision >= 1)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX reports_by_key ON reports (report, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX reports_by_request ON reports (requested_at, id);
