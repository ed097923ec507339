#!/usr/bin/env bash
# A large file up and down, killed on the way: `scripts/bench/transfer.sh [--megabytes 5000] [--kills 2]`.
# It fails when the digest differs, when memory passes 64 MB, or when a killed run was for nothing.
# MOODBRIDGE_TEST_AWS chooses the S3; localemu keeps objects on disk.
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$root"
binary=$CARGO_TARGET_DIR/release/moodbridge
if [ "${MOODBRIDGE_TRANSFER_PROFILE:-release}" = dev ]; then
  binary=$CARGO_TARGET_DIR/debug/moodbridge
else
  say "building moodbridge for release"
  cargo build --quiet --locked --release --package moodbridge --bin moodbridge
fi
export MOODBRIDGE_TEST_AWS=${MOODBRIDGE_TEST_AWS:-localemu}
exec scripts/with-aws "$cache/venv-aws/bin/python" scripts/bench/transfer.py --moodbridge "$binary" "$@"
