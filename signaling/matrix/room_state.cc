#include "signaling/matrix/room_state.h"

#include <algorithm>
#include <utility>

#include "sfu/core/limits.h"

namespace fovea::matrix {

void RoomState::Emit(EvidenceKind kind, std::vector<Evidence>& out, std::string slot_id) const {
  out.push_back({.kind = kind,
                 .room_id = room_id_,
                 .user_id = {},
                 .slot_id = std::move(slot_id),
                 .member = std::nullopt});
}

bool RoomState::Advance(Instant now, StateVersion& version, const Event& event,
                        std::optional<Instant> requested_at, std::vector<Evidence>& out) const {
  const StateOrder order = version.Compare(event);
  if (order == StateOrder::kSame) return false;
  const bool is_later = order == StateOrder::kFirst || order == StateOrder::kProven ||
                        order == StateOrder::kPlausible;
  // A room state that was asked for after an event came in is right about what stands now.
  const bool corrects = requested_at && version.received_at() + kReplicationLagMax <= *requested_at;
  if (!is_later && !corrects) {
    if (order == StateOrder::kDoubtful) Emit(EvidenceKind::kUserDoubtful, out);
    return false;
  }
  version.Set(now, event);
  return true;
}

void RoomState::HandleAcl(Instant now, const Event& event, std::optional<Instant> requested_at,
                          std::vector<Evidence>& out) {
  if (!event.state_key->empty() || !Advance(now, acl_version_, event, requested_at, out)) return;
  acl_ = ServerAcl::Read(event.content);
  Emit(EvidenceKind::kServerAclChanged, out);
}

void RoomState::HandleSlot(Instant now, const Event& event, std::optional<Instant> requested_at,
                           std::vector<Evidence>& out) {
  const std::string& slot_id = *event.state_key;
  if (!slots_.contains(slot_id) && slots_.size() >= limits::kRoomSlotsMax) return;
  SlotRecord& record = slots_[slot_id];
  if (!Advance(now, record.version, event, requested_at, out)) return;
  const SlotStatus before = std::exchange(record.status, ReadSlot(event.content));
  if (record.status == before) return;
  if (record.status == SlotStatus::kClosed) {
    Emit(EvidenceKind::kSlotClosed, out, slot_id);
  } else if (before == SlotStatus::kClosed) {
    Emit(EvidenceKind::kSlotOpened, out, slot_id);
  }
}

void RoomState::BecomeEncrypted(std::vector<Evidence>& out) {
  if (is_encrypted_) return;
  is_encrypted_ = true;
  rtc_.BecomeOpaque();
  Emit(EvidenceKind::kRoomEncrypted, out);
}

void RoomState::HandleEvent(Moment at, const Event& event, bool from_state,
                            std::vector<Evidence>& out) {
  switch (event.kind) {
    case EventKind::kRoomMember:
      return members_.HandleEvent(at.now, event, from_state, out);
    case EventKind::kServerAcl:
      return HandleAcl(at.now, event, std::nullopt, out);
    case EventKind::kRtcSlot:
      return HandleSlot(at.now, event, std::nullopt, out);
    case EventKind::kEncryption:
      return BecomeEncrypted(out);
    case EventKind::kTombstone:
      if (!std::exchange(is_tombstoned_, true)) Emit(EvidenceKind::kRoomTombstoned, out);
      return;
    case EventKind::kCallMember:
    case EventKind::kRtcMember:
    case EventKind::kEncrypted:
    case EventKind::kRedaction:
      return rtc_.HandleEvent(at, event, out);
    case EventKind::kCreate:
    case EventKind::kOther:
      return;
  }
}

void RoomState::ForgetUnnamedSlots(Instant requested_at, const std::set<std::string>& named) {
  // A slot cannot be removed, only closed: one that is missing was reset, and tells nothing.
  std::erase_if(slots_, [&](const auto& entry) {
    return !named.contains(entry.first) && entry.second.version.received_at() < requested_at;
  });
}

bool RoomState::HandleState(Moment at, Instant requested_at, const std::string& as_user,
                            const std::vector<Event>& events, std::vector<Evidence>& out) {
  const bool is_whole =
      std::any_of(events.begin(), events.end(),
                  [](const Event& event) { return event.kind == EventKind::kCreate; }) &&
      (as_user.empty() || std::any_of(events.begin(), events.end(), [&](const Event& event) {
         return event.kind == EventKind::kRoomMember && *event.state_key == as_user;
       }));
  if (!is_whole) return false;
  std::vector<const Event*> users;
  std::vector<const Event*> rtc;
  std::set<std::string> slots;
  for (const Event& event : events) {
    if (event.kind == EventKind::kEncryption) BecomeEncrypted(out);
    if (event.kind == EventKind::kTombstone) HandleEvent(at, event, false, out);
    if (event.kind == EventKind::kServerAcl) HandleAcl(at.now, event, requested_at, out);
    if (event.kind == EventKind::kRtcSlot) {
      slots.insert(*event.state_key);
      HandleSlot(at.now, event, requested_at, out);
    }
    if (event.kind == EventKind::kRoomMember) users.push_back(&event);
    if (event.kind == EventKind::kCallMember ||
        (event.kind == EventKind::kRtcMember && event.state_key)) {
      rtc.push_back(&event);
    }
  }
  ForgetUnnamedSlots(requested_at, slots);
  wants_look_ = members_.HandleState(at.now, requested_at, users, out);
  rtc_.HandleState(at, requested_at, rtc, out);
  complete_at_ = requested_at;
  return true;
}

bool RoomState::Permits(std::string_view server_name) const {
  return !acl_ || server_name == homeserver_ || acl_->Permits(server_name);
}

SlotStatus RoomState::Slot(const std::string& slot_id) const {
  const auto it = slots_.find(slot_id);
  return it == slots_.end() ? SlotStatus::kMissing : it->second.status;
}

}  // namespace fovea::matrix
