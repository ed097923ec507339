-- Cases by the beginnings of words in their numbers, title, court and names.
-- It holds the words only; the text stays in its tables. Deleted cases are not in it.

CREATE VIRTUAL TABLE case_search USING fts5 (
    docket_number,
    case_number,
    title,
    court,
    account_name,
    contact_name,
    content = '',
    contentless_delete = 1,
    tokenize = 'unicode61 remove_diacritics 2',
    prefix = '1 2 3'
);

-- The words of each case that is not deleted.
CREATE VIEW case_words AS
SELECT
    cases.row_number,
    cases.account_id,
    cases.contact_id,
    cases.docket_number,
    cases.case_number,
    cases.title,
    cases.court,
    accounts.name AS account_name,
    contacts.full_name AS contact_name
FROM cases
LEFT JOIN accounts ON accounts.id = cases.account_id
LEFT JOIN contacts ON contacts.id = cases.contact_id
WHERE cases.is_deleted = 0;

CREATE TRIGGER cases_found_on_insert AFTER INSERT ON cases
BEGIN
    INSERT INTO case_search
        (rowid, docket_number, case_number, title, court, account_name, contact_name)
    SELECT row_number, docket_number, case_number, title, court, account_name, contact_name
    FROM case_words WHERE row_number = new.row_number;
END;

CREATE TRIGGER cases_found_on_update
AFTER UPDATE OF
    is_deleted, docket_number, case_number, title, court, account_id, contact_id ON cases
WHEN new.is_deleted <> old.is_deleted
    OR new.docket_number IS NOT old.docket_number
    OR new.case_number IS NOT old.case_number
    OR new.title IS NOT old.title
    OR new.court IS NOT old.court
    OR new.account_id IS NOT old.account_id
    OR new.contact_id IS NOT old.contact_id
BEGIN
    DELETE FROM case_search WHERE rowid = new.row_number;
    INSERT INTO case_search
        (rowid, docket_number, case_number, title, court, account_name, contact_name)
    SELECT row_number, docket_number, case_number, title, court, account_name, contact_name
    FROM case_words WHERE row_number = new.row_number;
END;

CREATE TRIGGER accounts_found_on_insert AFTER INSERT ON accounts WHEN new.name IS NOT NULL
BEGIN
    DELETE FROM case_search
    WHERE rowid IN (SELECT row_number FROM cases WHERE account_id = new.id);
    INSERT INTO case_search
        (rowid, docket_number, case_number, title, court, account_name, contact_name)
    SELECT row_number, docket_number, case_number, title, court, account_name, contact_name
    FROM case_words WHERE account_id = new.id;
END;

CREATE TRIGGER accounts_found_on_update AFTER UPDATE OF name ON accounts
WHEN new.name IS NOT old.name
BEGIN
    DELETE FROM case_search
    WHERE rowid IN (SELECT row_number FROM cases WHERE account_id = new.id);
    INSERT INTO case_search
        (rowid, docket_number, case_number, title, court, account_name, contact_name)
    SELECT row_number, docket_number, case_number, title, court, account_name, contact_name
    FROM case_words WHERE account_id = new.id;
END;

CREATE TRIGGER contacts_found_on_insert AFTER INSERT ON contacts WHEN new.full_name IS NOT NULL
BEGIN
    DELETE FROM case_search
    WHERE rowid IN (SELECT row_number FROM cases WHERE contact_id = new.id);
    INSERT INTO case_search
        (rowid, docket_number, case_number, title, court, account_name, contact_name)
    SELECT row_number, docket_number, case_number, title, court, account_name, contact_name
    FROM case_words WHERE contact_id = new.id;
END;

CREATE TRIGGER contacts_found_on_update AFTER UPDATE OF first_name, last_name ON contacts
WHEN new.full_name IS NOT old.full_name
BEGIN
    DELETE FROM case_search
    WHERE rowid IN (SELECT row_number FROM cases WHERE contact_id = new.id);
    INSERT INTO case_search
        (rowid, docket_number, case_number, title, court, account_name, contact_name)
    SELECT row_number, docket_number, case_number, title, court, account_name, contact_name
    FROM case_words WHERE contact_id = new.id;
END;
