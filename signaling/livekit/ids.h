// LiveKit's identifiers: a prefix and twelve base-57 characters ("PA_3xUfTqWm9Kzd").
#pragma once

#include <string>
#include <string_view>

#include "sfu/core/bytes.h"
#include "sfu/core/rng.h"

namespace fovea::livekit {

inline constexpr std::string_view kRoomPrefix = "RM_";
inline constexpr std::string_view kParticipantPrefix = "PA_";
inline constexpr std::string_view kTrackPrefix = "TR_";
inline constexpr std::string_view kDataTrackPrefix = "DTR_";
inline constexpr std::string_view kEventPrefix = "EV_";
inline constexpr std::string_view kNodePrefix = "ND_";

[[nodiscard]] std::string NewId(Rng& rng, std::string_view prefix);

// Fills a span with bytes from a secure source.
using RandomBytesFn = void (*)(MutableByteSpan);

// `length` characters for an ICE ufrag or password (a subset of RFC 8839 ice-char). A password is a
// secret, so it never comes from Rng, whose state its public outputs reveal.
[[nodiscard]] std::string NewIceText(RandomBytesFn random_bytes, std::size_t length);

// A random UUID (RFC 4122 section 4.4).
[[nodiscard]] std::string NewUuid(RandomBytesFn random_bytes);

}  // namespace fovea::livekit
