// Webhooks of another LiveKit server, as far as delegated leave is concerned. livekit-protocol
// reference, section 5.2; matrixrtc reference, section 4.9. Thread: pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "signaling/matrix/leave_job.h"
#include "signaling/wire/http_message.h"
#include "signaling/wire/token_grants.h"

namespace fovea::app {

struct SfuEvent {
  enum class Kind : std::uint8_t { kJoined, kLeft, kAborted };
  Kind kind = Kind::kJoined;
  matrix::LeaveKey key;
  int disconnect_reason = 0;  // LiveKit's DisconnectReason; 0 where none is told
};

// Nothing for an event of another kind, or one that was not signed with one of our keys: the
// Authorization header is a JWT (with or without "Bearer") that holds the hash of the body.
[[nodiscard]] std::optional<SfuEvent> ReadSfuWebhook(const wire::HttpRequest& request,
                                                     const wire::ApiKeys& keys,
                                                     std::int64_t now_unix);

}  // namespace fovea::app
