DROP TABLE moodbridge.pipeline_partitions;
DROP TABLE moodbridge.pipeline_runs;
