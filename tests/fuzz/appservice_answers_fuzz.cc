// Answers to what an application service asks its homeserver; of a relayed request, another server
// wrote most of it. The first byte of the input chooses the status.
// fuzz-deps: signaling_matrix
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sfu/core/check.h"
#include "signaling/matrix/appservice_answers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace matrix = fovea::matrix;
  constexpr std::array kStatuses{200, 404, 403};
  if (size == 0) return 0;
  const int status = kStatuses[data[0] % kStatuses.size()];
  const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  FOVEA_CHECK(status == 200 ||
              matrix::ReadIsJoined(status, body) == matrix::JoinedAnswer::kUnknown);
  FOVEA_CHECK(status == 200 || matrix::ReadWhoAmI(status, body).empty());
  const auto device = matrix::ReadDevice(status, body, "D");
  FOVEA_CHECK(status == 404 || device != matrix::DeviceAnswer::kGone);
  for (const auto& event :
       {matrix::ReadDelayedEvent(status, body), matrix::FindDelayedEvent(status, body, "delay")}) {
    FOVEA_CHECK(status == 200 || event.status != matrix::DelayedEventStatus::kFound);
    FOVEA_CHECK(event.delay >= fovea::Duration::zero());
    FOVEA_CHECK(event.delay <= fovea::Seconds(366LL * 24 * 3600));
  }
  const matrix::RelayedToken token = matrix::ReadRelayedToken(status, body);
  FOVEA_CHECK(status == 200 || token.jwt.empty());
  FOVEA_CHECK(token.error.status == 400 || token.error.status == 403 || token.error.status == 502);
  return 0;
}
