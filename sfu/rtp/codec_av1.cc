// AV1 aggregation header. See codec_av1.h.
#include "sfu/rtp/codec_av1.h"

namespace fovea::rtp {

std::optional<Av1AggregationHeader> ParseAv1AggregationHeader(ByteSpan payload) {
  if (payload.size() < 2) return std::nullopt;
  Av1AggregationHeader out;
  out.continues_obu = (payload[0] & 0x80) != 0;
  out.is_continued = (payload[0] & 0x40) != 0;
  out.obu_count = (payload[0] >> 4) & 0x03;
  out.starts_coded_video_sequence = (payload[0] & 0x08) != 0;
  if (out.continues_obu && out.starts_coded_video_sequence) return std::nullopt;
  return out;
}

}  // namespace fovea::rtp
