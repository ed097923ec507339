DROP TABLE communications;
DROP TABLE timeline_events;
DROP TABLE documents;
DROP TABLE cases;
DROP TABLE contacts;
DROP TABLE accounts;
