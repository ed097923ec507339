# Sourced by the other scripts: where builds and installed peers are kept, outside the checkout.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${MOODBRIDGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/moodbridge}
mkdir -p "$cache"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
export PATH="$HOME/.cargo/bin:$PATH"

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command once for each content of the files named before `--`; a stamp in the cache remembers.
once() {
  local name=$1; shift
  local files=()
  while [ "$1" != -- ]; do files+=("$1"); shift; done
  shift
  local stamp sum
  stamp=$cache/$name.stamp
  sum=$(printf '%s ' "$*" | cat - "${files[@]}" | sha256sum | cut -d' ' -f1)
  [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return 0
  "$@"
  printf '%s' "$sum" >"$stamp"
}
