// What usrsctp never gets to see. Its published holes were in chunks and parameters that WebRTC
// does not use, so packets with them are dropped before it parses anything. RFC 9260, RFC 8831, RFC
// 8261. Thread: pure, any thread.
#pragma once

#include <cstdint>

#include "sfu/core/bytes.h"

namespace fovea::sctp {

inline constexpr std::uint16_t kSctpPort = 5000;

// Whether `packet` is framed correctly, goes from port 5000 to port 5000, and holds only chunks
// that WebRTC needs. The checksum is left to usrsctp. O(chunks and INIT parameters).
[[nodiscard]] bool IsAcceptable(ByteSpan packet);

}  // namespace fovea::sctp
