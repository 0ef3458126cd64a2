// Which RTP header extensions are accepted and offered. Thread: signaling; pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "signaling/livekit/negotiation_types.h"

namespace fovea::livekit {

enum class SectionUse : std::uint8_t { kUplink, kDownlink };

// The offered extensions we use on such a section, with the offerer's ids.
[[nodiscard]] std::vector<wire::SdpExtension> AnswerExtensions(const wire::SdpMedia& offered,
                                                               SectionUse use,
                                                               const NegotiationPolicy& policy);
// Our own ids, for server offers.
[[nodiscard]] std::vector<wire::SdpExtension> OfferExtensions(control::MediaKind kind,
                                                              const NegotiationPolicy& policy);
[[nodiscard]] rtp::ExtensionMap ExtensionMapOf(const std::vector<wire::SdpExtension>& extensions);

}  // namespace fovea::livekit
