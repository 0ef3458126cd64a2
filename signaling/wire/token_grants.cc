#include "signaling/wire/token_grants.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "signaling/wire/json.h"
#include "signaling/wire/jwt.h"

namespace fovea::wire {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<std::string_view, ::livekit::TrackSource>, 4> kSources{{
    {"camera", ::livekit::CAMERA},
    {"microphone", ::livekit::MICROPHONE},
    {"screen_share", ::livekit::SCREEN_SHARE},
    {"screen_share_audio", ::livekit::SCREEN_SHARE_AUDIO},
}};

// One table for reading and writing.
constexpr std::array<std::pair<const char*, bool VideoGrants::*>, 11> kFlags{{
    {"roomJoin", &VideoGrants::room_join},
    {"roomCreate", &VideoGrants::room_create},
    {"roomList", &VideoGrants::room_list},
    {"roomAdmin", &VideoGrants::room_admin},
    {"roomRecord", &VideoGrants::room_record},
    {"ingressAdmin", &VideoGrants::ingress_admin},
    {"hidden", &VideoGrants::hidden},
    {"recorder", &VideoGrants::recorder},
    {"agent", &VideoGrants::agent},
    {"canSubscribeMetrics", &VideoGrants::can_subscribe_metrics},
    {"canManageAgentSession", &VideoGrants::can_manage_agent_session},
}};

constexpr std::array<std::pair<const char*, std::optional<bool> VideoGrants::*>, 4> kTriStates{{
    {"canPublish", &VideoGrants::can_publish},
    {"canSubscribe", &VideoGrants::can_subscribe},
    {"canPublishData", &VideoGrants::can_publish_data},
    {"canUpdateOwnMetadata", &VideoGrants::can_update_own_metadata},
}};

// Reads members of one JSON object and remembers whether any had the wrong type. A null counts as
// absent: some issuers write every field of their struct.
class ObjectReader {
 public:
  explicit ObjectReader(const Json& object) : object_(object) {}

  void String(const char* name, std::string& out) {
    if (const Json* value = Find(name)) {
      if (Expect(value->is_string())) out = value->get<std::string>();
    }
  }
  void Bool(const char* name, bool& out) {
    if (const Json* value = Find(name)) {
      if (Expect(value->is_boolean())) out = value->get<bool>();
    }
  }
  void Bool(const char* name, std::optional<bool>& out) {
    if (const Json* value = Find(name)) {
      if (Expect(value->is_boolean())) out = value->get<bool>();
    }
  }
  // RFC 7519 section 2: a NumericDate may have a fraction.
  void NumericDate(const char* name, std::optional<std::int64_t>& out) {
    constexpr double kBeyondAnyClock = 1e15;
    const Json* value = Find(name);
    if (value == nullptr || !Expect(value->is_number())) return;
    const double seconds = value->get<double>();
    if (Expect(std::fabs(seconds) < kBeyondAnyClock)) out = static_cast<std::int64_t>(seconds);
  }
  void Strings(const char* name, std::vector<std::string>& out) {
    const Json* value = Find(name);
    if (value == nullptr || !Expect(value->is_array())) return;
    for (const Json& element : *value) {
      if (Expect(element.is_string())) out.push_back(element.get<std::string>());
    }
  }
  void StringMap(const char* name, std::map<std::string, std::string>& out) {
    const Json* value = Find(name);
    if (value == nullptr || !Expect(value->is_object())) return;
    for (const auto& [key, element] : value->items()) {
      if (Expect(element.is_string())) out[key] = element.get<std::string>();
    }
  }
  const Json* Object(const char* name) {
    const Json* value = Find(name);
    return value != nullptr && Expect(value->is_object()) ? value : nullptr;
  }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  const Json* Find(const char* name) const {
    const auto it = object_.find(name);
    return it == object_.end() || it->is_null() ? nullptr : &*it;
  }
  bool Expect(bool condition) {
    ok_ = ok_ && condition;
    return condition;
  }

  const Json& object_;
  bool ok_ = true;
};

bool ReadVideo(const Json& object, VideoGrants& out) {
  ObjectReader reader(object);
  for (const auto& [name, member] : kFlags) reader.Bool(name, out.*member);
  for (const auto& [name, member] : kTriStates) reader.Bool(name, out.*member);
  reader.String("room", out.room);
  reader.String("destinationRoom", out.destination_room);
  std::vector<std::string> sources;
  reader.Strings("canPublishSources", sources);
  for (const std::string& source : sources) {
    const auto* const known = std::find_if(kSources.begin(), kSources.end(),
                                           [&](const auto& row) { return row.first == source; });
    // An unknown source must narrow, not vanish: an emptied list would permit everything.
    out.can_publish_sources.push_back(known == kSources.end() ? ::livekit::UNKNOWN : known->second);
  }
  return reader.ok();
}

bool ReadRoomConfig(const Json& object, std::optional<::livekit::RoomConfiguration>& out) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  return google::protobuf::util::JsonStringToMessage(DumpJson(object), &out.emplace(), options)
      .ok();
}

std::optional<TokenGrants> ReadClaims(const Json& claims) {
  TokenGrants out;
  ObjectReader reader(claims);
  std::string subject;
  std::string token_id;
  std::optional<std::int64_t> expires_at;
  reader.String("iss", out.api_key);
  reader.String("sub", subject);
  reader.String("jti", token_id);
  reader.NumericDate("exp", expires_at);
  reader.NumericDate("nbf", out.not_before_unix);
  reader.String("name", out.name);
  reader.String("metadata", out.metadata);
  reader.StringMap("attributes", out.attributes);
  reader.String("kind", out.kind);
  reader.Strings("kindDetails", out.kind_details);
  reader.String("sha256", out.sha256);
  reader.String("roomPreset", out.room_preset);
  const Json* video = reader.Object("video");
  const Json* room_config = reader.Object("roomConfig");
  if (!reader.ok() || !expires_at) return std::nullopt;
  if (video != nullptr && !ReadVideo(*video, out.video.emplace())) return std::nullopt;
  if (room_config != nullptr && !ReadRoomConfig(*room_config, out.room_config)) {
    return std::nullopt;
  }
  out.expires_at_unix = *expires_at;
  out.identity = subject.empty() ? token_id : subject;
  return out;
}

Json WriteVideo(const VideoGrants& video) {
  Json out = Json::object();
  for (const auto& [name, member] : kFlags) {
    if (video.*member) out[name] = true;
  }
  for (const auto& [name, member] : kTriStates) {
    if ((video.*member).has_value()) out[name] = (video.*member).value();
  }
  if (!video.room.empty()) out["room"] = video.room;
  if (!video.destination_room.empty()) out["destinationRoom"] = video.destination_room;
  for (const ::livekit::TrackSource source : video.can_publish_sources) {
    const auto* const known = std::find_if(kSources.begin(), kSources.end(),
                                           [&](const auto& row) { return row.second == source; });
    out["canPublishSources"].push_back(known == kSources.end() ? "unknown" : known->first);
  }
  return out;
}

Json WriteClaims(const TokenGrants& grants) {
  Json out = {{"iss", grants.api_key}, {"exp", grants.expires_at_unix}};
  const auto put_string = [&out](const char* name, const std::string& value) {
    if (!value.empty()) out[name] = value;
  };
  put_string("sub", grants.identity);
  put_string("name", grants.name);
  put_string("metadata", grants.metadata);
  put_string("kind", grants.kind);
  put_string("sha256", grants.sha256);
  put_string("roomPreset", grants.room_preset);
  if (grants.not_before_unix) out["nbf"] = *grants.not_before_unix;
  if (!grants.attributes.empty()) out["attributes"] = grants.attributes;
  if (!grants.kind_details.empty()) out["kindDetails"] = grants.kind_details;
  if (grants.video) out["video"] = WriteVideo(*grants.video);
  if (grants.room_config) {
    std::string text;
    const auto status = google::protobuf::util::MessageToJsonString(*grants.room_config, &text);
    const auto room_config = status.ok() ? ParseJson(text) : std::nullopt;
    if (room_config) out["roomConfig"] = *room_config;
  }
  return out;
}

}  // namespace

bool VideoGrants::CanPublishSource(::livekit::TrackSource source) const {
  if (!CanPublish()) return false;
  if (can_publish_sources.empty()) return true;
  return source != ::livekit::UNKNOWN &&
         std::find(can_publish_sources.begin(), can_publish_sources.end(), source) !=
             can_publish_sources.end();
}

int TokenError::status() const { return kind == Kind::kNoIdentity ? 400 : 401; }

std::string_view TokenError::body() const {
  switch (kind) {
    case Kind::kBadHeader:
      return "invalid authorization header. Must start with Bearer ";
    case Kind::kInvalidToken:
      return "invalid authorization token";
    case Kind::kExpired:
      return "invalid authorization token: it has expired";
    case Kind::kNotYetValid:
      return "invalid authorization token: it is not valid yet";
    case Kind::kUnknownKey:
      return "invalid API key";
    case Kind::kNoPermission:
      return "permissions denied";
    case Kind::kNoIdentity:
      return "identity cannot be empty";
  }
  return "invalid authorization token";
}

Result<std::string, TokenError> TokenOf(const HttpRequest& request) {
  constexpr std::string_view kBearer = "Bearer ";
  if (const auto header = request.Header("authorization")) {
    if (!header->starts_with(kBearer)) return Failure{TokenError{TokenError::Kind::kBadHeader}};
    return std::string(header->substr(kBearer.size()));
  }
  const auto parameter = request.target.Query("access_token");
  if (!parameter || parameter->empty()) {
    return Failure{TokenError{TokenError::Kind::kNoPermission}};
  }
  return std::string(*parameter);
}

Result<TokenGrants, TokenError> VerifyToken(std::string_view token, const ApiKeys& keys,
                                            std::int64_t now_unix) {
  const auto parsed = ParseJwt(token);
  if (!parsed) return Failure{TokenError{TokenError::Kind::kInvalidToken}};
  const auto key = keys.find(parsed->issuer);
  if (key == keys.end()) return Failure{TokenError{TokenError::Kind::kUnknownKey}};
  if (!HasValidSignature(*parsed, key->second)) {
    return Failure{TokenError{TokenError::Kind::kInvalidToken}};
  }
  const auto claims = ParseJson(parsed->payload_json);
  auto grants = claims ? ReadClaims(*claims) : std::nullopt;
  if (!grants) return Failure{TokenError{TokenError::Kind::kInvalidToken}};
  if (now_unix > grants->expires_at_unix + kTokenLeewaySeconds) {
    return Failure{TokenError{TokenError::Kind::kExpired}};
  }
  if (now_unix < grants->not_before_unix.value_or(now_unix) - kTokenLeewaySeconds) {
    return Failure{TokenError{TokenError::Kind::kNotYetValid}};
  }
  return *std::move(grants);
}

std::optional<TokenError> RefuseJoin(const TokenGrants& grants) {
  if (!grants.video || !grants.video->room_join || grants.video->room.empty()) {
    return TokenError{TokenError::Kind::kNoPermission};
  }
  if (grants.identity.empty()) return TokenError{TokenError::Kind::kNoIdentity};
  return std::nullopt;
}

std::string SignToken(const TokenGrants& grants, std::string_view secret) {
  return SignJwt(DumpJson(WriteClaims(grants)), secret);
}

}  // namespace fovea::wire
