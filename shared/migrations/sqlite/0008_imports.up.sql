-- Where an imported item came from, and every field it had there.

ALTER TABLE timeline_events ADD COLUMN source TEXT;
ALTER TABLE timeline_events ADD COLUMN details TEXT CHECK (details IS NULL OR json_valid(details));
-- By what an event is counted, how long it took, and the event it belongs to.
ALTER TABLE timeline_events ADD COLUMN category TEXT;
ALTER TABLE timeline_events ADD COLUMN hours REAL;
ALTER TABLE timeline_events ADD COLUMN related_id TEXT;
ALTER TABLE documents ADD COLUMN source TEXT;
ALTER TABLE documents ADD COLUMN details TEXT CHECK (details IS NULL OR json_valid(details));
ALTER TABLE communications ADD COLUMN source TEXT;
ALTER TABLE communications ADD COLUMN details TEXT CHECK (details IS NULL OR json_valid(details));

CREATE UNIQUE INDEX timeline_events_imported ON timeline_events (id) WHERE source IS NOT NULL;
-- Incidents, with all that their figures are made of.
CREATE INDEX timeline_events_incidents
    ON timeline_events (occurred_at, row_number, case_id, category, hours)
    WHERE source = 'moodbridge/placement_denials';
