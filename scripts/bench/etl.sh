#!/usr/bin/env bash
# One file through 5 transforms and 8 rules into Parquet, by us and by what is used for it:
# `scripts/bench/etl.sh [--rows 1000000] [--rounds 5] [--only ours,duckdb,polars,pandas]`. With `--case sets`
# it is the set-wise case: duplicates, a join and an aggregate, ours with `--memory-mb 256`.
# It fails when two of them count otherwise. MOODBRIDGE_ETL_PROFILE=dev takes the build without optimisation.
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$root"
once etl scripts/bench/etl/requirements.txt -- bash -c '
  [ -x "$1/venv-etl/bin/python" ] || python3 -m venv "$1/venv-etl"
  "$1/venv-etl/bin/pip" install --quiet --disable-pip-version-check -r "$2"' - "$cache" scripts/bench/etl/requirements.txt
if [ "${MOODBRIDGE_ETL_PROFILE:-release}" = dev ]; then
  binary=$CARGO_TARGET_DIR/debug/moodbridge
  [ -x "$binary" ] || cargo build --quiet --locked --package moodbridge --bin moodbridge
else
  binary=$CARGO_TARGET_DIR/release/moodbridge
  say "building moodbridge for release"
  cargo build --quiet --locked --release --package moodbridge --bin moodbridge
fi
exec "$cache/venv-etl/bin/python" scripts/bench/etl.py --moodbridge "$binary" "$@"
