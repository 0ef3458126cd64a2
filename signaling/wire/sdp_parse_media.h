// The media-level half of the SDP parser. Thread: any; pure functions.
#pragma once

#include <string_view>

#include "signaling/wire/sdp_media.h"

namespace fovea::wire {

// An empty reason is success; otherwise a literal that says what is wrong with the line.
using SdpReason = std::string_view;

// `value` is what follows "m=".
[[nodiscard]] SdpReason ParseMediaLine(std::string_view value, SdpMedia& out);

// One "a=" line of a section, split at its first colon.
[[nodiscard]] SdpReason ParseMediaAttribute(std::string_view name, std::string_view value,
                                            SdpMedia& out);

// Attributes allowed at either level. Sets `known` to whether `name` is one of them.
[[nodiscard]] SdpReason ParseTransportAttribute(std::string_view name, std::string_view value,
                                                SdpTransport& out, bool& known);

}  // namespace fovea::wire
