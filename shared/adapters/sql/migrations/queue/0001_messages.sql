CREATE TABLE queue (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- The id of the last message of any queue. Ids are never used twice, and grow in the order sent.
CREATE TABLE last_message (id INTEGER NOT NULL) STRICT;
INSERT INTO last_message VALUES (0);

-- state: 0 waits for visible_at, 1 is in a receiver's hands until visible_at,
--        2 is parked: a message of its group was in a receiver's hands when it was its turn.
-- n_attempts starts again at a replay; receipt counts every hand-out and never starts again.
CREATE TABLE message (
    id         INTEGER PRIMARY KEY,
    queue_id   INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    sent_at    INTEGER NOT NULL,
    group_key  TEXT,
    body       TEXT    NOT NULL,
    state      INTEGER NOT NULL DEFAULT 0,
    n_attempts INTEGER NOT NULL DEFAULT 0,
    receipt    INTEGER NOT NULL DEFAULT 0,
    reason     TEXT,
    trace_parent TEXT
) STRICT;
CREATE INDEX message_turn ON message (queue_id, visible_at) WHERE state < 2;
CREATE INDEX message_held ON message (queue_id, group_key, visible_at) WHERE state = 1;
CREATE INDEX message_parked ON message (queue_id, group_key) WHERE state = 2;

CREATE TABLE dead_letter (
    id         INTEGER PRIMARY KEY,
    queue_id   INTEGER NOT NULL,
    died_at    INTEGER NOT NULL,
    sent_at    INTEGER NOT NULL,
    group_key  TEXT,
    body       TEXT    NOT NULL,
    n_attempts INTEGER NOT NULL,
    receipt    INTEGER NOT NULL,
    reason     TEXT    NOT NULL
) STRICT;
CREATE INDEX dead_letter_age ON dead_letter (queue_id, died_at);

-- The newest dedupe keys, as digests, in the order of their messages; writers have a copy in memory.
CREATE TABLE recent_key (
    message_id INTEGER PRIMARY KEY,
    key        BLOB    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- The other keys that are remembered.
CREATE TABLE sent_key (
    key        BLOB    PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sent_key_age ON sent_key (expires_at);
