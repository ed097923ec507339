-- Figures of the first page, kept exact by every change, so that no page counts cases.

-- Rows that are not deleted: `account`, `contact`, `case`, and of the cases `open_case`.
CREATE TABLE row_counts (
    name   TEXT PRIMARY KEY,
    n_rows INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO row_counts (name, n_rows)
VALUES ('account', 0), ('contact', 0), ('case', 0), ('open_case', 0);

-- The empty status stands for none: text that is empty is never stored.
CREATE TABLE case_status_counts (
    status  TEXT PRIMARY KEY,
    n_cases INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE case_day_counts (
    day      INTEGER PRIMARY KEY,
    n_opened INTEGER NOT NULL DEFAULT 0,
    n_closed INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Changes by whole second since 1970; only the last minutes are kept.
CREATE TABLE change_second_counts (
    second    INTEGER PRIMARY KEY,
    n_changes INTEGER NOT NULL
) STRICT;

CREATE TRIGGER accounts_counted_on_insert AFTER INSERT ON accounts WHEN NOT new.is_deleted
BEGIN
    UPDATE row_counts SET n_rows = n_rows + 1 WHERE name = 'account';
END;

CREATE TRIGGER accounts_counted_on_update AFTER UPDATE OF is_deleted ON accounts
WHEN new.is_deleted <> old.is_deleted
BEGIN
    UPDATE row_counts SET n_rows = n_rows + old.is_deleted - new.is_deleted
    WHERE name = 'account';
END;

CREATE TRIGGER contacts_counted_on_insert AFTER INSERT ON contacts WHEN NOT new.is_deleted
BEGIN
    UPDATE row_counts SET n_rows = n_rows + 1 WHERE name = 'contact';
END;

CREATE TRIGGER contacts_counted_on_update AFTER UPDATE OF is_deleted ON contacts
WHEN new.is_deleted <> old.is_deleted
BEGIN
    UPDATE row_counts SET n_rows = n_rows + old.is_deleted - new.is_deleted
    WHERE name = 'contact';
END;

CREATE TRIGGER cases_counted_on_insert AFTER INSERT ON cases WHEN NOT new.is_deleted
BEGIN
    UPDATE row_counts SET n_rows = n_rows + 1 WHERE name = 'case';
    UPDATE row_counts SET n_rows = n_rows + 1 WHERE name = 'open_case' AND NOT new.is_closed;
    INSERT INTO case_status_counts (status, n_cases) VALUES (coalesce(new.status, ''), 1)
    ON CONFLICT (status) DO UPDATE SET n_cases = n_cases + 1;
    INSERT INTO case_day_counts (day, n_opened) SELECT new.opened_day, 1
    WHERE new.opened_day IS NOT NULL
    ON CONFLICT (day) DO UPDATE SET n_opened = n_opened + 1;
    INSERT INTO case_day_counts (day, n_closed) SELECT new.closed_day, 1
    WHERE new.closed_day IS NOT NULL
    ON CONFLICT (day) DO UPDATE SET n_closed = n_closed + 1;
END;

CREATE TRIGGER cases_counted_on_update
AFTER UPDATE OF is_deleted, is_closed, status, opened_at, closed_at ON cases
WHEN new.is_deleted <> old.is_deleted
    OR new.is_closed <> old.is_closed
    OR new.status IS NOT old.status
    OR new.opened_day IS NOT old.opened_day
    OR new.closed_day IS NOT old.closed_day
BEGIN
    UPDATE row_counts SET n_rows = n_rows + old.is_deleted - new.is_deleted WHERE name = 'case';
    UPDATE row_counts SET n_rows = n_rows
        + (NOT new.is_deleted AND NOT new.is_closed) - (NOT old.is_deleted AND NOT old.is_closed)
    WHERE name = 'open_case';
    UPDATE case_status_counts SET n_cases = n_cases - 1
    WHERE status = coalesce(old.status, '') AND NOT old.is_deleted;
    INSERT INTO case_status_counts (status, n_cases) SELECT coalesce(new.status, ''), 1
    WHERE NOT new.is_deleted
    ON CONFLICT (status) DO UPDATE SET n_cases = n_cases + 1;
    UPDATE case_day_counts SET n_opened = n_opened - 1
    WHERE day = old.opened_day AND NOT old.is_deleted;
    INSERT INTO case_day_counts (day, n_opened) SELECT new.opened_day, 1
    WHERE new.opened_day IS NOT NULL AND NOT new.is_deleted
    ON CONFLICT (day) DO UPDATE SET n_opened = n_opened + 1;
    UPDATE case_day_counts SET n_closed = n_closed - 1
    WHERE day = old.closed_day AND NOT old.is_deleted;
    INSERT INTO case_day_counts (day, n_closed) SELECT new.closed_day, 1
    WHERE new.closed_day IS NOT NULL AND NOT new.is_deleted
    ON CONFLICT (day) DO UPDATE SET n_closed = n_closed + 1;
END;

-- Rows are marked, not removed: counting them down again is not needed anywhere else.
CREATE TRIGGER accounts_are_never_removed BEFORE DELETE ON accounts
BEGIN
    SELECT raise(ABORT, 'accounts are marked deleted, never removed');
END;

CREATE TRIGGER contacts_are_never_removed BEFORE DELETE ON contacts
BEGIN
    SELECT raise(ABORT, 'contacts are marked deleted, never removed');
END;

CREATE TRIGGER cases_are_never_removed BEFORE DELETE ON cases
BEGIN
    SELECT raise(ABORT, 'cases are marked deleted, never removed');
END;

CREATE TRIGGER changes_counted AFTER INSERT ON changes
BEGIN
    INSERT INTO change_second_counts (second, n_changes) VALUES (new.at / 1000, 1)
    ON CONFLICT (second) DO UPDATE SET n_changes = n_changes + 1;
    DELETE FROM change_second_counts WHERE second < new.at / 1000 - 600;
END;
