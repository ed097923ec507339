-- Cases by the beginnings of words in their numbers, title, court and names.
-- It holds the words only; the text stays in its tables. Deleted cases are not in it.

-- Splits text into words of letters and digits, in lower case and without accents, as SQLite's
-- `unicode61 remove_diacritics 2` does. A longer word than 200 letters is cut.
CREATE FUNCTION moodbridge.words(raw text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array(
    SELECT left(word, 200)
    FROM regexp_split_to_table(
        regexp_replace(
            normalize(lower(raw COLLATE "und-x-icu"), NFD) COLLATE "und-x-icu",
            '[\u0300-\u036f]', '', 'g'
        ),
        '[^[:alnum:]]+'
    ) WITH ORDINALITY AS split (word, place)
    WHERE word <> ''
    ORDER BY place
);

-- The words of several texts; words of two texts never stand in a row.
CREATE FUNCTION moodbridge.word_index(VARIADIC texts text[]) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(string_agg(word || ':' || place, ' '), '')::tsvector
    FROM (
        SELECT word, row_number() OVER (ORDER BY nth_text, nth_word) + 10 * nth_text AS place
        FROM unnest(texts) WITH ORDINALITY AS text (raw, nth_text),
            unnest(moodbridge.words(raw)) WITH ORDINALITY AS word (word, nth_word)
    ) AS placed
);

-- What people typed, word by word: each must occur by its beginning. One with a dash or dot in it,
-- such as `24-cv-01`, must occur as those parts in a row.
CREATE FUNCTION moodbridge.word_query(typed text[]) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT string_agg('(' || array_to_string(parts, ' <-> ') || ':*)', ' & ')::tsquery
    FROM unnest(typed) AS word, moodbridge.words(word) AS parts
    WHERE parts <> '{}'
);

CREATE TABLE moodbridge.case_search (
    row_number bigint PRIMARY KEY,
    words      tsvector NOT NULL
);

CREATE INDEX case_search_by_words ON moodbridge.case_search USING gin (words);

-- The words of each case that is not deleted.
CREATE VIEW moodbridge.case_words AS
SELECT
    cases.row_number,
    cases.account_id,
    cases.contact_id,
    moodbridge.word_index(
        cases.docket_number, cases.case_number, cases.title, cases.court,
        accounts.name, contacts.full_name
    ) AS words
FROM moodbridge.cases
LEFT JOIN moodbridge.accounts ON accounts.id = cases.account_id
LEFT JOIN moodbridge.contacts ON contacts.id = cases.contact_id
WHERE NOT cases.is_deleted;

-- Writes the words of some cases anew.
CREATE FUNCTION moodbridge.find_cases(touched bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM moodbridge.case_search WHERE row_number = ANY (touched);
    INSERT INTO moodbridge.case_search (row_number, words)
    SELECT row_number, words FROM moodbridge.case_words WHERE row_number = ANY (touched);
END $$;

CREATE FUNCTION moodbridge.find_inserted_cases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO moodbridge.case_search (row_number, words)
    SELECT case_words.row_number, case_words.words
    FROM moodbridge.case_words WHERE row_number IN (SELECT row_number FROM came);
    RETURN NULL;
END $$;

CREATE FUNCTION moodbridge.find_updated_cases() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint[];
BEGIN
    SELECT array_agg(came.row_number) INTO touched
    FROM came JOIN went USING (row_number)
    WHERE (came.is_deleted, came.docket_number, came.case_number, came.title, came.court,
            came.account_id, came.contact_id)
        IS DISTINCT FROM (went.is_deleted, went.docket_number, went.case_number, went.title,
            went.court, went.account_id, went.contact_id);
    IF touched IS NOT NULL THEN
        PERFORM moodbridge.find_cases(touched);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER cases_found_on_insert AFTER INSERT ON moodbridge.cases
    REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION moodbridge.find_inserted_cases();
CREATE TRIGGER cases_found_on_update AFTER UPDATE ON moodbridge.cases
    REFERENCING OLD TABLE AS went NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION moodbridge.find_updated_cases();

CREATE FUNCTION moodbridge.find_cases_of_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint[];
BEGIN
    IF tg_op = 'INSERT' THEN
        SELECT array_agg(cases.row_number) INTO touched
        FROM came JOIN moodbridge.cases ON cases.account_id = came.id
        WHERE came.name IS NOT NULL;
    ELSE
        SELECT array_agg(cases.row_number) INTO touched
        FROM came
        JOIN went USING (row_number)
        JOIN moodbridge.cases ON cases.account_id = came.id
        WHERE came.name IS DISTINCT FROM went.name;
    END IF;
    IF touched IS NOT NULL THEN
        PERFORM moodbridge.find_cases(touched);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER accounts_found_on_insert AFTER INSERT ON moodbridge.accounts
    REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION moodbridge.find_cases_of_accounts();
CREATE TRIGGER accounts_found_on_update AFTER UPDATE ON moodbridge.accounts
    REFERENCING OLD TABLE AS went NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION moodbridge.find_cases_of_accounts();

CREATE FUNCTION moodbridge.find_cases_of_contacts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint[];
BEGIN
    IF tg_op = 'INSERT' THEN
        SELECT array_agg(cases.row_number) INTO touched
        FROM came JOIN moodbridge.cases ON cases.contact_id = came.id
        WHERE came.full_name IS NOT NULL;
    ELSE
        SELECT array_agg(cases.row_number) INTO touched
        FROM came
        JOIN went USING (row_number)
        JOIN moodbridge.cases ON cases.contact_id = came.id
        WHERE came.full_name IS DISTINCT FROM went.full_name;
    END IF;
    IF touched IS NOT NULL THEN
        PERFORM moodbridge.find_cases(touched);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER contacts_found_on_insert AFTER INSERT ON moodbridge.contacts
    REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION moodbridge.find_cases_of_contacts();
CREATE TRIGGER contacts_found_on_update AFTER UPDATE ON moodbridge.contacts
    REFERENCING OLD TABLE AS went NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION moodbridge.find_cases_of_contacts();
