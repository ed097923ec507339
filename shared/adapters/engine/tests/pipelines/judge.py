"""Compares what pipelines wrote with what DuckDB makes of the same files, row by row and in order.

Reads `[{"out": file, "sql": query}, ...]` from standard input; prints what differs, as JSON.
"""

import json
import os
import sys

import duckdb

folder = sys.argv[1]
os.chdir(folder)
duckdb.sql("SET TimeZone = 'UTC'")
duckdb.sql("SET threads = 1")
# Files in the order of their lines, which a view over `read_csv` keeps.
for name in ("cases", "contacts"):
    duckdb.sql(f"CREATE TABLE {name} AS SELECT *, row_number() OVER () AS line FROM read_csv('{name}.csv')")
differences = []
for case in json.load(sys.stdin):
    wanted = duckdb.sql(case["sql"]).fetchall()
    found = duckdb.sql(f"SELECT * FROM '{case['out']}'").fetchall()
    if wanted != found or not wanted:
        first = next((pair for pair in zip(wanted, found) if pair[0] != pair[1]), None)
        differences.append(f"{case['out']}: {len(wanted)} rows wanted, {len(found)} found; first: {first}")
print(json.dumps(differences))
