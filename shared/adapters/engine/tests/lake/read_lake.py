"""Reads a lake in a folder with pyarrow and with DuckDB, and prints what each of them saw as JSON."""

import datetime
import hashlib
import json
import pathlib
import sys

import duckdb
import pyarrow
import pyarrow.parquet

root = pathlib.Path(sys.argv[1])


def files_of(head):
    """Lists the files that the manifest names: those of its segments, and its own."""
    for segment in head["segments"]:
        bytes_ = (root / segment["key"]).read_bytes()
        assert hashlib.sha256(bytes_).hexdigest() == segment["sha256"]
        yield from json.loads(bytes_)["files"]
    yield from head["files"]


def plain(value):
    """Instants as milliseconds, days as text, all else as it is."""
    if isinstance(value, datetime.datetime):
        return round(value.timestamp() * 1000)
    return value.isoformat() if isinstance(value, datetime.date) else value


def of_pyarrow(files):
    rows = []
    for file in files:
        path = root / file["key"]
        bytes_ = path.read_bytes()
        assert (len(bytes_), hashlib.sha256(bytes_).hexdigest()) == (file["n_bytes"], file["sha256"])
        parquet = pyarrow.parquet.ParquetFile(path)
        meta = parquet.metadata
        assert meta.num_rows == file["n_rows"]
        assert meta.metadata[b"moodbridge.schema_version"] == str(file["schema_version"]).encode()
        seqs = []
        for number in range(meta.num_row_groups):
            group = meta.row_group(number)
            columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
            assert {it.compression for it in columns.values()} == {"ZSTD"}
            assert all(it.is_stats_set for it in columns.values())
            stats = columns["change_seq"].statistics
            seqs += [stats.min, stats.max]
        assert (min(seqs), max(seqs)) == (file["min_seq"], file["max_seq"])
        for row in parquet.read().to_pylist():
            rows.append({"table": file["table"], **{name: plain(value) for name, value in row.items()}})
    return rows


def of_duckdb(files):
    """The tables as they stand: of each row the last change, without what is deleted."""
    duckdb.sql("SET TimeZone = 'UTC'")
    tables = {}
    for table in sorted({file["table"] for file in files}):
        paths = [str(root / file["key"]) for file in files if file["table"] == table]
        relation = duckdb.sql(
            "SELECT * FROM read_parquet(?, union_by_name = true) "
            "QUALIFY row_number() OVER (PARTITION BY id ORDER BY change_seq DESC) = 1 ORDER BY id",
            params=[paths],
        )
        names = relation.columns
        rows = [dict(zip(names, map(plain, row))) for row in relation.fetchall()]
        tables[table] = [row for row in rows if not row["is_deleted"]]
    ratings = None
    if "cases" in tables:
        paths = [str(root / file["key"]) for file in files if file["table"] == "cases"]
        ratings = duckdb.sql(
            "SELECT sum(CAST(custom ->> 'rating' AS DOUBLE)) FROM read_parquet(?, union_by_name = true)",
            params=[paths],
        ).fetchall()[0][0]
    return {"tables": tables, "ratings": ratings}


head = json.loads((root / "lake/manifest.json").read_text())
files = list(files_of(head))
print(json.dumps({"pyarrow": of_pyarrow(files), "duckdb": of_duckdb(files)}))
