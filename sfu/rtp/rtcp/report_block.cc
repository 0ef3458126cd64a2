// Report block. RFC 3550 section 6.4.1. Thread: pure functions, any thread.
#include "sfu/rtp/rtcp/report_block.h"

#include <algorithm>

namespace fovea::rtp {
namespace {

constexpr std::int32_t kLostMax = 0x7fffff;
constexpr std::int32_t kLostMin = -0x800000;

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                        SSRC of source                         |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// | fraction lost |       cumulative number of packets lost       |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |           extended highest sequence number received           |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                      interarrival jitter                      |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                         last SR (LSR)                         |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                   delay since last SR (DLSR)                  |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
ReportBlock ReportBlock::Read(ByteReader& reader) {
  ReportBlock block;
  block.source = Ssrc{reader.U32()};
  block.fraction_lost = reader.U8();
  block.cumulative_lost = static_cast<std::int32_t>(reader.U24() << 8) >> 8;
  block.extended_highest_seq = reader.U32();
  block.jitter = reader.U32();
  block.last_sr = reader.U32();
  block.delay_since_last_sr = reader.U32();
  return block;
}

void ReportBlock::Write(ByteWriter& writer) const {
  writer.U32(source.value());
  writer.U8(fraction_lost);
  writer.U24(static_cast<std::uint32_t>(std::clamp(cumulative_lost, kLostMin, kLostMax)) &
             0xffffffU);
  writer.U32(extended_highest_seq);
  writer.U32(jitter);
  writer.U32(last_sr);
  writer.U32(delay_since_last_sr);
}

}  // namespace fovea::rtp
