#!/usr/bin/env bash
# Latency of every GET of the API while 10,000 cases are in the store and the firm works on.
# `scripts/bench/api.sh [--seconds 5] [--clients 1,8] [--activity 20]` prints a table.
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$root"
"$root/scripts/setup" bench
say "building moodbridge for release"
cargo build --quiet --locked --release --package moodbridge --bin moodbridge
exec python3 scripts/bench/api.py --moodbridge "$CARGO_TARGET_DIR/release/moodbridge" "$@"
