// Extended report: round-trip time for endpoints that only receive. RFC 3611 sections 4.4 (receiver
// reference time) and 4.5 (DLRR). Other blocks are skipped. Thread: plain values, any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/core/inline_vector.h"
#include "sfu/core/limits.h"
#include "sfu/core/strong_id.h"
#include "sfu/rtp/rtcp/compound.h"

namespace fovea::rtp {

struct ExtendedReport {
  struct Dlrr {
    Ssrc receiver;
    std::uint32_t last_rr = 0;              // middle 32 bits of the receiver's reference time
    std::uint32_t delay_since_last_rr = 0;  // 1/65536 s
    bool operator==(const Dlrr&) const = default;
  };

  Ssrc sender;
  std::optional<std::uint64_t> reference_ntp;
  InlineVector<Dlrr, limits::kDlrrItemsMax> dlrrs;

  // REQUIRES: packet.header.Is(RtcpType::kExtendedReport).
  [[nodiscard]] static std::optional<ExtendedReport> Parse(const RtcpPacket& packet);
  // ENSURES: on false the writer is unchanged.
  [[nodiscard]] bool Write(ByteWriter& writer) const;
};

}  // namespace fovea::rtp
