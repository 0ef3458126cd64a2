#include "signaling/matrix/appservice_answers.h"

#include <algorithm>
#include <array>
#include <optional>

#include "signaling/matrix/ids.h"
#include "signaling/wire/json.h"

namespace fovea::matrix {
namespace {

using nlohmann::json;

constexpr std::uint64_t kYearMs = 365ULL * 24 * 3600 * 1000;

std::optional<json> ObjectOf(std::string_view body) {
  std::optional<json> document = wire::ParseJson(body);
  if (!document || !document->is_object()) return std::nullopt;
  return document;
}

std::string TextIn(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string ErrcodeOf(std::string_view body) {
  const std::optional<json> document = ObjectOf(body);
  return document ? TextIn(*document, "errcode") : std::string();
}

DelayedEventAnswer ReadEvent(const json& event) {
  DelayedEventAnswer answer;
  // `delay` is the name of earlier versions of the proposal.
  for (const char* key : {"delay_ms", "delay"}) {
    const auto delay = event.find(key);
    if (delay == event.end() || !delay->is_number_unsigned()) continue;
    const std::uint64_t delay_ms = std::min(delay->get<std::uint64_t>(), kYearMs);
    answer.status = DelayedEventStatus::kFound;
    answer.delay = Millis(static_cast<std::int64_t>(delay_ms));
    break;
  }
  answer.room_id = TextIn(event, "room_id");
  return answer;
}

// 404 says either that there is no such event, or that there is no such route.
std::optional<DelayedEventStatus> StatusWithout200(int status, std::string_view body) {
  if (status == 200) return std::nullopt;
  if (status != 404) return DelayedEventStatus::kUnknown;
  const std::string errcode = ErrcodeOf(body);
  if (errcode == "M_NOT_FOUND") return DelayedEventStatus::kMissing;
  return errcode == "M_UNRECOGNIZED" ? DelayedEventStatus::kNoRoute : DelayedEventStatus::kUnknown;
}

// The codes that a token request is refused with; another focus may say anything.
ErrCode RefusalCode(int status, const std::string& errcode) {
  for (const ErrCode code : {ErrCode::kNotJson, ErrCode::kBadJson, ErrCode::kInvalidParam,
                             ErrCode::kUnauthorized, ErrCode::kForbidden}) {
    if (errcode == ToString(code)) return code;
  }
  return status == 403 ? ErrCode::kForbidden : ErrCode::kInvalidParam;
}

}  // namespace

JoinedAnswer ReadIsJoined(int status, std::string_view body) {
  if (status != 200) return JoinedAnswer::kUnknown;
  const std::optional<json> document = ObjectOf(body);
  if (!document) return JoinedAnswer::kUnknown;
  const auto joined = document->find("joined");
  if (joined == document->end() || !joined->is_boolean()) return JoinedAnswer::kUnknown;
  return joined->get<bool>() ? JoinedAnswer::kJoined : JoinedAnswer::kNotJoined;
}

bool IsRefusal(int status, std::string_view body) {
  if (status != 403 && status != 404) return false;
  const std::string code = ErrcodeOf(body);
  return code == "M_FORBIDDEN" || code == "M_NOT_FOUND" || code == "M_GUEST_ACCESS_FORBIDDEN" ||
         code == "M_USER_DEACTIVATED";
}

std::string ReadWhoAmI(int status, std::string_view body) {
  const std::optional<json> document = status == 200 ? ObjectOf(body) : std::nullopt;
  std::string user_id = document ? TextIn(*document, "user_id") : std::string();
  return UserId::Parse(user_id).has_value() ? user_id : std::string();
}

DeviceAnswer ReadDevice(int status, std::string_view body, std::string_view device_id) {
  if (status == 404 && ErrcodeOf(body) == "M_NOT_FOUND") return DeviceAnswer::kGone;
  if (status != 200) return DeviceAnswer::kUnknown;
  const std::optional<json> device = ObjectOf(body);
  if (!device || TextIn(*device, "device_id") != device_id) return DeviceAnswer::kUnknown;
  return DeviceAnswer::kThere;
}

DelayedEventAnswer ReadDelayedEvent(int status, std::string_view body) {
  if (const auto without = StatusWithout200(status, body)) return {.status = *without};
  const std::optional<json> event = ObjectOf(body);
  return event ? ReadEvent(*event) : DelayedEventAnswer{};
}

DelayedEventAnswer FindDelayedEvent(int status, std::string_view body, std::string_view delay_id) {
  if (const auto without = StatusWithout200(status, body)) return {.status = *without};
  const std::optional<json> document = ObjectOf(body);
  if (!document) return {};
  const auto events = document->find("delayed_events");
  if (events == document->end() || !events->is_array()) return {};
  for (const json& event : *events) {
    if (event.is_object() && TextIn(event, "delay_id") == delay_id) return ReadEvent(event);
  }
  return {.status = DelayedEventStatus::kMissing};
}

RelayedToken ReadRelayedToken(int status, std::string_view body) {
  RelayedToken answer{.error = NoHomeserver()};
  if (status != 200) return answer;
  const std::optional<json> document = ObjectOf(body);
  if (!document) return answer;
  const auto theirs = document->find("status");
  const auto content = document->find("content");
  if (theirs == document->end() || content == document->end()) return answer;
  if (!theirs->is_number_integer() || !content->is_object()) return answer;
  const auto their_status = theirs->get<std::int64_t>();
  if (their_status == 200) {
    answer.jwt = TextIn(*content, "jwt");
    answer.url = TextIn(*content, "url");
  } else if (their_status == 400 || their_status == 403) {
    const int passed_on = static_cast<int>(their_status);
    answer.error = {.status = passed_on,
                    .code = RefusalCode(passed_on, TextIn(*content, "errcode")),
                    .message = "The other homeserver's focus refused the request."};
  }
  return answer;
}

MatrixError NoHomeserver() {
  return {.status = 502, .code = ErrCode::kUnknown, .message = "The homeserver did not answer."};
}

}  // namespace fovea::matrix
