"""Asks DuckDB the questions that come on standard input, over the files of a lake, and prints its answers.

`{"root": FOLDER, "questions": [{"sql": …, "parameters": {NAME: [TYPE, TEXT or null]}}]}` becomes
`[{"columns": […], "rows": [[…], …], "seconds": …}, …]`. Instants are milliseconds, days are text.
"""

import datetime
import decimal
import json
import pathlib
import resource
import sys
import time

import duckdb

asked = json.load(sys.stdin)
root = pathlib.Path(asked["root"])


def files_of(head):
    for segment in head["segments"]:
        yield from json.loads((root / segment["key"]).read_bytes())["files"]
    yield from head["files"]


def plain(value):
    if isinstance(value, datetime.datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, decimal.Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, datetime.date) else value


def given(kind, raw):
    if raw is None:
        return None
    kinds = {"date": datetime.date.fromisoformat, "long": int, "float": float}
    return kinds.get(kind, str)(raw)


connection = duckdb.connect()
connection.sql("SET TimeZone = 'UTC'")
for setting in asked.get("settings", []):
    connection.sql(setting)
files = list(files_of(json.loads((root / "lake/manifest.json").read_text())))
for table in ("accounts", "contacts", "cases"):
    paths = [str(root / file["key"]) for file in files if file["table"] == table]
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    source = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
    connection.sql(
        f"CREATE VIEW {table}_history AS SELECT *, changed_at AS valid_from, "
        f"lead(changed_at) OVER (PARTITION BY id ORDER BY change_seq) AS valid_to FROM {source}"
    )
    connection.sql(
        f"CREATE VIEW {table} AS SELECT * FROM (SELECT * FROM {source} "
        "QUALIFY row_number() OVER (PARTITION BY id ORDER BY change_seq DESC) = 1) WHERE NOT is_deleted"
    )
connection.sql("CREATE MACRO json_text(o, k) AS o ->> ('$.' || k)")
answers = []
for question in asked["questions"]:
    parameters = {name: given(*value) for name, value in question["parameters"].items()}
    begun = time.monotonic()
    found = connection.execute(question["sql"], parameters or None)
    columns = [it[0] for it in found.description]
    rows = [[plain(value) for value in row] for row in found.fetchall()]
    answers.append({"columns": columns, "rows": rows, "seconds": time.monotonic() - begun})
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
json.dump({"answers": answers, "peak_kib": peak, "version": duckdb.__version__}, sys.stdout)
