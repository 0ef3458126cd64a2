#include "signaling/app/sfu_webhook.h"

#include <string>

#include "livekit.pb.h"
#include "sfu/crypto/hmac.h"
#include "signaling/wire/base64.h"
#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

bool IsSigned(const wire::HttpRequest& request, const wire::ApiKeys& keys, std::int64_t now_unix) {
  std::string_view token = request.Header("Authorization").value_or("");
  constexpr std::string_view kBearer = "Bearer ";
  if (token.starts_with(kBearer)) token.remove_prefix(kBearer.size());
  const auto grants = wire::VerifyToken(token, keys, now_unix);
  if (!grants.ok() || grants->sha256.empty()) return false;
  const std::string hash = wire::Base64Encode(crypto::Sha256(wire::AsBytes(request.body)));
  return crypto::ConstantTimeEquals(wire::AsBytes(hash), wire::AsBytes(grants->sha256));
}

// Member `name` of member `object`, as a string; "" where there is none.
std::string TextIn(const nlohmann::json& event, const char* object, const char* name) {
  const auto outer = event.find(object);
  if (outer == event.end() || !outer->is_object()) return "";
  const auto inner = outer->find(name);
  return inner != outer->end() && inner->is_string() ? inner->get<std::string>() : "";
}

// protojson writes enumerations by name and reads them by number too.
int ReasonOf(const nlohmann::json& event) {
  const auto participant = event.find("participant");
  if (participant == event.end() || !participant->is_object()) return 0;
  for (const char* name : {"disconnectReason", "disconnect_reason"}) {
    const auto reason = participant->find(name);
    if (reason == participant->end()) continue;
    if (reason->is_number_integer()) return reason->get<int>();
    ::livekit::DisconnectReason value = ::livekit::DisconnectReason::UNKNOWN_REASON;
    if (reason->is_string() &&
        ::livekit::DisconnectReason_Parse(reason->get<std::string>(), &value)) {
      return value;
    }
  }
  return 0;
}

}  // namespace

std::optional<SfuEvent> ReadSfuWebhook(const wire::HttpRequest& request, const wire::ApiKeys& keys,
                                       std::int64_t now_unix) {
  if (!IsSigned(request, keys, now_unix)) return std::nullopt;
  const auto json = wire::ParseJson(request.body);
  if (!json.has_value() || !json->is_object()) return std::nullopt;
  const auto name = json->find("event");
  if (name == json->end() || !name->is_string()) return std::nullopt;
  SfuEvent event;
  if (*name == "participant_joined") {
    event.kind = SfuEvent::Kind::kJoined;
  } else if (*name == "participant_left") {
    event.kind = SfuEvent::Kind::kLeft;
  } else if (*name == "participant_connection_aborted") {
    event.kind = SfuEvent::Kind::kAborted;
  } else {
    return std::nullopt;
  }
  event.key = {TextIn(*json, "room", "name"), TextIn(*json, "participant", "identity")};
  if (event.key.room_name.empty() || event.key.identity.empty()) return std::nullopt;
  event.disconnect_reason = ReasonOf(*json);
  return event;
}

}  // namespace fovea::app
