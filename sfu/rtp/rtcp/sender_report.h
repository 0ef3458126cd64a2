// Sender report. RFC 3550 section 6.4.1. Thread: plain values, any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/rtp/rtcp/report_block.h"

namespace fovea::rtp {

struct SenderReport {
  Ssrc sender;
  std::uint64_t ntp = 0;  // RFC 5905: the capture clock's time of `rtp_timestamp`
  RtpTimestamp rtp_timestamp;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
  ReportBlocks blocks;

  // REQUIRES: packet.header.Is(RtcpType::kSenderReport). Profile-specific extensions are ignored.
  [[nodiscard]] static std::optional<SenderReport> Parse(const RtcpPacket& packet);
  // ENSURES: on false the writer is unchanged.
  [[nodiscard]] bool Write(ByteWriter& writer) const;
};

}  // namespace fovea::rtp
