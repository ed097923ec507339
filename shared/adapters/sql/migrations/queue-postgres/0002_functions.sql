-- What is done to the queue, each as one call and one commit. A function's statements each see what
-- was committed before them (READ COMMITTED), which the claims below need.
--
-- A group is guarded by an advisory lock, one of 1,024 for each queue, held to the end of the call:
-- whoever takes, parks or settles a message of the group holds it. A receiver never waits for one,
-- it passes over the group; whoever settles waits for them in ascending order.
-- The planner must not be led astray by the statistics of a table that was empty a second ago, so
-- the functions forbid what never pays for a queue.

-- The server's clock, so that processes whose own clocks differ agree; a test gives its own time.
CREATE FUNCTION moodbridge_queue.now_ms(in_now bigint) RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(in_now, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)
$$;

CREATE FUNCTION moodbridge_queue.slot(in_group text) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$ SELECT hashtext(in_group) & 1023 $$;

-- Waits for the locks of groups, and returns the time at which they were had.
CREATE FUNCTION moodbridge_queue.lock_groups(in_queue integer, in_now bigint, in_groups text[])
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = moodbridge_queue, pg_catalog, pg_temp AS $$
DECLARE
    lock_slot integer;
BEGIN
    FOR lock_slot IN
        SELECT DISTINCT slot(it) FROM unnest(in_groups) AS it WHERE it IS NOT NULL ORDER BY 1
    LOOP
        PERFORM pg_advisory_xact_lock(1296191744 + in_queue, lock_slot);
    END LOOP;
    RETURN now_ms(in_now);
END $$;

-- Lets the next parked messages of groups out. The caller has their locks.
CREATE FUNCTION moodbridge_queue.unpark(in_queue integer, in_groups text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = moodbridge_queue, pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off AS $$
BEGIN
    UPDATE message SET state = 0
    WHERE queue_id = in_queue AND id = ANY (ARRAY(
        SELECT parked.id
        FROM (SELECT DISTINCT it AS group_key FROM unnest(in_groups) AS it) AS settled
        CROSS JOIN LATERAL (
            SELECT next.id FROM message AS next
            WHERE next.queue_id = in_queue AND next.group_key = settled.group_key
              AND next.state = 2
            ORDER BY next.id LIMIT 16) AS parked));
END $$;

-- Makes dead letters of messages. The reason of an earlier release stands before one that nobody
-- gave. The caller has the locks of their groups.
CREATE FUNCTION moodbridge_queue.set_aside(
    in_queue integer, in_at bigint, in_ids bigint[], in_reason text) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = moodbridge_queue, pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off AS $$
DECLARE
    n_dead bigint;
BEGIN
    WITH gone AS (
        DELETE FROM message WHERE queue_id = in_queue AND id = ANY (in_ids) RETURNING *)
    INSERT INTO dead_letter
        (queue_id, id, died_at, sent_at, receipt, n_attempts, group_key, body, reason)
    SELECT queue_id, id, in_at, sent_at, receipt, n_attempts, group_key, body,
        coalesce(in_reason, concat(reason || ' (',
            'handed out ', n_attempts, ' times and never settled',
            CASE WHEN reason IS NOT NULL THEN ')' END))
    FROM gone;
    GET DIAGNOSTICS n_dead = ROW_COUNT;
    RETURN n_dead;
END $$;

-- Adds messages in order; returns for each whether it was queued. Of equal keys, wherever they are
-- sent at this instant, the primary key lets one through; the others wait for its commit.
CREATE FUNCTION moodbridge_queue.send(
    in_queue integer, in_now bigint, in_dedupe_for bigint, in_bodies text[], in_groups text[],
    in_keys bytea[], in_delays bigint[], in_trace_parents text[]) RETURNS boolean[]
LANGUAGE plpgsql VOLATILE
SET search_path = moodbridge_queue, pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off AS $$
DECLARE
    called_at bigint := now_ms(in_now);
    queued boolean[];
BEGIN
    -- Keys are added in ascending order, so that two batches cannot wait for each other.
    WITH first AS (
        SELECT DISTINCT ON (it.key) it.key, it.idx
        FROM unnest(in_keys) WITH ORDINALITY AS it (key, idx)
        WHERE it.key IS NOT NULL ORDER BY it.key, it.idx
    ), fresh AS (
        INSERT INTO sent_key (queue_id, key, expires_at)
        SELECT in_queue, first.key, called_at + in_dedupe_for FROM first ORDER BY first.key
        ON CONFLICT (queue_id, key) DO UPDATE SET expires_at = excluded.expires_at
            WHERE sent_key.expires_at <= called_at
        RETURNING sent_key.key
    ), chosen AS (
        SELECT first.idx FROM first JOIN fresh ON fresh.key = first.key
    )
    SELECT array_agg(it.key IS NULL OR it.idx IN (SELECT chosen.idx FROM chosen) ORDER BY it.idx)
    INTO queued
    FROM unnest(in_keys) WITH ORDINALITY AS it (key, idx);

    INSERT INTO message (queue_id, visible_at, sent_at, group_key, body, trace_parent)
    SELECT in_queue, called_at + it.delay, called_at, it.group_key, it.body, it.trace_parent
    FROM unnest(in_bodies, in_groups, in_delays, in_trace_parents, queued)
        WITH ORDINALITY AS it (body, group_key, delay, trace_parent, is_queued, idx)
    WHERE it.is_queued ORDER BY it.idx;
    RETURN queued;
END $$;

-- Takes the messages whose turn it is, none of a group that is in somebody's hands. Messages of
-- such a group are parked, so that no later receiver has to pass over them again. When nothing is
-- taken, one row without an id says how soon the next message is due.
CREATE FUNCTION moodbridge_queue.receive(
    in_queue integer, in_now bigint, in_max integer, in_visibility bigint, in_max_attempts integer)
RETURNS TABLE (id bigint, body text, group_key text, n_attempts integer, sent_at bigint,
    trace_parent text, receipt bigint, due_in bigint)
LANGUAGE plpgsql VOLATILE
SET search_path = moodbridge_queue, pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    called_at bigint := now_ms(in_now);
    n_looked_at integer := in_max;
    n_taken integer := 0;
    n_now integer;
    found_ids bigint[];
    free_ids bigint[];
    held_ids bigint[];
    dead_ids bigint[];
BEGIN
    FOR nth_look IN 1..6 LOOP
        SELECT array_agg(next.id) INTO found_ids FROM (
            SELECT turn.id FROM message AS turn
            WHERE turn.queue_id = in_queue AND turn.visible_at <= called_at AND turn.state < 2
              AND (turn.group_key IS NULL OR
                  pg_try_advisory_xact_lock(1296191744 + in_queue, slot(turn.group_key)))
            ORDER BY turn.visible_at, turn.id LIMIT n_looked_at
            FOR UPDATE SKIP LOCKED) AS next;
        EXIT WHEN found_ids IS NULL;

        -- Only now that the groups are locked can be seen what others took of them.
        SELECT
            array_agg(next.id ORDER BY next.visible_at, next.id)
                FILTER (WHERE NOT next.is_held AND NOT next.is_dead),
            array_agg(next.id) FILTER (WHERE next.is_held),
            array_agg(next.id) FILTER (WHERE NOT next.is_held AND next.is_dead)
        INTO free_ids, held_ids, dead_ids
        FROM (
            SELECT turn.id, turn.visible_at, turn.n_attempts >= in_max_attempts AS is_dead,
                turn.group_key IS NOT NULL AND EXISTS (
                    SELECT 1 FROM message AS held
                    WHERE held.queue_id = in_queue AND held.group_key = turn.group_key
                      AND held.state = 1 AND held.visible_at > called_at) AS is_held
            FROM message AS turn
            WHERE turn.queue_id = in_queue AND turn.id = ANY (found_ids)) AS next;

        IF held_ids IS NOT NULL THEN
            UPDATE message SET state = 2 WHERE queue_id = in_queue AND id = ANY (held_ids);
        END IF;
        IF dead_ids IS NOT NULL THEN
            PERFORM unpark(in_queue, ARRAY(
                SELECT dead.group_key FROM message AS dead
                WHERE dead.queue_id = in_queue AND dead.id = ANY (dead_ids)));
            PERFORM set_aside(in_queue, called_at, dead_ids, NULL);
        END IF;
        RETURN QUERY
            UPDATE message
            SET state = 1, visible_at = called_at + in_visibility,
                n_attempts = n_attempts + 1, receipt = receipt + 1
            WHERE queue_id = in_queue AND id = ANY (free_ids[:in_max - n_taken])
            RETURNING id, body, group_key, n_attempts, sent_at, trace_parent, receipt, NULL::bigint;
        GET DIAGNOSTICS n_now = ROW_COUNT;
        n_taken := n_taken + n_now;
        EXIT WHEN n_taken >= in_max
            OR (dead_ids IS NULL AND cardinality(found_ids) < n_looked_at);
        n_looked_at := least(greatest(n_looked_at * 4, 64), greatest(in_max, 4096));
    END LOOP;

    IF n_taken = 0 THEN
        RETURN QUERY
            SELECT NULL::bigint, NULL, NULL, NULL::integer, NULL::bigint, NULL, NULL::bigint, (
                SELECT next.visible_at - called_at FROM message AS next
                WHERE next.queue_id = in_queue AND next.state < 2
                ORDER BY next.visible_at, next.id LIMIT 1);
    END IF;
END $$;

-- Removes messages, as far as their receipts are valid.
CREATE FUNCTION moodbridge_queue.ack(
    in_queue integer, in_now bigint, in_ids bigint[], in_receipts bigint[], in_groups text[])
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = moodbridge_queue, pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off AS $$
DECLARE
    called_at bigint := lock_groups(in_queue, in_now, in_groups);
BEGIN
    DELETE FROM message USING unnest(in_ids, in_receipts) AS held (id, receipt)
    WHERE message.queue_id = in_queue AND message.id = held.id AND message.receipt = held.receipt
      AND message.state = 1 AND message.visible_at > called_at;
    IF in_groups <> '{}' THEN
        PERFORM unpark(in_queue, in_groups);
    END IF;
END $$;

-- Hides a message for longer; says whether its receipt was valid. The lock of its group is needed:
-- a receiver may be deciding at this instant that the group is free.
CREATE FUNCTION moodbridge_queue.extend(
    in_queue integer, in_now bigint, in_id bigint, in_receipt bigint, in_group text,
    in_visibility bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = moodbridge_queue, pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off AS $$
DECLARE
    called_at bigint := lock_groups(in_queue, in_now, ARRAY[in_group]);
BEGIN
    UPDATE message SET visible_at = called_at + in_visibility
    WHERE queue_id = in_queue AND id = in_id AND receipt = in_receipt
      AND state = 1 AND visible_at > called_at;
    RETURN FOUND;
END $$;

-- Gives a message back, or sets it aside when it was handed out as often as it may be.
CREATE FUNCTION moodbridge_queue.release(
    in_queue integer, in_now bigint, in_id bigint, in_receipt bigint, in_group text,
    in_delay bigint, in_reason text, in_max_attempts integer) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = moodbridge_queue, pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off AS $$
DECLARE
    called_at bigint := lock_groups(in_queue, in_now, ARRAY[in_group]);
    n_handed_out integer;
BEGIN
    UPDATE message SET visible_at = called_at + in_delay, state = 0, reason = in_reason
    WHERE queue_id = in_queue AND id = in_id AND receipt = in_receipt
      AND state = 1 AND visible_at > called_at
    RETURNING n_attempts INTO n_handed_out;
    IF n_handed_out >= in_max_attempts THEN
        PERFORM set_aside(in_queue, called_at, ARRAY[in_id], in_reason);
    END IF;
    PERFORM unpark(in_queue, ARRAY[in_group]);
END $$;

-- Takes the last hand-out of a message back; without a delay it takes its old place again.
CREATE FUNCTION moodbridge_queue.give_back(
    in_queue integer, in_now bigint, in_id bigint, in_receipt bigint, in_group text,
    in_delay bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = moodbridge_queue, pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off AS $$
DECLARE
    called_at bigint := lock_groups(in_queue, in_now, ARRAY[in_group]);
BEGIN
    UPDATE message
    SET visible_at = CASE WHEN in_delay > 0 THEN called_at + in_delay
                          ELSE least(sent_at, called_at) END,
        state = 0, n_attempts = greatest(n_attempts - 1, 0)
    WHERE queue_id = in_queue AND id = in_id AND receipt = in_receipt
      AND state = 1 AND visible_at > called_at;
    PERFORM unpark(in_queue, ARRAY[in_group]);
END $$;

-- Sets a message aside.
CREATE FUNCTION moodbridge_queue.bury(
    in_queue integer, in_now bigint, in_id bigint, in_receipt bigint, in_group text, in_reason text)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = moodbridge_queue, pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off AS $$
DECLARE
    called_at bigint := lock_groups(in_queue, in_now, ARRAY[in_group]);
BEGIN
    PERFORM 1 FROM message
    WHERE queue_id = in_queue AND id = in_id AND receipt = in_receipt
      AND state = 1 AND visible_at > called_at FOR UPDATE;
    IF FOUND THEN
        PERFORM set_aside(in_queue, called_at, ARRAY[in_id], in_reason);
    END IF;
    PERFORM unpark(in_queue, ARRAY[in_group]);
END $$;

-- Sends dead letters again, those with `in_ids` or all; returns how many.
CREATE FUNCTION moodbridge_queue.replay(in_queue integer, in_now bigint, in_ids bigint[])
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = moodbridge_queue, pg_catalog, pg_temp AS $$
DECLARE
    n_replayed bigint;
BEGIN
    WITH risen AS (
        DELETE FROM dead_letter
        WHERE queue_id = in_queue AND (in_ids IS NULL OR id = ANY (in_ids)) RETURNING *)
    INSERT INTO message (queue_id, id, visible_at, sent_at, group_key, body, receipt)
    SELECT queue_id, id, now_ms(in_now), sent_at, group_key, body, receipt FROM risen;
    GET DIAGNOSTICS n_replayed = ROW_COUNT;
    RETURN n_replayed;
END $$;

-- Removes some keys that are no longer remembered; returns how many.
CREATE FUNCTION moodbridge_queue.prune(in_queue integer, in_now bigint, in_max integer)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = moodbridge_queue, pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off AS $$
DECLARE
    n_pruned bigint;
BEGIN
    DELETE FROM sent_key WHERE queue_id = in_queue AND key = ANY (ARRAY(
        SELECT old.key FROM sent_key AS old
        WHERE old.queue_id = in_queue AND old.expires_at <= now_ms(in_now)
        ORDER BY old.expires_at LIMIT in_max FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS n_pruned = ROW_COUNT;
    RETURN n_pruned;
END $$;
