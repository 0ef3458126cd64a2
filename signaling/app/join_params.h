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

// The grants that a refreshed token carries: those of the token that the participant came with,
// and over them what may have changed since: name, metadata, attributes and permissions. `nbf`
// stays that of the token, so that whatever refuses the token refuses all that it was refreshed
// with.
[[nodiscard]] wire::TokenGrants RefreshedGrants(const wire::TokenGrants& token,
                                                const pb::ParticipantInfo& participant,
                                                const std::string& room, std::int64_t now_unix,
                                                std::int64_t ttl_seconds);

[[nodiscard]] Result<livekit::JoinParams, livekit::JoinRefusal> ReadJoin(
    const wire::HttpRequest& request, wire::SignalPath path, const wire::ApiKeys& keys,
    std::int64_t now_unix);

}  // namespace fovea::app
