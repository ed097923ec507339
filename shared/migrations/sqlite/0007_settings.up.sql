-- Versions of changed settings are entries of the ledger, written once.

CREATE TRIGGER settings_are_never_changed BEFORE UPDATE ON ledger
WHEN old.name >= 'settings/' AND old.name < 'settings0'
BEGIN
    SELECT raise(ABORT, 'versions of settings are never changed');
END;

CREATE TRIGGER settings_are_never_removed BEFORE DELETE ON ledger
WHEN old.name >= 'settings/' AND old.name < 'settings0'
BEGIN
    SELECT raise(ABORT, 'versions of settings are never removed');
END;
