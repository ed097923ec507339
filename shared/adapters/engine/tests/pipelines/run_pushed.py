"""Runs statements on `fakesnow` over tables that are made first.

Reads `{name: {"columns": [[name, type]], "rows": [[text or null]]}}` from the first line of standard
input and a statement as JSON from each other one; answers each with a line, every value as text but whole
numbers.
"""

import datetime
import json
import sys

from fakesnow.instance import FakeSnow


def literal(value):
    return "NULL" if value is None else "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def plain(value):
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return value
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    if isinstance(value, float):
        return repr(int(value)) if value == int(value) else repr(value)
    return str(value)


given = json.loads(sys.stdin.readline())
cursor = FakeSnow().connect(database="LEGAL", schema="PUBLIC").cursor()
for name, table in given.items():
    columns = ", ".join(f'"{column}" {kind}' for column, kind in table["columns"])
    cursor.execute(f'CREATE TABLE "{name}" ({columns})')
    casts = [f"CAST({{}} AS {kind})" for _, kind in table["columns"]]
    for row in table["rows"]:
        values = ", ".join(cast.format(literal(it)) for cast, it in zip(casts, row))
        cursor.execute(f'INSERT INTO "{name}" SELECT {values}')
for line in sys.stdin:
    try:
        rows = cursor.execute(json.loads(line)).fetchall()
        answer = {"rows": [[plain(it) for it in row] for row in rows]}
    except Exception as error:
        answer = {"error": f"{error}\n\n{line}"}
    print(json.dumps(answer), flush=True)
