-- The queue of this deployment. Everything is in the schema moodbridge_queue, which is made before
-- this runs. All times are milliseconds since 1970.

CREATE TABLE moodbridge_queue.queue (
    id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);

-- Ids are never used twice, and grow in the order sent.
CREATE SEQUENCE moodbridge_queue.message_id AS bigint;

-- state: 0 waits for visible_at, 1 is in a receiver's hands until visible_at,
--        2 is parked: a message of its group was in a receiver's hands when it was its turn.
-- n_attempts starts again at a replay; receipt counts every hand-out and never starts again.
CREATE TABLE moodbridge_queue.message (
    queue_id     integer  NOT NULL,
    id           bigint   NOT NULL DEFAULT nextval('moodbridge_queue.message_id'),
    visible_at   bigint   NOT NULL,
    sent_at      bigint   NOT NULL,
    receipt      bigint   NOT NULL DEFAULT 0,
    n_attempts   integer  NOT NULL DEFAULT 0,
    state        smallint NOT NULL DEFAULT 0,
    group_key    text,
    body         text     NOT NULL,
    reason       text,
    trace_parent text,
    PRIMARY KEY (queue_id, id)
) WITH (
    -- Every message dies soon: dead rows are removed by their number, not by their share.
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX message_turn ON moodbridge_queue.message (queue_id, visible_at, id) WHERE state < 2;
CREATE INDEX message_held ON moodbridge_queue.message (queue_id, group_key, visible_at)
    WHERE state = 1 AND group_key IS NOT NULL;
CREATE INDEX message_parked ON moodbridge_queue.message (queue_id, group_key, id) WHERE state = 2;

CREATE TABLE moodbridge_queue.dead_letter (
    queue_id   integer NOT NULL,
    id         bigint  NOT NULL,
    died_at    bigint  NOT NULL,
    sent_at    bigint  NOT NULL,
    receipt    bigint  NOT NULL,
    n_attempts integer NOT NULL,
    group_key  text,
    body       text    NOT NULL,
    reason     text    NOT NULL,
    PRIMARY KEY (queue_id, id)
);
CREATE INDEX dead_letter_age ON moodbridge_queue.dead_letter (queue_id, died_at, id);

-- The dedupe keys that are remembered, as digests.
CREATE TABLE moodbridge_queue.sent_key (
    queue_id   integer NOT NULL,
    key        bytea   NOT NULL,
    expires_at bigint  NOT NULL,
    PRIMARY KEY (queue_id, key)
);
CREATE INDEX sent_key_age ON moodbridge_queue.sent_key (queue_id, expires_at);
