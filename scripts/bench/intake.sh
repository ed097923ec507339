#!/usr/bin/env bash
# Durable webhook intake, side by side in one run with the same endpoint written the usual way.
# `scripts/bench/intake.sh [--seconds 5] [--rounds 3] [--connections 64,1000]` prints a table.
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$root"
"$root/scripts/setup" bench
say "building webhook-intake for release"
cargo build --quiet --locked --release --package webhook-intake --bin webhook-intake
cp scripts/bench/peers/*.mjs scripts/bench/peers/*.py "$cache/bench-node/"
exec "$cache/venv-bench/bin/python" scripts/bench/intake.py \
  --ours "$CARGO_TARGET_DIR/release/webhook-intake" \
  --peers "$cache/bench-node" --python "$cache/venv-bench/bin/python" "$@"
