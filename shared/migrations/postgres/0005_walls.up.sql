-- Ethical walls: who is screened from which case, and which client is assigned to which.
-- A wall may stand before its case arrives: there is no foreign key.

CREATE TABLE moodbridge.walls (
    case_id text COLLATE "C" NOT NULL CHECK (length(case_id) = 36),
    person  text COLLATE "C" NOT NULL CHECK (length(person) BETWEEN 1 AND 255),
    stance  text COLLATE "C" NOT NULL CHECK (stance IN ('screened', 'assigned')),
    reason  text NOT NULL,
    set_by  text NOT NULL,
    set_at  bigint NOT NULL,
    PRIMARY KEY (case_id, person)
);

-- What every read for people asks: the cases of one person, of one stance.
CREATE INDEX walls_by_person ON moodbridge.walls (person, stance, case_id);

-- Grows with every wall that is set or lifted.
CREATE TABLE moodbridge.walls_revision (
    only_row bigint PRIMARY KEY CHECK (only_row = 1),
    revision bigint NOT NULL
);

INSERT INTO moodbridge.walls_revision (only_row, revision) VALUES (1, 0);

CREATE FUNCTION moodbridge.count_walls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE moodbridge.walls_revision SET revision = revision + 1;
    RETURN NULL;
END $$;

CREATE TRIGGER walls_counted AFTER INSERT OR UPDATE OR DELETE ON moodbridge.walls
    FOR EACH ROW EXECUTE FUNCTION moodbridge.count_walls();
