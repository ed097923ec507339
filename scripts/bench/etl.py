#!/usr/bin/env python3
"""Sends one CSV file through 5 transforms and 8 rules into Parquet: by `moodbridge pipelines`, DuckDB, Polars, and
pandas with Great Expectations.

Each runs in a process of its own, one after the other and that several times, so that a neighbour slows all of them.
CPU seconds and the peak of memory are the operating system's; the counts of all must be the same.
"""

import argparse
import csv
import json
import os
import pathlib
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import etl_sets

HEADER = ["id", "account_id", "status", "opened", "closed", "fee", "hours", "email", "title", "court", "judge",
          "priority", "is_urgent", "updated_at", "note"]
STATUSES = ["open", "closed", "on_hold", "appeal"]
EMAIL = "^[^@[:space:]]+@[^@[:space:].]+([.][^@[:space:].]+)+$"
PY_EMAIL = r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$"
SALESFORCE_ID = "^[0-9A-Za-z]{15}([0-9A-Z]{3})?$"

PIPELINE = """
pipeline: bench
source:
  at: file:FOLDER/in.csv
  columns:
    - {{name: id}}
    - {{name: account_id}}
    - {{name: status}}
    - {{name: opened, type: date}}
    - {{name: closed, type: date}}
    - {{name: fee, type: float}}
    - {{name: hours, type: float}}
    - {{name: email}}
    - {{name: title}}
    - {{name: court}}
    - {{name: judge}}
    - {{name: priority, type: long}}
    - {{name: is_urgent, type: bool}}
    - {{name: updated_at, type: instant}}
    - {{name: note}}
key: id
steps:
  - derive:
      status: lower(trim(status))
      title: trim(title)
      days_open: closed - opened
      rate: fee / nullif(hours, 0)
      mail_domain: lower(split_part(email, '@', 2))
{rules}
threshold: 0
sink: {{at: file:FOLDER/ours.parquet}}
"""
RULES = """rules:
  - {not_null: id, action: drop}
  - {salesforce_id: account_id, action: drop}
  - {accepted_values: {column: status, values: [open, closed, on_hold, appeal]}, action: drop}
  - {compare: {left: closed, is: ">=", right: opened}, action: drop}
  - {range: {column: fee, min: 0, max: 100000}, action: drop}
  - {email: email, action: drop}
  - {range: {column: priority, min: 1, max: 5}, action: drop}
  - {length: {column: title, min: 1, max: 200}, action: drop}
"""

SQL = """
COPY (
  WITH typed AS (
    SELECT * REPLACE (lower(trim(status)) AS status, trim(title) AS title), closed - opened AS days_open,
      fee / nullif(hours, 0) AS rate, lower(split_part(email, '@', 2)) AS mail_domain
    FROM read_csv('{folder}/in.csv', header = true, columns = {columns})
  )
  SELECT * FROM typed {where}
) TO '{folder}/duckdb.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
"""
WHERE = """WHERE id IS NOT NULL
  AND coalesce(regexp_matches(account_id, '^[0-9A-Za-z]{15}([0-9A-Z]{3})?$'), true)
  AND coalesce(status IN ('open', 'closed', 'on_hold', 'appeal'), true)
  AND coalesce(closed >= opened, true)
  AND coalesce(fee BETWEEN 0 AND 100000, true)
  AND coalesce(regexp_matches(email, '^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$'), true)
  AND coalesce(priority BETWEEN 1 AND 5, true)
  AND coalesce(length(title) BETWEEN 1 AND 200, true)"""
TYPES = {"opened": "DATE", "closed": "DATE", "fee": "DOUBLE", "hours": "DOUBLE", "priority": "BIGINT",
         "is_urgent": "BOOLEAN", "updated_at": "TIMESTAMPTZ"}


def make(path, n_rows):
    """Writes rows of which some break a rule each; the same for the same number."""
    rng = random.Random(n_rows)
    words = ["motion", "hearing", "appeal", "contract", "deposition", "brief", "estate", "claim"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(n_rows):
            bad = rng.randrange(400)
            day, length = rng.randrange(1, 29), rng.randrange(0, 28)
            writer.writerow([
                "" if bad == 0 else f"C{number:09d}",
                "short" if bad == 1 else f"001Ao{number:010d}",
                "maybe" if bad == 2 else f" {rng.choice(STATUSES).upper()} ",
                f"2026-01-{day:02d}",
                "2025-12-31" if bad == 3 else f"2026-02-{length + 1:02d}",
                f"{-5 if bad == 4 else rng.randrange(0, 5_000_000) / 100:.2f}",
                f"{rng.randrange(0, 400) / 4:.2f}",
                "nobody" if bad == 5 else f"person{number}@Firm{number % 97}.example",
                f"  {rng.choice(words)} {rng.choice(words)} {number}, \"{rng.choice(words)}\" ",
                f"Court {number % 53}",
                f"Judge {number % 211}",
                9 if bad == 6 else rng.randrange(1, 6),
                rng.choice(["true", "false"]),
                f"2026-01-{day:02d}T{rng.randrange(24):02d}:{rng.randrange(60):02d}:00Z",
                "" if rng.random() < 0.5 else " ".join(rng.choices(words, k=5)),
            ])


def by_duckdb(folder, checks):
    import duckdb

    db = duckdb.connect()
    db.execute("SET threads = 2")
    columns = "{" + ", ".join(f"'{name}': '{TYPES.get(name, 'VARCHAR')}'" for name in HEADER) + "}"
    db.execute(SQL.format(folder=folder, columns=columns, where=WHERE if checks else ""))
    return db.execute(f"SELECT count(*) FROM '{folder}/duckdb.parquet'").fetchone()[0]


def by_polars(folder, checks):
    import polars as pl

    types = {"opened": pl.Date, "closed": pl.Date, "fee": pl.Float64, "hours": pl.Float64, "priority": pl.Int64,
             "is_urgent": pl.Boolean}
    frame = pl.scan_csv(f"{folder}/in.csv", schema={name: types.get(name, pl.String) for name in HEADER})
    frame = frame.with_columns(
        pl.col("updated_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC"),
        pl.col("status").str.strip_chars().str.to_lowercase(),
        pl.col("title").str.strip_chars(),
        (pl.col("closed") - pl.col("opened")).dt.total_days().alias("days_open"),
        (pl.col("fee") / pl.when(pl.col("hours") != 0).then(pl.col("hours"))).alias("rate"),
        pl.col("email").str.split("@").list.get(1, null_on_oob=True).fill_null("").str.to_lowercase().alias("mail_domain"),
    )
    if checks:
        rules = [
            pl.col("account_id").str.contains(SALESFORCE_ID),
            pl.col("status").is_in(STATUSES),
            pl.col("closed") >= pl.col("opened"),
            pl.col("fee").is_between(0, 100_000),
            pl.col("email").str.contains(PY_EMAIL),
            pl.col("priority").is_between(1, 5),
            pl.col("title").str.len_chars().is_between(1, 200),
        ]
        frame = frame.filter(pl.col("id").is_not_null(), *[rule.fill_null(True) for rule in rules])
    path = f"{folder}/polars.parquet"
    frame.sink_parquet(path, compression="zstd", compression_level=1)
    return pl.scan_parquet(path).select(pl.len()).collect().item()


def by_pandas(folder, checks):
    import pandas as pd

    frame = pd.read_csv(f"{folder}/in.csv", parse_dates=["opened", "closed", "updated_at"])
    frame["status"] = frame["status"].str.strip().str.lower()
    frame["title"] = frame["title"].str.strip()
    frame["days_open"] = (frame["closed"] - frame["opened"]).dt.days
    frame["rate"] = frame["fee"] / frame["hours"].where(frame["hours"] != 0)
    frame["mail_domain"] = frame["email"].str.split("@").str.get(1).str.lower()
    if checks:
        frame = frame.drop(index=sorted(unexpected(frame)))
    frame.to_parquet(f"{folder}/pandas.parquet", compression="zstd", index=False)
    return len(frame)


def unexpected(frame):
    """The rows that break an expectation of Great Expectations."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    source = context.data_sources.add_pandas("frames")
    batch = source.add_dataframe_asset("cases").add_batch_definition_whole_dataframe("all")
    numbered = frame.assign(row=frame.index)
    e = gx.expectations
    suite = gx.ExpectationSuite("rules", expectations=[
        e.ExpectColumnValuesToNotBeNull(column="id"),
        e.ExpectColumnValuesToMatchRegex(column="account_id", regex=SALESFORCE_ID),
        e.ExpectColumnValuesToBeInSet(column="status", value_set=STATUSES),
        e.ExpectColumnPairValuesAToBeGreaterThanB(column_A="closed", column_B="opened", or_equal=True),
        e.ExpectColumnValuesToBeBetween(column="fee", min_value=0, max_value=100_000),
        e.ExpectColumnValuesToMatchRegex(column="email", regex=PY_EMAIL),
        e.ExpectColumnValuesToBeBetween(column="priority", min_value=1, max_value=5),
        e.ExpectColumnValueLengthsToBeBetween(column="title", min_value=1, max_value=200),
    ])
    form = {"result_format": "COMPLETE", "unexpected_index_column_names": ["row"], "return_unexpected_index_query": False}
    found = batch.get_batch({"dataframe": numbered}).validate(suite, result_format=form)
    return {it["row"] for result in found.results for it in result.result.get("unexpected_index_list") or []}


PEERS = {"duckdb": by_duckdb, "polars": by_polars, "pandas": by_pandas}


def measure(command):
    """Runs to the end; returns its last line of JSON, wall and CPU seconds, and its peak in MB."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command}: exit code {process.returncode}")
        out.seek(0)
        answer = json.loads(out.read())
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return answer, wall, cpu, usage.ru_maxrss / 1024


def measure_sets(args, names):
    """Measures the set-wise case, and fails when two outputs count or sum otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        etl_sets.make(path, args.rows)
        n_mb = (path / "in.csv").stat().st_size / 1e6
        text = etl_sets.PIPELINE.replace("FOLDER", folder).replace("MEMORY", str(args.memory_mb))
        (path / "sets.yaml").write_text(text)
        runs, spilled = {}, 0
        for _ in range(args.rounds):
            for name in names:
                ours = [args.moodbridge, "--json", "pipelines", "run", f"{folder}/sets.yaml"]
                peer = [sys.executable, __file__, "--peer", name, folder, "sets"]
                runs.setdefault(name, []).append(measure(ours if name == "ours" else peer))
                if name == "ours":
                    spilled = sum(it["spilled_bytes"] for it in runs[name][-1][0]["sets"])
        found = {name: etl_sets.checked(path / f"{name}.parquet") for name in names}
        print(f"{args.rows} rows, {n_mb:.0f} MB; median of {args.rounds} rounds; ours with {args.memory_mb} MiB, "
              f"{spilled / 1e6:.0f} MB on disk")
        print(f"{'':<10} {'groups':>8} {'wall s':>8} {'CPU s':>8} {'peak MB':>8}")
        for name, measured in runs.items():
            wall, cpu, peak = (statistics.median(run[at] for run in measured) for at in (1, 2, 3))
            print(f"{name:<10} {found[name][0]:>8} {wall:>8.2f} {cpu:>8.2f} {peak:>8.0f}")
    if len({tuple(round(float(value), 2) for value in it) for it in found.values()}) != 1:
        raise SystemExit(f"the outputs differ: {found}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moodbridge")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="ours,duckdb,polars,pandas")
    parser.add_argument("--case", choices=["rows", "sets"], default="rows")
    parser.add_argument("--memory-mb", type=int, default=256, help="of our set-wise steps")
    parser.add_argument("--peer", nargs=3, metavar=("NAME", "FOLDER", "CHECKS"))
    args = parser.parse_args()
    if args.peer:
        name, folder, checks = args.peer
        if checks == "sets":
            etl_sets.PEERS[name](folder)
            print("{}")
            return
        print(json.dumps({"n_out": PEERS[name](folder, checks == "checks")}))
        return
    names = args.only.split(",")
    if args.case == "sets":
        measure_sets(args, names)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        make(path / "in.csv", args.rows)
        n_mb = (path / "in.csv").stat().st_size / 1e6
        for checks, rules in (("plain", ""), ("checks", RULES)):
            text = PIPELINE.format(rules=rules).replace("FOLDER", folder)
            (path / f"{checks}.yaml").write_text(text)
        runs = {}
        for _ in range(args.rounds):
            for checks in ("plain", "checks"):
                for name in names:
                    ours = [args.moodbridge, "--json", "pipelines", "run", f"{folder}/{checks}.yaml"]
                    peer = [sys.executable, __file__, "--peer", name, folder, checks]
                    runs.setdefault((name, checks), []).append(measure(ours if name == "ours" else peer))
        counts = {key: {run[0]["n_out"] for run in found} for key, found in runs.items()}
        print(f"{args.rows} rows, {n_mb:.0f} MB; median of {args.rounds} rounds")
        print(f"{'':<10} {'':<8} {'rows out':>10} {'wall s':>8} {'CPU s':>8} {'peak MB':>8}")
        for (name, checks), found in runs.items():
            wall, cpu, peak = (statistics.median(run[at] for run in found) for at in (1, 2, 3))
            n_out = found[0][0]["n_out"]
            print(f"{name:<10} {checks:<8} {n_out:>10} {wall:>8.2f} {cpu:>8.2f} {peak:>8.0f}")
    for checks in ("plain", "checks"):
        found = set().union(*(it for (_, kind), it in counts.items() if kind == checks))
        if len(found) != 1:
            raise SystemExit(f"{checks}: the counts differ: {counts}")


if __name__ == "__main__":
    main()
