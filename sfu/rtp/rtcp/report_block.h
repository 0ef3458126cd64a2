// Report block: how well one source is received. RFC 3550 section 6.4.1. Shared by sender and
// receiver reports. Thread: plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sfu/core/bytes.h"
#include "sfu/core/inline_vector.h"
#include "sfu/core/strong_id.h"
#include "sfu/rtp/rtcp/compound.h"

namespace fovea::rtp {

inline constexpr std::size_t kReportBlockBytes = 24;

struct ReportBlock {
  Ssrc source;
  std::uint8_t fraction_lost = 0;          // of 256, since the last report
  std::int32_t cumulative_lost = 0;        // signed 24 bits: duplicates make it negative
  std::uint32_t extended_highest_seq = 0;  // cycles in the upper half
  std::uint32_t jitter = 0;                // RTP timestamp units
  std::uint32_t last_sr = 0;               // middle 32 bits of the NTP time of the last SR, or 0
  std::uint32_t delay_since_last_sr = 0;   // 1/65536 s
  bool operator==(const ReportBlock&) const = default;

  // Reads one block. The caller checks reader.failed().
  [[nodiscard]] static ReportBlock Read(ByteReader& reader);
  void Write(ByteWriter& writer) const;
};

using ReportBlocks = InlineVector<ReportBlock, kRtcpCountMax>;

}  // namespace fovea::rtp
