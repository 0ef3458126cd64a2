#include "signaling/matrix/event.h"

#include <array>
#include <cmath>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/matrix/ids.h"

namespace fovea::matrix {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kSafeIntegerMax = (std::int64_t{1} << 53) - 1;

struct NamedKind {
  std::string_view type;
  EventKind kind;
};
constexpr std::array kKinds{
    NamedKind{"m.room.member", EventKind::kRoomMember},
    NamedKind{"m.room.server_acl", EventKind::kServerAcl},
    NamedKind{"m.room.encryption", EventKind::kEncryption},
    NamedKind{"m.room.tombstone", EventKind::kTombstone},
    NamedKind{"m.room.create", EventKind::kCreate},
    NamedKind{"org.matrix.msc3401.call.member", EventKind::kCallMember},
    NamedKind{"m.call.member", EventKind::kCallMember},
    NamedKind{"m.rtc.member", EventKind::kRtcMember},
    NamedKind{"org.matrix.msc4143.rtc.member", EventKind::kRtcMember},
    NamedKind{"m.rtc.slot", EventKind::kRtcSlot},
    NamedKind{"org.matrix.msc4143.rtc.slot", EventKind::kRtcSlot},
    NamedKind{"m.room.encrypted", EventKind::kEncrypted},
    NamedKind{"m.room.redaction", EventKind::kRedaction},
};

bool IsStateKind(EventKind kind) {
  switch (kind) {
    case EventKind::kRoomMember:
    case EventKind::kServerAcl:
    case EventKind::kEncryption:
    case EventKind::kTombstone:
    case EventKind::kCreate:
    case EventKind::kCallMember:
    case EventKind::kRtcSlot:
      return true;
    case EventKind::kOther:
    case EventKind::kRtcMember:
    case EventKind::kEncrypted:
    case EventKind::kRedaction:
      return false;
  }
  return false;
}

void ReadUnsigned(const Json& json, Event& event, bool& soft_failed) {
  const Json* extra = MemberIn(json, "unsigned");
  if (extra == nullptr) return;
  if (const Json* flag = MemberIn(*extra, "io.element.synapse.soft_failed")) {
    soft_failed = flag->is_boolean() && flag->get<bool>();
  }
  event.replaces_state = StringIn(*extra, "replaces_state");
  event.sticky_ttl_ms = IntegerIn(*extra, "sticky_duration_ttl_ms");
  if (!event.sticky_ttl_ms) {
    event.sticky_ttl_ms = IntegerIn(*extra, "msc4354_sticky_duration_ttl_ms");
  }
}

void ReadSticky(const Json& json, Event& event) {
  const Json* sticky = MemberIn(json, "sticky");
  if (sticky == nullptr) sticky = MemberIn(json, "msc4354_sticky");
  if (sticky != nullptr) event.sticky_duration_ms = IntegerIn(*sticky, "duration_ms");
}

// Says whether the envelope has the shape that its kind needs; kOfNoInterest where it is another
// thing of the same name, such as a message called m.room.member.
std::optional<EventRefusal> RefuseShape(const Event& event) {
  if (IsStateKind(event.kind) && !event.state_key) return EventRefusal::kOfNoInterest;
  if (event.kind == EventKind::kEncrypted && (!event.sticky_duration_ms || event.state_key)) {
    return EventRefusal::kOfNoInterest;
  }
  if (event.kind == EventKind::kRedaction && event.redacts.empty()) return EventRefusal::kMalformed;
  if (event.event_id.empty() || event.room_id.empty()) return EventRefusal::kMalformed;
  if (ServerNameOf(event.sender).empty()) return EventRefusal::kMalformed;
  return std::nullopt;
}

}  // namespace

EventKind KindOf(std::string_view type) {
  for (const NamedKind& known : kKinds) {
    if (known.type == type) return known.kind;
  }
  return EventKind::kOther;
}

const Json* MemberIn(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

std::string StringIn(const Json& object, const char* key) {
  const Json* member = MemberIn(object, key);
  if (member == nullptr || !member->is_string()) return {};
  const auto& text = member->get_ref<const std::string&>();
  return text.size() <= kIdBytesMax ? text : std::string();
}

std::optional<std::int64_t> IntegerIn(const Json& object, const char* key) {
  const Json* member = MemberIn(object, key);
  if (member == nullptr || !member->is_number()) return std::nullopt;
  if (member->is_number_float()) {
    const double value = member->get<double>();
    // Some clients write 1e3 or 3600000.0 for a whole number.
    if (!(std::abs(value) <= static_cast<double>(kSafeIntegerMax)) || value != std::floor(value)) {
      return std::nullopt;
    }
    return static_cast<std::int64_t>(value);
  }
  if (member->is_number_unsigned() &&
      member->get<std::uint64_t>() > static_cast<std::uint64_t>(kSafeIntegerMax)) {
    return std::nullopt;
  }
  const auto value = member->get<std::int64_t>();
  if (value > kSafeIntegerMax || value < -kSafeIntegerMax) return std::nullopt;
  return value;
}

Result<Event, EventRefusal> ReadEvent(Json json, std::string_view room_id) {
  if (!json.is_object()) return Failure{EventRefusal::kMalformed};
  Event event;
  event.kind = KindOf(StringIn(json, "type"));
  if (event.kind == EventKind::kOther) return Failure{EventRefusal::kOfNoInterest};
  bool soft_failed = false;
  ReadUnsigned(json, event, soft_failed);
  if (soft_failed) return Failure{EventRefusal::kSoftFailed};
  ReadSticky(json, event);
  event.room_id = room_id.empty() ? StringIn(json, "room_id") : std::string(room_id);
  event.event_id = StringIn(json, "event_id");
  event.sender = StringIn(json, "sender");
  if (const Json* key = MemberIn(json, "state_key")) {
    if (!key->is_string() || key->get_ref<const std::string&>().size() > kIdBytesMax) {
      return Failure{EventRefusal::kMalformed};
    }
    event.state_key = key->get<std::string>();
  }
  const auto timestamp = IntegerIn(json, "origin_server_ts");
  if (!timestamp || *timestamp < 0) return Failure{EventRefusal::kMalformed};
  event.origin_server_ts_ms = *timestamp;
  event.redacts = StringIn(json, "redacts");
  const auto content = json.find("content");
  if (content == json.end() || !content->is_object()) return Failure{EventRefusal::kMalformed};
  event.content = std::move(*content);
  // Room version 11 moved the field.
  if (event.redacts.empty()) event.redacts = StringIn(event.content, "redacts");
  if (const auto refusal = RefuseShape(event)) return Failure{*refusal};
  return event;
}

Result<Event, EventRefusal> ParseEvent(std::string_view text, std::string_view room_id) {
  if (text.size() > limits::kEventBytesMax) return Failure{EventRefusal::kMalformed};
  auto json = wire::ParseJson(text);
  if (!json) return Failure{EventRefusal::kMalformed};
  return ReadEvent(std::move(*json), room_id);
}

}  // namespace fovea::matrix
