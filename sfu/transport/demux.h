// Which protocol a datagram on the one shared port belongs to. RFC 7983 section 7, RFC 5761
// section 4. Thread: pure function.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sfu/core/bytes.h"

namespace fovea::transport {

enum class Protocol : std::uint8_t { kStun, kDtls, kRtp, kRtcp, kUnknown };

// RFC 7983: the first byte is 0..3 for STUN, 20..63 for DTLS, 128..191 for RTP and RTCP. The second
// byte of RTCP is a packet type in 192..223; RTP payload types 64..95 stay unused for that reason.
[[nodiscard]] constexpr Protocol Demultiplex(ByteSpan datagram) {
  if (datagram.empty()) return Protocol::kUnknown;
  const std::uint8_t first = datagram[0];
  if (first <= 3) return Protocol::kStun;
  if (first >= 20 && first <= 63) return Protocol::kDtls;
  if (first < 128 || first > 191 || datagram.size() < 2) return Protocol::kUnknown;
  return datagram[1] >= 192 && datagram[1] <= 223 ? Protocol::kRtcp : Protocol::kRtp;
}

}  // namespace fovea::transport
