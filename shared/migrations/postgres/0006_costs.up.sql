-- What calls to platforms cost, summed up by day and by what they were made for.

-- An empty connection, case or run stands for none: parts of a key are never null.
CREATE TABLE moodbridge.costs (
    day        text COLLATE "C" NOT NULL CHECK (length(day) = 10),
    platform   text COLLATE "C" NOT NULL,
    operation  text COLLATE "C" NOT NULL,
    unit       text COLLATE "C" NOT NULL,
    connection text COLLATE "C" NOT NULL DEFAULT '',
    case_id    text COLLATE "C" NOT NULL DEFAULT '',
    run_id     text COLLATE "C" NOT NULL DEFAULT '',
    price_list text COLLATE "C" NOT NULL,
    quantity   bigint NOT NULL CHECK (quantity >= 0),
    -- Billionths of the price list's currency.
    cost       bigint NOT NULL,
    PRIMARY KEY (day, platform, operation, unit, connection, case_id, run_id, price_list)
);

CREATE INDEX costs_by_case ON moodbridge.costs (case_id, day) WHERE case_id <> '';

-- The batches that were counted, so that none counts twice; kept for a day.
CREATE TABLE moodbridge.cost_batches (
    id         text COLLATE "C" PRIMARY KEY,
    counted_at bigint NOT NULL
);

CREATE INDEX cost_batches_by_age ON moodbridge.cost_batches (counted_at);
