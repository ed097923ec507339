"""The set-wise case of `etl.py`: the latest row of each case, with its account, summed up by region, status and month.

A tenth of the rows tell of a case once more, a twentieth name no account. All engines count and sum the same.
"""

import csv
import random

PIPELINE = """
pipeline: bench-sets
source:
  at: file:FOLDER/in.csv
  columns:
    - {name: id}
    - {name: account_id}
    - {name: status}
    - {name: opened, type: date}
    - {name: fee, type: "decimal(12,2)"}
    - {name: judge}
    - {name: updated_at, type: instant}
memory_mb: MEMORY
steps:
  - deduplicate: {by: id, keep: last, order: updated_at}
  - join:
      with:
        at: file:FOLDER/accounts.csv
        columns: [{name: id}, {name: region}]
      kind: left
      on: {account_id: id}
      take: [region]
      lookup: true
  - derive: {month: "CAST(date_trunc('month', opened) AS DATE)"}
  - aggregate:
      by: [region, status, month]
      make: {cases: count(*), fees: sum(fee), judges: count(DISTINCT judge), last: max(updated_at)}
threshold: 0
sink: {at: file:FOLDER/ours.parquet}
"""

SQL = """
COPY (
  WITH latest AS (
    SELECT * EXCLUDE (row) FROM (
      SELECT *, row_number() OVER () AS row
      FROM read_csv('{folder}/in.csv', header = true, columns = {{'id': 'VARCHAR', 'account_id': 'VARCHAR',
        'status': 'VARCHAR', 'opened': 'DATE', 'fee': 'DECIMAL(12,2)', 'judge': 'VARCHAR',
        'updated_at': 'TIMESTAMPTZ', 'note': 'VARCHAR'}})
    ) QUALIFY row_number() OVER (PARTITION BY id ORDER BY updated_at DESC, row DESC) = 1
  )
  SELECT region, status, CAST(date_trunc('month', opened) AS DATE) AS month, count(*) AS cases, sum(fee) AS fees,
    count(DISTINCT judge) AS judges, max(updated_at) AS last
  FROM latest LEFT JOIN read_csv('{folder}/accounts.csv', header = true) AS accounts ON account_id = accounts.id
  GROUP BY ALL ORDER BY ALL
) TO '{folder}/duckdb.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
"""
CHECKED = "SELECT count(*), sum(cases), sum(fees), sum(judges) FROM '{path}'"


def make(folder, n_rows):
    """Writes cases and their accounts; the same for the same number."""
    rng = random.Random(n_rows)
    n_accounts = max(10, n_rows // 10)
    with (folder / "accounts.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "region", "name"])
        for number in range(n_accounts):
            writer.writerow([f"001Ao{number:010d}", f"Region {number % 23}", f"Account {number} of the firm"])
    with (folder / "in.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "account_id", "status", "opened", "fee", "judge", "updated_at", "note"])
        for number in range(n_rows):
            case = rng.randrange(number) if number and rng.random() < 0.1 else number
            account = "" if rng.random() < 0.05 else f"001Ao{rng.randrange(n_accounts):010d}"
            day = rng.randrange(1, 29)
            writer.writerow([
                f"C{case:09d}", account, rng.choice(["open", "closed", "on_hold", "appeal"]),
                f"2026-{rng.randrange(1, 13):02d}-{day:02d}", f"{rng.randrange(0, 5_000_000) / 100:.2f}",
                f"Judge {rng.randrange(211)}",
                f"2026-01-{day:02d}T{rng.randrange(24):02d}:{rng.randrange(60):02d}:00Z",
                " ".join(rng.choices(["motion", "hearing", "appeal", "brief"], k=5)),
            ])


def checked(path):
    """What all outputs must agree on."""
    import duckdb

    return [str(it) for it in duckdb.sql(CHECKED.format(path=path)).fetchall()[0]]


def by_duckdb(folder):
    import duckdb

    db = duckdb.connect()
    db.execute("SET threads = 2")
    db.execute("SET TimeZone = 'UTC'")
    db.execute(SQL.format(folder=folder))


def by_polars(folder):
    import polars as pl

    types = {"id": pl.String, "account_id": pl.String, "status": pl.String, "opened": pl.Date, "fee": pl.String,
             "judge": pl.String, "updated_at": pl.String, "note": pl.String}
    accounts = pl.scan_csv(f"{folder}/accounts.csv").select("id", "region")
    frame = pl.scan_csv(f"{folder}/in.csv", schema=types, row_index_name="row").with_columns(
        pl.col("fee").cast(pl.Decimal(12, 2)),
        pl.col("updated_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC"),
    )
    frame = frame.sort("updated_at", "row").unique("id", keep="last", maintain_order=False)
    frame = frame.join(accounts, how="left", left_on="account_id", right_on="id")
    frame = frame.with_columns(pl.col("opened").dt.truncate("1mo").alias("month"))
    frame = frame.group_by("region", "status", "month").agg(
        pl.len().alias("cases"), pl.col("fee").sum().alias("fees"), pl.col("judge").n_unique().alias("judges"),
        pl.col("updated_at").max().alias("last"),
    )
    frame.sort("region", "status", "month").sink_parquet(f"{folder}/polars.parquet", compression="zstd",
                                                        compression_level=1)


def by_pandas(folder):
    import pandas as pd

    columns = ["id", "account_id", "status", "opened", "fee", "judge", "updated_at"]
    frame = pd.read_csv(f"{folder}/in.csv", usecols=columns, parse_dates=["opened", "updated_at"])
    # Cents, as pandas has no decimals of its own.
    frame["fee"] = (frame["fee"] * 100).round().astype("int64")
    frame = frame.sort_values("updated_at", kind="stable").drop_duplicates("id", keep="last")
    accounts = pd.read_csv(f"{folder}/accounts.csv", usecols=["id", "region"])
    frame = frame.merge(accounts, how="left", left_on="account_id", right_on="id", validate="many_to_one")
    frame["month"] = frame["opened"].dt.to_period("M").dt.to_timestamp()
    made = frame.groupby(["region", "status", "month"], dropna=False).agg(
        cases=("status", "size"), fees=("fee", "sum"), judges=("judge", "nunique"), last=("updated_at", "max"),
    ).reset_index()
    made["fees"] = made["fees"] / 100
    made.to_parquet(f"{folder}/pandas.parquet", compression="zstd", index=False)


PEERS = {"duckdb": by_duckdb, "polars": by_polars, "pandas": by_pandas}
