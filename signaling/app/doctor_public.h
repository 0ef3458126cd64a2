// `fovea doctor` on the public URL: whether what stands before the focus hands everything on.
// Thread: pure functions, any thread.
#pragma once

#include <string>

#include "signaling/app/config.h"
#include "signaling/app/doctor_finding.h"
#include "signaling/app/doctor_probe.h"

namespace fovea::app {

[[nodiscard]] Finding PublicUrlFinding(const Config& config);
// GET {url}/healthz
[[nodiscard]] Finding HealthFinding(const Probe& health);
// POST {url}/sfu/get with {} as a browser asks: refused in the token service's own words.
[[nodiscard]] Finding TokenRouteFinding(const Probe& token_route);
// GET {url}/rtc, asking for a WebSocket without a token: only who sees the upgrade says 401.
[[nodiscard]] Finding UpgradeFinding(const Probe& upgrade);
// The header fields of a client that asks for a WebSocket. RFC 6455 section 4.1.
[[nodiscard]] wire::HttpHeaders UpgradeHeaders();

// What a client does before a call, with the access token of a real account; skipped without one.
[[nodiscard]] Finding TryTokenRoundTrip(const Config& config, const std::string& user_token,
                                        const Fetch& fetch);

}  // namespace fovea::app
