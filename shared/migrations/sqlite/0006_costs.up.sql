-- What calls to platforms cost, summed up by day and by what they were made for.

-- An empty connection, case or run stands for none: parts of a key are never null.
CREATE TABLE costs (
    day        TEXT NOT NULL CHECK (length(day) = 10),
    platform   TEXT NOT NULL,
    operation  TEXT NOT NULL,
    unit       TEXT NOT NULL,
    connection TEXT NOT NULL DEFAULT '',
    case_id    TEXT NOT NULL DEFAULT '',
    run_id     TEXT NOT NULL DEFAULT '',
    price_list TEXT NOT NULL,
    quantity   INTEGER NOT NULL CHECK (quantity >= 0),
    -- Billionths of the price list's currency.
    cost       INTEGER NOT NULL,
    PRIMARY KEY (day, platform, operation, unit, connection, case_id, run_id, price_list)
) STRICT, WITHOUT ROWID;

CREATE INDEX costs_by_case ON costs (case_id, day) WHERE case_id <> '';

-- The batches that were counted, so that none counts twice; kept for a day.
CREATE TABLE cost_batches (
    id         TEXT PRIMARY KEY,
    counted_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX cost_batches_by_age ON cost_batches (counted_at);
