#!/usr/bin/env bash
# proto_check.mjs with the npm packages that scripts/setup or scripts/e2e has installed. Fails without them: a check
# that is skipped where nobody looks checks nothing.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

for modules in "$(fovea_node_modules)" "$(fovea_root)/tests/e2e/node_modules"; do
  [ ! -d "$modules/@livekit/protocol" ] || break
done
[ -d "$modules/@livekit/protocol" ] || fovea_fail "no @livekit/protocol in $modules; run scripts/setup"
node=$(fovea_node_bin)
[ -n "$node" ] || fovea_fail "no node; run scripts/setup"
exec "$node/node" "$(fovea_root)/tests/golden/proto_check.mjs" --modules "$modules" "$@"
