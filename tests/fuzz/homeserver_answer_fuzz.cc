// What homeservers answer about delayed events and about themselves: the first line of the input is
// a Retry-After header, the rest a body.
// fuzz-deps: signaling_matrix
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sfu/core/check.h"
#include "signaling/matrix/client_well_known.h"
#include "signaling/matrix/leave_job.h"
#include "signaling/wire/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr fovea::WallMicros kNow{1'790'000'000'000'000};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  const std::string_view header = text.substr(0, line);
  const std::string_view body = line == std::string_view::npos ? "" : text.substr(line + 1);
  if (const auto wait = fovea::matrix::ReadRetryAfter(header, body, kNow)) {
    FOVEA_CHECK(*wait >= fovea::Duration::zero() && *wait <= fovea::Seconds(24 * 3600));
  }
  if (const auto url = fovea::matrix::ReadHomeserverUrl(body)) {
    const auto parsed = fovea::wire::ParseHttpUrl(*url + "/_matrix/client");
    FOVEA_CHECK(parsed.has_value() && parsed->tls);
  }
  return 0;
}
