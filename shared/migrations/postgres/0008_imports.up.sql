-- Where an imported item came from, and every field it had there.

ALTER TABLE moodbridge.timeline_events
    ADD COLUMN source     text COLLATE "C",
    ADD COLUMN details    json,
    -- By what an event is counted, how long it took, and the event it belongs to.
    ADD COLUMN category   text COLLATE "C",
    ADD COLUMN hours      double precision,
    ADD COLUMN related_id text COLLATE "C";
ALTER TABLE moodbridge.documents
    ADD COLUMN source  text COLLATE "C",
    ADD COLUMN details json;
ALTER TABLE moodbridge.communications
    ADD COLUMN source  text COLLATE "C",
    ADD COLUMN details json;

CREATE UNIQUE INDEX timeline_events_imported ON moodbridge.timeline_events (id)
    WHERE source IS NOT NULL;
-- Incidents, the latest first.
CREATE INDEX timeline_events_incidents ON moodbridge.timeline_events (occurred_at, row_number)
    WHERE source = 'moodbridge/placement_denials';
