DROP TABLE cost_batches;
DROP TABLE costs;
