DROP TABLE sync_runs;
DROP TABLE dead_letters;
DROP TABLE conflicts;
DROP TABLE ledger;
DROP TABLE audit;
DROP TABLE changes;
DROP TABLE sync_shadow;
