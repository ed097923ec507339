-- Figures of the first page, kept exact by every change, so that no page counts cases.
-- Each statement counts what it changed at once: what came less what went.

-- Rows that are not deleted: `account`, `contact`, `case`, and of the cases `open_case`.
CREATE TABLE moodbridge.row_counts (
    name   text COLLATE "C" PRIMARY KEY,
    n_rows bigint NOT NULL
);

INSERT INTO moodbridge.row_counts (name, n_rows)
VALUES ('account', 0), ('contact', 0), ('case', 0), ('open_case', 0);

-- The empty status stands for none: text that is empty is never stored.
CREATE TABLE moodbridge.case_status_counts (
    status  text COLLATE "C" PRIMARY KEY,
    n_cases bigint NOT NULL
);

CREATE TABLE moodbridge.case_day_counts (
    day      bigint PRIMARY KEY,
    n_opened bigint NOT NULL DEFAULT 0,
    n_closed bigint NOT NULL DEFAULT 0
);

-- Changes by whole second since 1970; only the last minutes are kept.
CREATE TABLE moodbridge.change_second_counts (
    second    bigint PRIMARY KEY,
    n_changes bigint NOT NULL
);

-- One case that came (1) or went (-1).
CREATE TYPE moodbridge.counted_case AS (
    sign       integer,
    is_closed  boolean,
    status     text,
    opened_day bigint,
    closed_day bigint
);

CREATE FUNCTION moodbridge.count_cases(moved moodbridge.counted_case[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE moodbridge.row_counts SET n_rows = n_rows + delta.n
    FROM (
        SELECT 'case' AS name, sum(sign) AS n FROM unnest(moved)
        UNION ALL
        SELECT 'open_case', sum(sign) FROM unnest(moved) WHERE NOT is_closed
    ) AS delta
    WHERE row_counts.name = delta.name AND delta.n <> 0;

    INSERT INTO moodbridge.case_status_counts AS stored (status, n_cases)
    SELECT coalesce(status, ''), sum(sign) FROM unnest(moved) GROUP BY 1 HAVING sum(sign) <> 0
    ON CONFLICT (status) DO UPDATE SET n_cases = stored.n_cases + excluded.n_cases;

    INSERT INTO moodbridge.case_day_counts AS stored (day, n_opened, n_closed)
    SELECT day, sum(opened), sum(closed)
    FROM (
        SELECT opened_day AS day, sign AS opened, 0 AS closed FROM unnest(moved)
        UNION ALL
        SELECT closed_day, 0, sign FROM unnest(moved)
    ) AS days
    WHERE day IS NOT NULL
    GROUP BY day HAVING sum(opened) <> 0 OR sum(closed) <> 0
    ON CONFLICT (day) DO UPDATE SET
        n_opened = stored.n_opened + excluded.n_opened,
        n_closed = stored.n_closed + excluded.n_closed;
END $$;

CREATE FUNCTION moodbridge.count_inserted_cases() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved moodbridge.counted_case[];
BEGIN
    SELECT array_agg((1, is_closed, status, opened_day, closed_day)::moodbridge.counted_case)
    INTO moved FROM came WHERE NOT is_deleted;
    IF moved IS NOT NULL THEN
        PERFORM moodbridge.count_cases(moved);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION moodbridge.count_updated_cases() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved moodbridge.counted_case[];
BEGIN
    SELECT array_agg((sign, is_closed, status, opened_day, closed_day)::moodbridge.counted_case)
    INTO moved
    FROM (
        SELECT sum(sign) AS sign, is_closed, status, opened_day, closed_day
        FROM (
            SELECT 1 AS sign, is_closed, status, opened_day, closed_day
            FROM came WHERE NOT is_deleted
            UNION ALL
            SELECT -1, is_closed, status, opened_day, closed_day FROM went WHERE NOT is_deleted
        ) AS both_sides
        GROUP BY is_closed, status, opened_day, closed_day
        HAVING sum(sign) <> 0
    ) AS moves;
    IF moved IS NOT NULL THEN
        PERFORM moodbridge.count_cases(moved);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER cases_counted_on_insert AFTER INSERT ON moodbridge.cases
    REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION moodbridge.count_inserted_cases();
CREATE TRIGGER cases_counted_on_update AFTER UPDATE ON moodbridge.cases
    REFERENCING OLD TABLE AS went NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION moodbridge.count_updated_cases();

-- Counts rows of the table that the argument names.
CREATE FUNCTION moodbridge.count_inserted_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    SELECT count(*) INTO n FROM came WHERE NOT is_deleted;
    IF n <> 0 THEN
        UPDATE moodbridge.row_counts SET n_rows = n_rows + n WHERE name = tg_argv[0];
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION moodbridge.count_updated_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    SELECT (SELECT count(*) FROM came WHERE NOT is_deleted)
        - (SELECT count(*) FROM went WHERE NOT is_deleted) INTO n;
    IF n <> 0 THEN
        UPDATE moodbridge.row_counts SET n_rows = n_rows + n WHERE name = tg_argv[0];
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER accounts_counted_on_insert AFTER INSERT ON moodbridge.accounts
    REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION moodbridge.count_inserted_rows('account');
CREATE TRIGGER accounts_counted_on_update AFTER UPDATE ON moodbridge.accounts
    REFERENCING OLD TABLE AS went NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION moodbridge.count_updated_rows('account');
CREATE TRIGGER contacts_counted_on_insert AFTER INSERT ON moodbridge.contacts
    REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION moodbridge.count_inserted_rows('contact');
CREATE TRIGGER contacts_counted_on_update AFTER UPDATE ON moodbridge.contacts
    REFERENCING OLD TABLE AS went NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION moodbridge.count_updated_rows('contact');

-- Rows are marked, not removed: counting them down again is not needed anywhere else.
CREATE TRIGGER accounts_are_never_removed BEFORE DELETE ON moodbridge.accounts
    FOR EACH ROW EXECUTE FUNCTION
        moodbridge.refuse('accounts are marked deleted, never removed');
CREATE TRIGGER contacts_are_never_removed BEFORE DELETE ON moodbridge.contacts
    FOR EACH ROW EXECUTE FUNCTION
        moodbridge.refuse('contacts are marked deleted, never removed');
CREATE TRIGGER cases_are_never_removed BEFORE DELETE ON moodbridge.cases
    FOR EACH ROW EXECUTE FUNCTION
        moodbridge.refuse('cases are marked deleted, never removed');

CREATE FUNCTION moodbridge.count_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO moodbridge.change_second_counts AS stored (second, n_changes)
    SELECT at / 1000, count(*) FROM came GROUP BY 1
    ON CONFLICT (second) DO UPDATE SET n_changes = stored.n_changes + excluded.n_changes;
    DELETE FROM moodbridge.change_second_counts
    WHERE second < (SELECT max(at) FROM came) / 1000 - 600;
    RETURN NULL;
END $$;

CREATE TRIGGER changes_counted AFTER INSERT ON moodbridge.changes
    REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION moodbridge.count_changes();
