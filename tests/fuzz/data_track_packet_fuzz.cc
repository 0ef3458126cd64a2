// Headers of data-track packets: what has one is given another handle, and nothing else changes.
// Input: | new handle 2 bytes | packet |
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sfu/core/check.h"
#include "signaling/livekit/data_track_packet.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using fovea::ByteSpan;
  using fovea::livekit::DataTrackHandle;
  if (size < 2) return 0;
  const std::uint16_t handle = fovea::LoadBe16(data);
  const ByteSpan packet(data + 2, size - 2);
  const auto before = DataTrackHandle(packet);
  FOVEA_CHECK(before.has_value() ==
              (packet.size() >= fovea::livekit::kDataTrackHeaderBytes && packet[0] < 0x20));
  if (!before.has_value()) return 0;
  std::vector<std::uint8_t> copy(packet.begin(), packet.end());
  fovea::livekit::SetDataTrackHandle(copy, handle);
  FOVEA_CHECK(DataTrackHandle(copy) == handle);
  fovea::livekit::SetDataTrackHandle(copy, *before);
  FOVEA_CHECK(std::equal(copy.begin(), copy.end(), packet.begin(), packet.end()));
  return 0;
}
