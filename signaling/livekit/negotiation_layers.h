// Simulcast layers of an uplink section: RIDs (RFC 8851, 8853) or SSRC groups, to spatial indices.
// Thread: signaling; pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "signaling/livekit/negotiation_types.h"

namespace fovea::livekit {

// The layers a section sends, ascending. `declared_layers` is TrackInfo's count, 0 if unknown.
[[nodiscard]] std::vector<UplinkLayer> UplinkLayersOf(const wire::SdpMedia& offered,
                                                      std::uint8_t declared_layers);
// Accepts the offered rids: "recv" for "send", paused stays paused.
void AcceptRids(const wire::SdpMedia& offered, wire::SdpMedia& answer);

}  // namespace fovea::livekit
