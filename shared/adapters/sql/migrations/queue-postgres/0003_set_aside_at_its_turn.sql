-- Receiving is replaced: a message handed out too often was set aside before its turn when another
-- such message came before it, so that outcomes differed from those of the other engines.

-- Takes the messages whose turn it is, none of a group that is in somebody's hands. Messages of
-- such a group are parked, so that no later receiver has to pass over them again. When nothing is
-- taken, one row without an id says how soon the next message is due. A message that was handed out
-- as often as it may be is set aside at its own turn: not while enough others come before it.
CREATE OR REPLACE FUNCTION moodbridge_queue.receive(
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
            array_agg(next.id)
                FILTER (WHERE NOT next.is_held AND next.is_dead AND next.n_before < in_max - n_taken)
        INTO free_ids, held_ids, dead_ids
        FROM (
            SELECT seen.id, seen.visible_at, seen.is_dead, seen.is_held,
                count(*) FILTER (WHERE NOT seen.is_held AND NOT seen.is_dead)
                    OVER (ORDER BY seen.visible_at, seen.id) AS n_before
            FROM (
                SELECT turn.id, turn.visible_at, turn.n_attempts >= in_max_attempts AS is_dead,
                    turn.group_key IS NOT NULL AND EXISTS (
                        SELECT 1 FROM message AS held
                        WHERE held.queue_id = in_queue AND held.group_key = turn.group_key
                          AND held.state = 1 AND held.visible_at > called_at) AS is_held
                FROM message AS turn
                WHERE turn.queue_id = in_queue AND turn.id = ANY (found_ids)) AS seen) AS next;

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
