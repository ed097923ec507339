DROP TABLE pipeline_partitions;
DROP TABLE pipeline_runs;
