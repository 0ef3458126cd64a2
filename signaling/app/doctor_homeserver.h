// `fovea doctor` on the homeserver: what its answers say about it, and what to change. Synapse's
// settings; matrixrtc reference, sections 6.2 and 7. Thread: pure functions, any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "signaling/app/config.h"
#include "signaling/app/doctor_finding.h"
#include "signaling/app/doctor_probe.h"

namespace fovea::app {

// GET /_matrix/client/versions answers three questions.
[[nodiscard]] Finding HomeserverFinding(const Probe& versions);
// Tokens are valid from one time to another: two clocks must agree on both.
[[nodiscard]] Finding ClockFinding(const Probe& versions, std::int64_t now_unix);
[[nodiscard]] std::vector<Finding> FeatureFindings(const Probe& versions);

// GET /_matrix/client/v3/account/whoami with our as_token.
[[nodiscard]] Finding RegistrationFinding(const Probe& whoami, const Config& config);
// The same with homeserver.access_token, where there is no application service.
[[nodiscard]] Finding WatcherFinding(const Probe& whoami);
// POST /_matrix/client/v1/appservice/{id}/ping, which makes the homeserver call the focus.
[[nodiscard]] Finding PushFinding(const Probe& ping, const Config& config);
// GET /_matrix/federation/v1/openid/userinfo with a token that nobody has.
[[nodiscard]] Finding OpenIdFinding(const Probe& userinfo);

}  // namespace fovea::app
