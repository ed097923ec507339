"""Writes a Parquet source with pyarrow, or prints what pyarrow and DuckDB read of an output as JSON."""

import datetime
import decimal
import json
import sys

import duckdb
import pyarrow
import pyarrow.parquet


def write(path):
    """Columns in types that are not ours, so that each is converted."""
    at = datetime.datetime(2026, 2, 1, 10, 30, 15, 123456)
    table = pyarrow.table(
        {
            "id": pyarrow.array(["a", "b", "c", None], pyarrow.large_string()),
            "n": pyarrow.array([1, 2, None, 4], pyarrow.int16()),
            "text_n": pyarrow.array(["1", "x", None, "4"]),
            "fee": pyarrow.array([decimal.Decimal("1.50")] * 4, pyarrow.decimal128(9, 2)),
            "at": pyarrow.array([at] * 4, pyarrow.timestamp("us")),
            "day": pyarrow.array([at.date()] * 4, pyarrow.date32()),
            "kind": pyarrow.array(["x", "y", "x", "y"]).dictionary_encode(),
            "unused": pyarrow.array([[1], [2], [3], [4]]),
        }
    )
    pyarrow.parquet.write_table(table, path, row_group_size=3)


def plain(value):
    if isinstance(value, datetime.datetime):
        return round(value.timestamp() * 1000)
    return str(value) if isinstance(value, (datetime.date, decimal.Decimal)) else value


def read(path):
    duckdb.sql("SET TimeZone = 'UTC'")
    relation = duckdb.sql("SELECT * FROM read_parquet(?)", params=[path])
    rows = [dict(zip(relation.columns, map(plain, row))) for row in relation.fetchall()]
    table = pyarrow.parquet.read_table(path)
    types = {field.name: str(field.type) for field in table.schema}
    by_arrow = [{name: plain(value) for name, value in row.items()} for row in table.to_pylist()]
    print(json.dumps({"duckdb": rows, "pyarrow": by_arrow, "types": types}))


def objects(path):
    """What DuckDB reads of objects of JSON, whatever form the file has."""
    duckdb.sql("SET TimeZone = 'UTC'")
    relation = duckdb.sql("SELECT * FROM read_json(?)", params=[path])
    rows = [dict(zip(relation.columns, map(plain, row))) for row in relation.fetchall()]
    print(json.dumps(rows))


def write_objects(path):
    """The same objects one a line, as an array, and as an array that people can read."""
    rows = [
        {
            "id": f"k{n}",
            "address": {"city": f"Ort \u00fc {n % 7}, [{n}]", "zip": {"code": n}} if n % 3 else None,
            "fee": n / 4,
            "open": n % 2 == 0,
            "tags": ["a]", {"b": n}],
            "a.b": None if n % 5 == 0 else n,
        }
        for n in range(20_000)
    ]
    with open(path + ".ndjson", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=row["open"]) + "\n" for row in rows)
    with open(path + ".json", "w", encoding="utf-8-sig") as file:
        json.dump(rows, file)
    with open(path + "-indented.json", "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=2)


{"write": write, "read": read, "objects": objects, "write_objects": write_objects}[sys.argv[1]](sys.argv[2])
