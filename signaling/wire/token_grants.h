// What a LiveKit access token says, and whether to believe it. Thread: pure functions, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "livekit.pb.h"
#include "sfu/core/result.h"
#include "signaling/wire/http_message.h"

namespace fovea::wire {

// The `video` claim. An absent optional has the meaning its accessor gives it.
struct VideoGrants {
  bool room_join = false;
  bool room_create = false;
  bool room_list = false;
  bool room_admin = false;
  bool room_record = false;
  bool ingress_admin = false;
  bool hidden = false;
  bool recorder = false;
  bool agent = false;
  bool can_subscribe_metrics = false;
  bool can_manage_agent_session = false;
  std::string room;
  std::string destination_room;
  std::optional<bool> can_publish;
  std::optional<bool> can_subscribe;
  std::optional<bool> can_publish_data;
  std::optional<bool> can_update_own_metadata;
  std::vector<::livekit::TrackSource> can_publish_sources;

  [[nodiscard]] bool CanPublish() const { return can_publish.value_or(true); }
  [[nodiscard]] bool CanSubscribe() const { return can_subscribe.value_or(true); }
  [[nodiscard]] bool CanPublishData() const { return can_publish_data.value_or(CanPublish()); }
  [[nodiscard]] bool CanUpdateOwnMetadata() const {
    return can_update_own_metadata.value_or(false);
  }
  // An empty list of sources narrows nothing.
  [[nodiscard]] bool CanPublishSource(::livekit::TrackSource source) const;
};

struct TokenGrants {
  std::string api_key;   // `iss`
  std::string identity;  // `sub`, or `jti` where an old issuer put it there
  std::int64_t expires_at_unix = 0;
  std::optional<std::int64_t> not_before_unix;
  std::string name;
  std::string metadata;
  std::map<std::string, std::string> attributes;
  std::string kind;  // "" is standard
  std::vector<std::string> kind_details;
  std::string sha256;  // hash of the body, on webhooks only
  std::string room_preset;
  std::optional<::livekit::RoomConfiguration> room_config;
  std::optional<VideoGrants> video;  // absent: the token permits nothing
};

// Why a request is refused, ready to be sent: LiveKit's own texts, which operators search for.
struct TokenError {
  enum class Kind {
    kBadHeader,
    kInvalidToken,
    kExpired,
    kNotYetValid,
    kUnknownKey,
    kNoPermission,
    kNoIdentity
  };
  Kind kind;
  [[nodiscard]] int status() const;
  [[nodiscard]] std::string_view body() const;
};

using ApiKeys = std::map<std::string, std::string, std::less<>>;  // key to secret

// How far the issuer's clock may be off, either way.
inline constexpr std::int64_t kTokenLeewaySeconds = 60;

// `Authorization: Bearer`, else the access_token query parameter. No token at all is kNoPermission,
// as upstream has it.
[[nodiscard]] Result<std::string, TokenError> TokenOf(const HttpRequest& request);

[[nodiscard]] Result<TokenGrants, TokenError> VerifyToken(std::string_view token,
                                                          const ApiKeys& keys,
                                                          std::int64_t now_unix);

// Nothing if the grants admit their holder to a room: roomJoin, a room name and an identity.
[[nodiscard]] std::optional<TokenError> RefuseJoin(const TokenGrants& grants);

// The token that VerifyToken reads back as the same grants.
[[nodiscard]] std::string SignToken(const TokenGrants& grants, std::string_view secret);

}  // namespace fovea::wire
