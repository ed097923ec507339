"""Runs the named queries over a lake of many changes, by us and by DuckDB, and prints one table."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

JUDGE = "shared/adapters/engine/tests/query/judge.py"


def ran(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[:2])} failed: {done.stderr}")
    return done.stdout


def bench(binary, folder, n_rows):
    if not (pathlib.Path(folder) / "lake/manifest.json").exists():
        ran(binary, "make", folder, str(n_rows))
    ours = json.loads(ran(binary, "ask", folder))
    asked = [{"sql": it["sql"], "parameters": it["parameters"]} for it in ours["answers"]]
    settings = [f"SET threads = {os.cpu_count()}"]
    question = json.dumps({"root": folder, "questions": asked, "settings": settings})
    theirs = json.loads(ran(sys.executable, JUDGE, text=question))
    print(f"{n_rows} changes, {os.cpu_count()} cores, DuckDB {theirs['version']}\n")
    print("| query | rows | ours, s | DuckDB, s | kept, ms | read, MB | spilled, MB |")
    print("|---|---|---|---|---|---|---|")
    differ = []
    for one, two in zip(ours["answers"], theirs["answers"]):
        figures = one["figures"]
        print(
            f"| `{one['name']}` | {one['n_rows']} | {one['seconds']:.3f} | {two['seconds']:.3f} "
            f"| {one['kept_seconds'] * 1000:.1f} | {figures['n_bytes_read'] / 1e6:.1f} "
            f"| {figures['n_bytes_spilled'] / 1e6:.1f} |"
        )
        if one["n_rows"] != len(two["rows"]):
            differ.append(one["name"])
    total = [sum(it["seconds"] for it in all_["answers"]) for all_ in (ours, theirs)]
    print(f"| all | | {total[0]:.3f} | {total[1]:.3f} | | | |")
    print(f"\npeak of memory: ours {ours['peak_kib'] // 1024} MB, DuckDB {theirs['peak_kib'] // 1024} MB")
    if differ:
        sys.exit(f"not the same number of rows: {', '.join(differ)}")


arguments = argparse.ArgumentParser()
arguments.add_argument("--binary", required=True)
arguments.add_argument("--rows", type=int, default=10_000_000)
arguments.add_argument("--keep", help="a folder for the lake, which is made there once")
given = arguments.parse_args()
if given.keep:
    bench(given.binary, given.keep, given.rows)
else:
    with tempfile.TemporaryDirectory() as folder:
        bench(given.binary, folder, given.rows)
