#include "signaling/matrix/event.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/matrix/ids.h"
#include "signaling/matrix/json_scan.h"

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

bool ReadsEnvelope(std::string_view key) {
  static constexpr std::array<std::string_view, 7> kRead{
      "type", "room_id", "event_id", "sender", "state_key", "origin_server_ts", "redacts"};
  return std::find(kRead.begin(), kRead.end(), key) != kRead.end();
}

// Not `prev_content` and `redacted_because`: what somebody else wrote long ago must not decide
// whether this event can be read.
bool ReadsUnsigned(std::string_view key) {
  return key == "io.element.synapse.soft_failed" || key == "replaces_state" ||
         key == "sticky_duration_ttl_ms" || key == "msc4354_sticky_duration_ttl_ms";
}

// Users may put anything beside what counts.
bool ReadsContent(EventKind kind, std::string_view key) {
  switch (kind) {
    case EventKind::kRoomMember:
      return key == "membership";
    case EventKind::kServerAcl:
      return key == "allow" || key == "deny" || key == "allow_ip_literals";
    case EventKind::kRtcSlot:
      return key == "status" || key == "application";
    case EventKind::kRedaction:
      return key == "redacts";
    case EventKind::kCallMember:
    case EventKind::kRtcMember:
      return true;  // a leave is what has nothing else in it
    case EventKind::kEncryption:
    case EventKind::kTombstone:
    case EventKind::kCreate:
    case EventKind::kEncrypted:
    case EventKind::kOther:
      return false;
  }
  return false;
}

// The members of an object that `reads` names; null stands for one that cannot be read. Nothing
// for what is no object, or too much.
template <class Reads>
std::optional<Json> Prune(std::string_view text, const Reads& reads) {
  JsonWalk walk(text);
  if (!walk.is_object()) return std::nullopt;
  Json kept = Json::object();
  std::size_t bytes = 0;
  while (const auto item = walk.Next()) {
    if (!reads(item->key)) continue;
    bytes += item->key.size() + item->value.size();
    if (bytes > limits::kEventContentBytesMax) return std::nullopt;
    kept[std::string(item->key)] = wire::ParseJson(item->value).value_or(Json());
  }
  if (walk.failed()) return std::nullopt;
  return kept;
}

// What of an event's text is read; null, likewise, for what cannot be.
std::optional<Json> PruneEvent(std::string_view text, EventKind kind) {
  JsonWalk walk(text);
  Json kept = Json::object();
  while (const auto item = walk.Next()) {
    std::optional<Json> value;
    if (item->key == "content") {
      value = Prune(item->value, [kind](std::string_view key) { return ReadsContent(kind, key); });
    } else if (item->key == "unsigned") {
      value = Prune(item->value, ReadsUnsigned);
    } else if (item->key == "sticky" || item->key == "msc4354_sticky") {
      value = Prune(item->value, [](std::string_view key) { return key == "duration_ms"; });
    } else if (ReadsEnvelope(item->key)) {
      value = wire::ParseJson(item->value);
    } else {
      continue;
    }
    kept[std::string(item->key)] = std::move(value).value_or(Json());
  }
  if (walk.failed()) return std::nullopt;
  return kept;
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
    if (!key->is_string()) return Failure{EventRefusal::kMalformed};
    // Names nobody, and nothing that a token could be for.
    if (key->get_ref<const std::string&>().size() > kIdBytesMax) {
      return Failure{EventRefusal::kOfNoInterest};
    }
    event.state_key = key->get<std::string>();
  }
  const Json* timestamp = MemberIn(json, "origin_server_ts");
  if (timestamp == nullptr || !timestamp->is_number()) return Failure{EventRefusal::kMalformed};
  // A server may send any number; homeservers pass it on.
  event.origin_server_ts_ms =
      std::max<std::int64_t>(0, IntegerIn(json, "origin_server_ts").value_or(0));
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
  const auto type = JsonMember(text, "type").value_or(std::string_view());
  const EventKind kind = KindOf(PlainString(type).value_or(std::string_view()));
  if (kind == EventKind::kOther) return Failure{EventRefusal::kOfNoInterest};
  auto json = PruneEvent(text, kind);
  if (!json) return Failure{EventRefusal::kMalformed};
  return ReadEvent(std::move(*json), room_id);
}

}  // namespace fovea::matrix
