#!/usr/bin/env bash
# How fast a function starts as a Lambda, side by side in one run with the same handler in Python and in
# JavaScript with Powertools. `scripts/bench/coldstart.sh [--runs 20]` prints a table.
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$root"
"$root/scripts/setup" bench
say "building the functions as packages are"
scripts/package --cloud aws --arch native
functions=$(ls functions)
say "the peers"
cp scripts/bench/coldstart/*.mjs "$cache/coldstart-node/"
(cd "$cache/coldstart-node" && node_modules/.bin/esbuild handler.mjs --bundle --minify --platform=node --format=cjs --outfile=bundle.js --log-level=warning && rm -f package.json)
exec scripts/with-aws "$cache/venv-coldstart/bin/python" scripts/bench/coldstart.py \
  --ours "$cache/target-packages/cloud" --python "$cache/venv-coldstart/bin/python" --node "$cache/coldstart-node" \
  "$@" --functions $(printf '%s\n' $functions | grep -v webhook-intake)
