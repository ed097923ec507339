DROP TABLE moodbridge.cost_batches;
DROP TABLE moodbridge.costs;
