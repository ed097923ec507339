DROP TABLE moodbridge.reports;
