// `fovea doctor` on how clients find this focus. matrixrtc reference, section 3. Thread: pure
// functions, any thread.
#pragma once

#include <string>

#include "signaling/app/doctor_finding.h"
#include "signaling/app/doctor_probe.h"

namespace fovea::app {

// GET /_matrix/client/unstable/org.matrix.msc4143/rtc/transports. `service_url` is the https URL of
// this focus; empty if the configuration does not say.
[[nodiscard]] Finding TransportsFinding(const Probe& transports, const std::string& service_url);

// GET https://{server_name}/.well-known/matrix/client as a browser asks. Only clients before autumn
// 2025 look here, so nothing in it is a failure.
[[nodiscard]] Finding WellKnownFinding(const Probe& well_known, const std::string& service_url);

}  // namespace fovea::app
