DROP TRIGGER settings_are_never_emptied ON moodbridge.ledger;
DROP TRIGGER settings_are_never_removed ON moodbridge.ledger;
DROP TRIGGER settings_are_never_changed ON moodbridge.ledger;
