-- Versions of changed settings are entries of the ledger, written once.

CREATE TRIGGER settings_are_never_changed BEFORE UPDATE ON moodbridge.ledger
    FOR EACH ROW WHEN (starts_with(old.name, 'settings/'))
    EXECUTE FUNCTION moodbridge.refuse('versions of settings are never changed');
CREATE TRIGGER settings_are_never_removed BEFORE DELETE ON moodbridge.ledger
    FOR EACH ROW WHEN (starts_with(old.name, 'settings/'))
    EXECUTE FUNCTION moodbridge.refuse('versions of settings are never removed');
CREATE TRIGGER settings_are_never_emptied BEFORE TRUNCATE ON moodbridge.ledger
    FOR EACH STATEMENT EXECUTE FUNCTION moodbridge.refuse('versions of settings are never removed');
