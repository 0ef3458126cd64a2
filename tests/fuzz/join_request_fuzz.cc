// Request targets of /rtc and /rtc/v1. The first byte chooses whether the rest is a whole target, a
// wrapped request still to be encoded, or a gzip body still to be wrapped.
// fuzz-deps: signaling_wire
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "livekit.pb.h"
#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "signaling/wire/base64.h"
#include "signaling/wire/join_request.h"
#include "signaling/wire/url.h"

namespace {

std::string TargetOf(std::uint8_t kind, std::string_view rest) {
  if (kind % 3 == 0) return std::string(rest);
  std::string wrapped(rest);
  if (kind % 3 == 2) {
    livekit::WrappedJoinRequest request;
    request.set_compression(livekit::WrappedJoinRequest::GZIP);
    request.set_join_request(wrapped);
    wrapped = request.SerializeAsString();
  }
  return "/rtc/v1?join_request=" + fovea::wire::Base64UrlEncode(fovea::wire::AsBytes(wrapped));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto target = fovea::wire::ParseRequestTarget(TargetOf(data[0], rest));
  if (!target) return 0;
  FOVEA_CHECK(!target->path.empty());
  for (const auto path : {fovea::wire::SignalPath::kV0, fovea::wire::SignalPath::kV1}) {
    const auto join = fovea::wire::ParseJoinParameters(path, *target);
    if (!join) {
      FOVEA_CHECK(!join.error().message.empty());
    } else if (path == fovea::wire::SignalPath::kV1) {
      FOVEA_CHECK(join->single_peer_connection);
    }
  }
  return 0;
}
