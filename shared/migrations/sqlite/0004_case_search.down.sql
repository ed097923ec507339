DROP TRIGGER contacts_found_on_update;
DROP TRIGGER contacts_found_on_insert;
DROP TRIGGER accounts_found_on_update;
DROP TRIGGER accounts_found_on_insert;
DROP TRIGGER cases_found_on_update;
DROP TRIGGER cases_found_on_insert;
DROP VIEW case_words;
DROP TABLE case_search;
