// Redis's replies, in two pieces: cut at the first byte's value, the result must be that of one.
// fuzz-deps: signaling_wire
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sfu/core/check.h"
#include "signaling/wire/resp.h"

namespace {

std::vector<fovea::wire::RespValue> ReadAll(std::string_view first, std::string_view second) {
  std::vector<fovea::wire::RespValue> values;
  fovea::wire::RespParser parser;
  for (const std::string_view piece : {first, second}) {
    parser.Feed(piece);
    while (auto value = parser.Next()) values.push_back(std::move(*value));
  }
  return values;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = data[0] < text.size() ? data[0] : text.size();
  FOVEA_CHECK(ReadAll(text, "") == ReadAll(text.substr(0, cut), text.substr(cut)));
  return 0;
}
