// From a connect request to what the room logic needs: token, join request, permissions.
// livekit-protocol reference sections 1.2, 1.3, 1.9. Thread: pure functions, any thread.
#pragma once

#include "sfu/core/result.h"
#include "signaling/livekit/participant.h"
#include "signaling/livekit/room_manager.h"
#include "signaling/wire/http_message.h"
#include "signaling/wire/join_request.h"
#include "signaling/wire/token_grants.h"

namespace fovea::app {

[[nodiscard]] pb::ParticipantPermission PermissionOf(const wire::VideoGrants& grants);

// The grants that a refresh token carries: the participant's permissions as they are now.
[[nodiscard]] wire::TokenGrants GrantsOf(const pb::ParticipantInfo& participant,
                                         const std::string& room);

[[nodiscard]] Result<livekit::JoinParams, livekit::JoinRefusal> ReadJoin(
    const wire::HttpRequest& request, wire::SignalPath path, const wire::ApiKeys& keys,
    std::int64_t now_unix);

}  // namespace fovea::app
