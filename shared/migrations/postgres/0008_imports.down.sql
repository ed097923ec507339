DROP INDEX moodbridge.timeline_events_incidents;
DROP INDEX moodbridge.timeline_events_imported;
ALTER TABLE moodbridge.communications DROP COLUMN details, DROP COLUMN source;
ALTER TABLE moodbridge.documents DROP COLUMN details, DROP COLUMN source;
ALTER TABLE moodbridge.timeline_events
    DROP COLUMN related_id, DROP COLUMN hours, DROP COLUMN category, DROP COLUMN details,
    DROP COLUMN source;
