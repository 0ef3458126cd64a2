#!/usr/bin/env bash
# Fails where the executable $1 was built without what SECURITY.md promises of release builds.
set -euo pipefail

binary=$1
failed=0

# want WHAT PATTERN: the lines on standard input have to match.
want() {
  if ! grep -qE "$2"; then
    echo "error: $binary: $1; was it built with FOVEA_HARDEN?" >&2
    failed=1
  fi
}

header=$(readelf --wide --file-header "$binary")
segments=$(readelf --wide --program-headers "$binary")
dynamic=$(readelf --wide --dynamic "$binary")
symbols=$(readelf --wide --dyn-syms "$binary")

want "is not position-independent" 'Type: +DYN' <<<"$header"
want "has a stack that may be executed" 'GNU_STACK .* RW +0x' <<<"$segments"
want "leaves relocations writable (RELRO)" 'GNU_RELRO' <<<"$segments"
want "binds symbols late (BIND_NOW)" 'BIND_NOW|Flags:.* NOW' <<<"$dynamic"
want "has no stack protector" '__stack_chk_fail' <<<"$symbols"
want "has no checked library calls (_FORTIFY_SOURCE)" '__(memcpy|vsnprintf|snprintf|fprintf)_chk' <<<"$symbols"
[ "$failed" = 0 ] && echo "position-independent, RELRO, BIND_NOW, stack protector, checked library calls"
exit "$failed"
