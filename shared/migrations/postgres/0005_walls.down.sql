DROP TABLE moodbridge.walls_revision;
DROP TABLE moodbridge.walls;
DROP FUNCTION moodbridge.count_walls();
