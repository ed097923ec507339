#!/bin/sh
# Runs all client checks against a sandbox org: `clients/run.sh http://127.0.0.1:8899 [private-key.pem]`.
# PYTHON must have requirements.txt installed; NODE must be Node 22 and find jsforce (NODE_MODULES, a node_modules folder).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
for check in "$here"/*_check.py; do
  "${PYTHON:-python3}" "$check" "$@"
done
if [ -n "${NODE_MODULES:-}" ]; then
  # Modules are looked up beside the script that imports them.
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cp "$here"/*_check.mjs "$work/"
  ln -s "$NODE_MODULES" "$work/node_modules"
  here=$work
fi
for check in "$here"/*_check.mjs; do
  "${NODE:-node}" "$check" "$1"
done
