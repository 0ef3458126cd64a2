// fuzz-deps: sfu_sctp
// DCEP messages come from inside an authenticated association, but from any participant: what is
// accepted must survive being written and read again.
#include <array>
#include <cstddef>
#include <cstdint>

#include "sfu/core/check.h"
#include "sfu/sctp/dcep.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fovea::sctp;
  const fovea::ByteSpan bytes(data, size);
  const auto open = ParseOpen(bytes);
  FOVEA_CHECK(!open || !IsAck(bytes));
  if (!open) return 0;
  std::array<std::uint8_t, kOpenMessageBytesMax> buffer{};
  const fovea::ByteSpan written = WriteOpen(*open, buffer);
  const auto again = ParseOpen(written);
  FOVEA_CHECK(again.has_value());
  FOVEA_CHECK(again->label == open->label && again->protocol == open->protocol);
  FOVEA_CHECK(again->reliability == open->reliability && again->priority == open->priority);
  return 0;
}
