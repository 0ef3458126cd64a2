// Answers to SRV queries: whatever a name server sends.
// fuzz-deps: signaling_io
#include <cstddef>
#include <cstdint>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "signaling/io/srv_lookup.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto answers = fovea::io::ParseSrvAnswer(data, size);
  FOVEA_CHECK(answers.size() <= fovea::limits::kSrvAnswersMax);
  for (const auto& answer : answers) FOVEA_CHECK(answer.target.size() < 1025);
  return 0;
}
