// AV1 aggregation header. RTP Payload Format for AV1, section 4.4. Only this byte is read: what a
// frame is comes from the dependency descriptor (dependency_descriptor.h).
// Thread: pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/core/bytes.h"

namespace fovea::rtp {

//  0 1 2 3 4 5 6 7
// +-+-+-+-+-+-+-+-+
// |Z|Y| W |N|-|-|-|
// +-+-+-+-+-+-+-+-+
struct Av1AggregationHeader {
  bool continues_obu = false;  // Z: the first element continues one of the last packet
  bool is_continued = false;   // Y
  std::uint8_t obu_count = 0;  // W; 0: every element has a length
  bool starts_coded_video_sequence = false;  // N: a key frame starts here
};

// nullopt for a payload without data, or with Z and N both set, which the format forbids.
[[nodiscard]] std::optional<Av1AggregationHeader> ParseAv1AggregationHeader(ByteSpan payload);

}  // namespace fovea::rtp
