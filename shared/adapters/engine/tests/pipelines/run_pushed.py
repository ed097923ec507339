"""Runs statements on `fakesnow`, in order, over tables that are made first.

Reads `{"tables": {name: {"types": [...], "rows": [[text or null]]}}, "statements": [...]}` from standard
input; prints the rows of each statement, with every value as text, as JSON.
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
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    if isinstance(value, float):
        return repr(int(value)) if value == int(value) else repr(value)
    return str(value)


given = json.load(sys.stdin)
cursor = FakeSnow().connect(database="LEGAL", schema="PUBLIC").cursor()
for name, table in given["tables"].items():
    columns = ", ".join(f'"{column}" {kind}' for column, kind in table["columns"])
    cursor.execute(f'CREATE TABLE "{name}" ({columns})')
    casts = [f"CAST({{}} AS {kind})" for _, kind in table["columns"]]
    for row in table["rows"]:
        values = ", ".join(cast.format(literal(it)) for cast, it in zip(casts, row))
        cursor.execute(f'INSERT INTO "{name}" SELECT {values}')
answers = []
for statement in given["statements"]:
    try:
        rows = cursor.execute(statement).fetchall()
    except Exception as error:
        sys.exit(f"{error}\n\n{statement}")
    answers.append([[plain(it) for it in row] for row in rows])
print(json.dumps(answers))
