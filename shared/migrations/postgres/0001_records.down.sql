DROP TABLE moodbridge.communications;
DROP TABLE moodbridge.timeline_events;
DROP TABLE moodbridge.documents;
DROP TABLE moodbridge.cases;
DROP TABLE moodbridge.contacts;
DROP TABLE moodbridge.accounts;
