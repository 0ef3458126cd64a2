// fuzz-deps: signaling_wire
// ParseSdp on arbitrary text: never crashes, and whatever it accepts survives writing and reading.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "signaling/wire/sdp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const auto parsed = fovea::wire::ParseSdp(text);
  if (!parsed.ok()) return 0;
  const std::string written = fovea::wire::WriteSdp(*parsed);
  // A wildcard rtcp-fb line is written once per codec, so the text may outgrow the limit.
  if (written.size() > fovea::limits::kSdpBytesMax) return 0;
  const auto again = fovea::wire::ParseSdp(written);
  FOVEA_CHECK(again.ok());
  FOVEA_CHECK(*again == *parsed);
  return 0;
}
