// `fovea doctor` on the homeserver: what its answers say about it, and what to change. Synapse's
// settings; matrixrtc reference, sections 6.2 and 7. Thread: pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "signaling/app/config.h"
#include "signaling/app/doctor_finding.h"
#include "signaling/app/doctor_probe.h"
#include "signaling/app/federation_client.h"

namespace fovea::app {

// GET /_matrix/client/versions answers three questions.
[[nodiscard]] Finding HomeserverFinding(const Probe& versions);
// Tokens are valid from one time to another: two clocks must agree on both.
[[nodiscard]] Finding ClockFinding(const Probe& versions, std::int64_t now_unix);
[[nodiscard]] std::vector<Finding> FeatureFindings(const Probe& versions);

// Of the focus: GET /fovea/v1/calls. `is_appservice`: else it reads /sync.
[[nodiscard]] Finding TransactionsFinding(const Probe& calls, bool is_appservice);
// An OpenID token that nobody has, shown to the server as another one finds it by its name.
// Nothing: it was taken.
[[nodiscard]] Finding FederationFinding(const std::string& server_name,
                                        const std::optional<LookupError>& answer);
// GET /_matrix/client/v3/account/whoami?user_id= of `user`, with our as_token.
[[nodiscard]] Finding MembershipFinding(const Probe& whoami, const std::string& user);
// GET /_matrix/client/v3/account/whoami with our as_token.
[[nodiscard]] Finding RegistrationFinding(const Probe& whoami, const Config& config);
// The same with homeserver.access_token, where there is no application service.
[[nodiscard]] Finding WatcherFinding(const Probe& whoami);
// POST /_matrix/client/v1/appservice/{id}/ping, which makes the homeserver call the focus.
[[nodiscard]] Finding PushFinding(const Probe& ping, const Config& config);
// GET /_matrix/federation/v1/openid/userinfo with a token that nobody has.
[[nodiscard]] Finding OpenIdFinding(const Probe& userinfo);

}  // namespace fovea::app
