#!/bin/sh
# Runs the client checks against a sandbox org: `clients/run.sh http://127.0.0.1:8899 [private-key.pem]`.
# PYTHON must have requirements.txt installed; NODE must be Node 22 and find jsforce (NODE_MODULES, a node_modules folder).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
"${PYTHON:-python3}" "$here/simple_salesforce_check.py" "$@"
"${PYTHON:-python3}" "$here/pub_sub_check.py" "$1"
if [ -n "${NODE_MODULES:-}" ]; then
  # Modules are looked up beside the script that imports them.
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cp "$here/jsforce_check.mjs" "$work/"
  ln -s "$NODE_MODULES" "$work/node_modules"
  here=$work
fi
"${NODE:-node}" "$here/jsforce_check.mjs" "$1"
