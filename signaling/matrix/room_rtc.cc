#include "signaling/matrix/room_rtc.h"

#include <algorithm>
#include <set>
#include <utility>

#include "sfu/core/limits.h"

namespace fovea::matrix {
namespace {

// What is left of a state membership. As for sticky events, the clocks may differ: too long by the
// skew, but never too short.
Duration StateTimeLeft(const RtcMembership& member, std::int64_t wall_ms) {
  const std::int64_t age_ms =
      std::max<std::int64_t>(0, wall_ms - member.created_ts_ms - ToMillis(kClockSkewMax));
  return Millis(std::max<std::int64_t>(0, member.expires_ms - age_ms));
}

}  // namespace

void RoomRtc::Emit(EvidenceKind kind, RtcMembership member, std::vector<Evidence>& out) const {
  Evidence evidence{.kind = kind,
                    .room_id = room_id_,
                    .user_id = member.user_id,
                    .slot_id = member.slot_id,
                    .member = std::nullopt};
  evidence.member = std::move(member);
  out.push_back(std::move(evidence));
}

void RoomRtc::HandleEvent(Moment at, const Event& event, std::vector<Evidence>& out) {
  if (event.kind == EventKind::kRedaction) return HandleRedaction(event, out);
  if (event.kind == EventKind::kEncrypted) {
    ++opaque_;
    out.push_back({.kind = EvidenceKind::kMemberOpaque,
                   .room_id = room_id_,
                   .user_id = event.sender,
                   .slot_id = {},
                   .member = std::nullopt});
    return;
  }
  if (event.state_key) return HandleStateMember(at, event, std::nullopt, out);
  HandleSticky(at, event, out);
}

RoomRtc::StateMember* RoomRtc::Slot(const std::string& state_key) {
  if (const auto it = state_members_.find(state_key); it != state_members_.end()) {
    return &it->second;
  }
  if (state_members_.size() >= limits::kRoomStateMembersMax) {
    std::erase_if(state_members_, [](const auto& entry) { return !entry.second.member; });
    if (state_members_.size() >= limits::kRoomStateMembersMax) return nullptr;
  }
  return &state_members_[state_key];
}

void RoomRtc::HandleStateMember(Moment at, const Event& event, std::optional<Instant> requested_at,
                                std::vector<Evidence>& out) {
  StateMember* slot = Slot(*event.state_key);
  if (slot == nullptr) return;
  const StateOrder order = slot->version.Compare(event);
  if (order == StateOrder::kSame) return;
  auto read = ReadMembership(event);
  const bool corrects =
      requested_at && slot->version.received_at() + kReplicationLagMax <= *requested_at;
  if (order == StateOrder::kOlder && !corrects) return;
  if (order == StateOrder::kDoubtful && !corrects) {
    out.push_back({.kind = EvidenceKind::kUserDoubtful,
                   .room_id = room_id_,
                   .user_id = {},
                   .slot_id = {},
                   .member = std::nullopt});
    if (!read || !read->joined) return;
  }
  slot->version.Set(at.now, event);
  if (!read) {
    if (read.error() == MemberRefusal::kUnreadable) {
      Emit(EvidenceKind::kMemberUnreadable, {.user_id = event.sender, .key = *event.state_key},
           out);
    }
    return;
  }
  std::optional<RtcMembership> before = std::exchange(slot->member, std::nullopt);
  slot->expires_at = kNever;
  const bool is_own = before && before->user_id == event.sender;
  if (read->joined) {
    const Duration left = StateTimeLeft(*read, at.wall_ms);
    if (before && !is_own) Emit(EvidenceKind::kMemberOverwritten, std::move(*before), out);
    if (left <= Duration::zero()) return;
    slot->member = *read;
    slot->expires_at = at.now + left;
    Emit(EvidenceKind::kMemberJoined, *std::move(read), out);
  } else if (before) {
    before->leave_code = read->leave_code;
    Emit(is_own ? EvidenceKind::kMemberLeft : EvidenceKind::kMemberOverwritten, std::move(*before),
         out);
  }
}

void RoomRtc::HandleSticky(Moment at, const Event& event, std::vector<Evidence>& out) {
  if (is_opaque_) return;
  auto read = ReadMembership(event);
  if (!read) {
    Emit(EvidenceKind::kMemberUnreadable, {.user_id = event.sender}, out);
    return;
  }
  StickyMap::Outcome outcome = sticky_.Insert(at.now, at.wall_ms, event, *read);
  if (outcome.verdict != StickyMap::Verdict::kTaken) return;
  if (read->joined) {
    Emit(EvidenceKind::kMemberJoined, *std::move(read), out);
    return;
  }
  // The leave names the key; whose member it was, the event before it says.
  if (outcome.replaced && outcome.replaced->joined) {
    outcome.replaced->leave_code = read->leave_code;
    Emit(EvidenceKind::kMemberLeft, std::move(*outcome.replaced), out);
  } else {
    Emit(EvidenceKind::kMemberLeft, *std::move(read), out);
  }
}

void RoomRtc::HandleRedaction(const Event& event, std::vector<Evidence>& out) {
  if (auto member = sticky_.Redact(event.redacts)) {
    if (member->joined) Emit(EvidenceKind::kMemberRedacted, *std::move(member), out);
    return;
  }
  for (auto& [key, slot] : state_members_) {
    if (!slot.member || slot.version.event_id() != event.redacts) continue;
    slot.expires_at = kNever;
    Emit(EvidenceKind::kMemberRedacted, *std::exchange(slot.member, std::nullopt), out);
    return;
  }
}

void RoomRtc::HandleState(Moment at, Instant requested_at, const std::vector<const Event*>& members,
                          std::vector<Evidence>& out) {
  std::set<std::string> named;
  for (const Event* event : members) {
    if (!event->state_key) continue;
    named.insert(*event->state_key);
    HandleStateMember(at, *event, requested_at, out);
  }
  // State does not vanish but by a reset, which is no word of the user's own: forget, conclude
  // nothing.
  std::erase_if(state_members_, [&](const auto& entry) {
    return !named.contains(entry.first) && entry.second.version.received_at() < requested_at;
  });
}

void RoomRtc::BecomeOpaque() {
  is_opaque_ = true;
  sticky_.Clear();
}

void RoomRtc::HandleTimeout(Instant now, std::vector<Evidence>& out) {
  for (RtcMembership& member : sticky_.HandleTimeout(now)) {
    if (member.joined) Emit(EvidenceKind::kStickyExpired, std::move(member), out);
  }
  for (auto& [key, slot] : state_members_) {
    if (slot.expires_at > now) continue;
    slot.expires_at = kNever;
    if (!slot.member) continue;
    Emit(EvidenceKind::kLegacyExpired, *std::exchange(slot.member, std::nullopt), out);
  }
}

Instant RoomRtc::NextDeadline() const {
  Instant next = sticky_.NextDeadline();
  for (const auto& [key, slot] : state_members_) next = std::min(next, slot.expires_at);
  return next;
}

std::vector<const RtcMembership*> RoomRtc::Members() const {
  std::vector<const RtcMembership*> members;
  for (const auto& [key, slot] : state_members_) {
    if (slot.member) members.push_back(&*slot.member);
  }
  sticky_.ForEach([&members](const RtcMembership& member) {
    if (member.joined) members.push_back(&member);
  });
  return members;
}

}  // namespace fovea::matrix
