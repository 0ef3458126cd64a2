// What a client asks for when it connects to /rtc or /rtc/v1, whichever way it says so.
// Thread: pure functions, any thread.
#pragma once

#include <string>

#include "livekit.pb.h"
#include "sfu/core/result.h"
#include "signaling/wire/url.h"

namespace fovea::wire {

enum class SignalPath { kV0, kV1 };  // /rtc, /rtc/v1

struct JoinParameters {
  ::livekit::JoinRequest request;
  // One peer connection for both directions; the client makes every offer.
  bool single_peer_connection = false;
  // v0 `publish`: a publish-only side session, whose identity becomes `identity#suffix`.
  std::string publish_suffix;
};

// For a 400 response.
struct JoinRequestError {
  std::string message;
};

// `join_request` wins wherever it is present: a WrappedJoinRequest in base64url (browsers keep the
// padding, others do not), plain or gzip, at most limits::kJoinRequestBytesMax when unpacked.
// Otherwise kV0 reads query parameters, where auto_subscribe is true unless denied; kV1 fails.
[[nodiscard]] Result<JoinParameters, JoinRequestError> ParseJoinParameters(
    SignalPath path, const RequestTarget& target);

}  // namespace fovea::wire
