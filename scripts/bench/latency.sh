#!/usr/bin/env bash
# From a change on one side until the other side shows it, by each channel, both ways.
# `scripts/bench/latency.sh [--changes 200] [--activity 5]` prints a table.
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$root"
"$root/scripts/setup" bench
say "building moodbridge for release"
cargo build --quiet --locked --release --package moodbridge --bin moodbridge
exec python3 scripts/bench/latency.py --moodbridge "$CARGO_TARGET_DIR/release/moodbridge" "$@"
