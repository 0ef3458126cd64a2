#include "signaling/matrix/rtc_member.h"

#include <algorithm>
#include <optional>

#include "sfu/core/limits.h"
#include "signaling/matrix/derive.h"
#include "signaling/matrix/ids.h"

namespace fovea::matrix {
namespace {

using Json = nlohmann::json;

// What the SDK means where `expires` is missing. A member refreshes with multiples of it.
constexpr std::int64_t kDefaultExpiresMs = 14'400'000;

bool HasOnly(const Json& content, std::initializer_list<std::string_view> keys) {
  for (const auto& item : content.items()) {
    if (std::find(keys.begin(), keys.end(), item.key()) == keys.end()) return false;
  }
  return true;
}

std::string TypeOf(const Json* application) {
  if (application == nullptr) return {};
  return StringIn(*application, "type");
}

void ReadLeaveReason(const Json& content, RtcMembership& member) {
  if (const Json* reason = MemberIn(content, "leave_reason")) {
    member.leave_code =
        reason->is_string() ? StringIn(content, "leave_reason") : StringIn(*reason, "code");
  } else if (const Json* old_reason = MemberIn(content, "disconnect_reason")) {
    member.leave_code = StringIn(*old_reason, "reason");
  }
}

void ReadTransports(const Json& content, RtcMembership& member) {
  const Json* list = nullptr;
  if (const Json* transports = MemberIn(content, "transports")) {
    list = MemberIn(*transports, "published");
  }
  if (list == nullptr) list = MemberIn(content, "rtc_transports");
  if (list == nullptr) list = MemberIn(content, "foci_preferred");
  if (list == nullptr || !list->is_array()) return;
  for (const Json& transport : *list) {
    if (member.transports.size() == limits::kTransportsPerMemberMax) return;
    std::string url = StringIn(transport, "livekit_service_url");
    if (url.empty()) url = StringIn(transport, "url");
    if (!url.empty()) member.transports.push_back(std::move(url));
  }
}

void ReadExpiry(const Event& event, RtcMembership& member) {
  const auto created = IntegerIn(event.content, "created_ts");
  member.created_ts_ms = created && *created >= 0 ? *created : event.origin_server_ts_ms;
  const auto expires = IntegerIn(event.content, "expires");
  member.expires_ms =
      expires ? std::clamp<std::int64_t>(*expires, 0, ToMillis(limits::kMemberExpiresMax))
              : kDefaultExpiresMs;
}

std::string SlotFor(const std::string& application, const std::string& call_id) {
  return application + "#" + (call_id.empty() ? "ROOM" : call_id);
}

// A state event that says nothing any more, with or without a reason.
bool IsEmptiedState(const Json& content) {
  return content.empty() || HasOnly(content, {"leave_reason", "disconnect_reason", "slot_id"});
}

Result<RtcMembership, MemberRefusal> ReadLegacy(const Event& event) {
  const Json& content = event.content;
  RtcMembership member{
      .format = MemberFormat::kLegacyState, .user_id = event.sender, .key = *event.state_key};
  ReadLeaveReason(content, member);
  if (IsEmptiedState(content)) return member;
  if (MemberIn(content, "memberships") != nullptr || MemberIn(content, "m.calls") != nullptr) {
    return Failure{MemberRefusal::kOldArray};
  }
  member.application = StringIn(content, "application");
  member.device_id = StringIn(content, "device_id");
  if (member.application.empty() || member.device_id.empty()) {
    return Failure{MemberRefusal::kUnreadable};
  }
  const Json* call_id = MemberIn(content, "call_id");
  if (call_id != nullptr && !call_id->is_string()) return Failure{MemberRefusal::kUnreadable};
  member.joined = true;
  member.slot_id = SlotFor(member.application, StringIn(content, "call_id"));
  member.intent = StringIn(content, "m.call.intent");
  ReadExpiry(event, member);
  ReadTransports(content, member);
  return member;
}

// "@user:domain_DEVICE", with a leading underscore where the room's version needs one. Only the
// sender's own prefix is believed.
std::string DeviceInStateKey(const Event& event) {
  std::string_view key = *event.state_key;
  if (key.starts_with('_')) key.remove_prefix(1);
  if (!key.starts_with(event.sender)) return {};
  key.remove_prefix(event.sender.size());
  if (!key.starts_with('_')) return {};
  return std::string(key.substr(1));
}

Result<RtcMembership, MemberRefusal> ReadState2024(const Event& event) {
  const Json& content = event.content;
  RtcMembership member{
      .format = MemberFormat::kState2024, .user_id = event.sender, .key = *event.state_key};
  ReadLeaveReason(content, member);
  if (IsEmptiedState(content)) return member;
  const Json* application = MemberIn(content, "application");
  if (application == nullptr) {
    if (member.leave_code.empty()) return Failure{MemberRefusal::kUnreadable};
    return member;
  }
  member.application =
      application->is_string() ? StringIn(content, "application") : TypeOf(application);
  member.device_id = StringIn(content, "device_id");
  if (const Json* self = MemberIn(content, "member")) {
    member.member_id = StringIn(*self, "id");
    if (member.device_id.empty()) member.device_id = StringIn(*self, "device_id");
  }
  if (member.device_id.empty()) member.device_id = DeviceInStateKey(event);
  if (member.application.empty() || member.device_id.empty()) {
    return Failure{MemberRefusal::kUnreadable};
  }
  member.joined = true;
  member.slot_id = StringIn(content, "slot_id");
  if (member.slot_id.empty()) {
    member.slot_id = SlotFor(member.application, StringIn(content, "call_id"));
  }
  member.intent = StringIn(*application, "m.call.intent");
  ReadExpiry(event, member);
  ReadTransports(content, member);
  return member;
}

// Variants C and D of a leave, and the July form that had no slot.
bool IsStickyLeave(const Json& content) {
  if (HasOnly(content, {"slot_id", "sticky_key", "msc4354_sticky_key", "leave_reason",
                        "disconnect_reason"})) {
    return true;
  }
  const Json* self = MemberIn(content, "member");
  return self != nullptr && StringIn(*self, "membership") == "leave";
}

Result<RtcMembership, MemberRefusal> ReadSticky(const Event& event) {
  const Json& content = event.content;
  RtcMembership member{.format = MemberFormat::kSticky, .user_id = event.sender};
  member.key = StringIn(content, "sticky_key");
  if (member.key.empty()) member.key = StringIn(content, "msc4354_sticky_key");
  member.slot_id = StringIn(content, "slot_id");
  const Json* self = MemberIn(content, "member");
  if (self != nullptr) {
    member.member_id = StringIn(*self, "id");
    member.device_id = StringIn(*self, "device_id");
    if (member.device_id.empty()) member.device_id = StringIn(*self, "claimed_device_id");
    const std::string user_id = StringIn(*self, "user_id");
    if (!user_id.empty() && user_id != event.sender) return Failure{MemberRefusal::kUnreadable};
  }
  if (member.key.empty()) member.key = member.member_id;
  if (member.member_id.empty()) member.member_id = member.key;
  if (member.key.empty() || !event.sticky_duration_ms) return Failure{MemberRefusal::kUnreadable};
  ReadLeaveReason(content, member);
  if (IsStickyLeave(content)) return member;
  const Json* application = MemberIn(content, "application");
  member.application = TypeOf(application);
  if (self == nullptr || member.application.empty() || member.slot_id.empty()) {
    return Failure{MemberRefusal::kUnreadable};
  }
  const std::string membership = StringIn(*self, "membership");
  if (!membership.empty() && membership != "join") return Failure{MemberRefusal::kUnreadable};
  member.joined = true;
  member.intent = StringIn(*application, "m.call.intent");
  ReadTransports(content, member);
  return member;
}

}  // namespace

Result<RtcMembership, MemberRefusal> ReadMembership(const Event& event) {
  if (event.kind == EventKind::kCallMember) return ReadLegacy(event);
  return event.state_key ? ReadState2024(event) : ReadSticky(event);
}

SlotStatus ReadSlot(const Json& content) {
  const std::string status = StringIn(content, "status");
  if (status == "closed") return SlotStatus::kClosed;
  const bool has_application = !TypeOf(MemberIn(content, "application")).empty();
  // The `status` key is younger than slots: without it an application alone meant an open slot.
  const bool says_open = status == "open" || MemberIn(content, "status") == nullptr;
  return has_application && says_open ? SlotStatus::kOpen : SlotStatus::kClosed;
}

}  // namespace fovea::matrix
