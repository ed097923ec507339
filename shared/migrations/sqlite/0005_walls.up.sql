-- Ethical walls: who is screened from which case, and which client is assigned to which.
-- A wall may stand before its case arrives: there is no foreign key.

CREATE TABLE walls (
    case_id TEXT NOT NULL CHECK (length(case_id) = 36),
    person  TEXT NOT NULL CHECK (length(person) BETWEEN 1 AND 255),
    stance  TEXT NOT NULL CHECK (stance IN ('screened', 'assigned')),
    reason  TEXT NOT NULL,
    set_by  TEXT NOT NULL,
    set_at  INTEGER NOT NULL,
    PRIMARY KEY (case_id, person)
) STRICT, WITHOUT ROWID;

-- What every read for people asks: the cases of one person, of one stance.
CREATE INDEX walls_by_person ON walls (person, stance, case_id);

-- Grows with every wall that is set or lifted.
CREATE TABLE walls_revision (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL
) STRICT;

INSERT INTO walls_revision (only_row, revision) VALUES (1, 0);

CREATE TRIGGER walls_counted_on_insert AFTER INSERT ON walls
BEGIN
    UPDATE walls_revision SET revision = revision + 1;
END;

CREATE TRIGGER walls_counted_on_update AFTER UPDATE ON walls
BEGIN
    UPDATE walls_revision SET revision = revision + 1;
END;

CREATE TRIGGER walls_counted_on_delete AFTER DELETE ON walls
BEGIN
    UPDATE walls_revision SET revision = revision + 1;
END;
