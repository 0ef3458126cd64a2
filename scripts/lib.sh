# shellcheck shell=bash
# Shell functions shared by the scripts of this folder. Source it; it sets no options of its own.
#
#   . "$(dirname "$0")/lib.sh"
#
# Everything the scripts download or build once lives outside the checkout, under fovea_cache.

fovea_root() { (cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd); }

fovea_cache() { echo "${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}"; }

# The prefix with BoringSSL's and libsrtp's headers and archives.
fovea_third_party() { echo "${FOVEA_THIRD_PARTY_DIR:-$(fovea_cache)/third_party/current}"; }

# node_modules of tests/e2e's lock file, whichever state of it the checkout has. Empty where that
# folder has no lock file yet.
fovea_node_modules() {
  local lock
  lock="$(fovea_root)/tests/e2e/package-lock.json"
  [ -f "$lock" ] || return 0
  echo "$(fovea_cache)/npm-$(fovea_hash "$lock" "$(dirname "$lock")/package.json")/node_modules"
}

# fovea_lay_out_page DIR: fills the folder that `fovea serve --dev --page DIR` shows. The page is ours; the
# client library on it is LiveKit's own build.
fovea_lay_out_page() {
  local out=$1 root modules library
  root=$(fovea_root)
  mkdir -p "$out"
  cp -r "$root/signaling/app/page/." "$out/"
  # From the npm cache, or what scripts/e2e has installed beside the tests. Two versions may be installed
  # under names that end in their number; the newest is the last.
  for modules in "$(fovea_node_modules)" "$root/tests/e2e/node_modules"; do
    library=$(printf '%s\n' "$modules"/livekit-client*/dist/livekit-client.umd.js |
      sort --version-sort | tail -n 1)
    [ ! -f "$library" ] || break
  done
  [ -f "$library" ] || fovea_fail "no livekit-client.umd.js in $modules; run scripts/setup"
  cp "$library" "$out/livekit-client.umd.js"
}

# The Python environment with the Synapse of tests/e2e/synapse-requirements.txt.
fovea_synapse() {
  echo "$(fovea_cache)/synapse-$(fovea_hash "$(fovea_root)/tests/e2e/synapse-requirements.txt")"
}

# The folder with nginx and Caddy, unpacked.
fovea_proxies() { echo "$(fovea_cache)/proxies"; }

# A short name for the contents of files.
fovea_hash() { cat "$@" | sha256sum | cut -c1-12; }

# The directory of a Node of at least kNodeMajor, to be put first on PATH; see scripts/setup.
fovea_node_bin() {
  local own
  own="$(fovea_cache)/node/current/bin"
  if [ -x "$own/node" ]; then
    echo "$own"
  elif command -v node >/dev/null; then
    dirname "$(command -v node)"
  fi
}

# One line per step with the seconds since the script began, so that a log tells where time went.
fovea_step() { printf '== [%4ds] %s\n' "$SECONDS" "$*"; }
fovea_note() { printf '   %s\n' "$*"; }
fovea_fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Runs a command as root: directly, or through sudo where we are somebody else.
fovea_as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo --preserve-env=DEBIAN_FRONTEND "$@"
  else
    fovea_fail "'$*' needs root, and there is no sudo. Run scripts/setup once as root."
  fi
}

# fovea_retry TIMES COMMAND...: registries and mirrors fail now and then; a second try usually works.
fovea_retry() {
  local times=$1 try=1
  shift
  until "$@"; do
    [ "$try" -lt "$times" ] || return 1
    fovea_note "try $try of $times failed: $1 ${2:-}; again in $((try * 3)) s"
    sleep $((try * 3))
    try=$((try + 1))
  done
}

# fovea_quietly LOG COMMAND...: keeps the output in a file and shows its end only when it fails.
fovea_quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    printf 'error: failed: %s (whole log: %s)\n' "$*" "$log" >&2
    return 1
  fi
}
