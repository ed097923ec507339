#!/usr/bin/env bash
# The named queries over a lake of many changes, by us and by DuckDB over the same files:
# `scripts/bench/queries.sh [--rows 10000000] [--keep FOLDER]`. It fails when two answers have another number of
# rows. MOODBRIDGE_QUERIES_PROFILE=dev takes the build without optimisation.
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$root"
profile=${MOODBRIDGE_QUERIES_PROFILE:-release}
flags=() && folder=debug
[ "$profile" = dev ] || { flags=(--release) && folder=release; }
say "building the engine ($profile)"
cargo build --quiet --locked "${flags[@]}" --package adapter-engine --features query --example queries
exec "$cache/venv-lake/bin/python" scripts/bench/queries.py \
  --binary "$CARGO_TARGET_DIR/$folder/examples/queries" "$@"
