DROP TABLE walls;
DROP TABLE walls_revision;
