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

void RoomState::ApplyAcl(const Event& event, std::vector<Evidence>& out) {
  acl_ = ServerAcl::Read(event.content);
  Emit(EvidenceKind::kServerAclChanged, out);
}

void RoomState::HandleAcl(Instant now, const Event& event, std::vector<Evidence>& out) {
  if (!event.state_key->empty()) return;
  const auto outcome = acl_cell_.HandleEvent(now, event, false, complete_at_.has_value());
  if (outcome.applied) ApplyAcl(*outcome.applied, out);
  if (outcome.wants_look) Emit(EvidenceKind::kUserDoubtful, out);
}

void RoomState::ApplySlot(const std::string& slot_id, SlotRecord& record, const Event& event,
                          std::vector<Evidence>& out) const {
  const SlotStatus before = std::exchange(record.status, ReadSlot(event.content));
  if (record.status == before) return;
  if (record.status == SlotStatus::kClosed) {
    Emit(EvidenceKind::kSlotClosed, out, slot_id);
  } else if (before == SlotStatus::kClosed) {
    Emit(EvidenceKind::kSlotOpened, out, slot_id);
  }
}

void RoomState::HandleSlot(Instant now, const Event& event, std::vector<Evidence>& out) {
  const std::string& slot_id = *event.state_key;
  if (!slots_.contains(slot_id) && slots_.size() >= limits::kRoomSlotsMax) return;
  SlotRecord& record = slots_[slot_id];
  const bool is_harmless = ReadSlot(event.content) != SlotStatus::kClosed;
  const auto outcome = record.cell.HandleEvent(now, event, is_harmless, complete_at_.has_value());
  if (outcome.applied) ApplySlot(slot_id, record, *outcome.applied, out);
  if (outcome.wants_look) Emit(EvidenceKind::kUserDoubtful, out);
}

void RoomState::AcceptDoubts(Instant now, std::vector<Evidence>& out) {
  members_.AcceptDoubts(now, out);
  if (const auto event = acl_cell_.AcceptDoubt(now)) ApplyAcl(*event, out);
  for (auto& [slot_id, record] : slots_) {
    if (const auto event = record.cell.AcceptDoubt(now)) ApplySlot(slot_id, record, *event, out);
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
      return HandleAcl(at.now, event, out);
    case EventKind::kRtcSlot:
      return HandleSlot(at.now, event, out);
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

bool RoomState::AdoptAcl(Instant now, Instant requested_at, const std::vector<Event>& events,
                         std::vector<Evidence>& out) {
  for (const Event& event : events) {
    if (event.kind != EventKind::kServerAcl || !event.state_key->empty()) continue;
    const auto outcome = acl_cell_.HandleState(now, requested_at, event);
    if (outcome.applied) ApplyAcl(*outcome.applied, out);
    return outcome.wants_look;
  }
  return acl_cell_.HandleAbsence(requested_at);
}

bool RoomState::AdoptSlots(Instant now, Instant requested_at, const std::vector<Event>& events,
                           std::vector<Evidence>& out) {
  bool look_again = false;
  std::set<std::string> named;
  for (const Event& event : events) {
    if (event.kind != EventKind::kRtcSlot) continue;
    const std::string& slot_id = *event.state_key;
    if (!slots_.contains(slot_id) && slots_.size() >= limits::kRoomSlotsMax) continue;
    if (!named.insert(slot_id).second) continue;
    SlotRecord& record = slots_[slot_id];
    const auto outcome = record.cell.HandleState(now, requested_at, event);
    if (outcome.applied) ApplySlot(slot_id, record, *outcome.applied, out);
    look_again = look_again || outcome.wants_look;
  }
  for (auto it = slots_.begin(); it != slots_.end();) {
    const auto slot = it++;
    if (named.contains(slot->first)) continue;
    StateCell& cell = slot->second.cell;
    if (cell.HandleAbsence(requested_at)) {
      look_again = true;
    } else if (cell.version().received_at() < requested_at) {
      // A slot cannot be removed, only closed: one that is missing was reset, and tells nothing.
      slots_.erase(slot);
    }
  }
  return look_again;
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
  for (const Event& event : events) {
    if (event.kind == EventKind::kEncryption) BecomeEncrypted(out);
    if (event.kind == EventKind::kTombstone) HandleEvent(at, event, false, out);
    if (event.kind == EventKind::kRoomMember) users.push_back(&event);
    if (event.kind == EventKind::kCallMember ||
        (event.kind == EventKind::kRtcMember && event.state_key)) {
      rtc.push_back(&event);
    }
  }
  const bool is_acl_open = AdoptAcl(at.now, requested_at, events, out);
  const bool are_slots_open = AdoptSlots(at.now, requested_at, events, out);
  const bool are_users_open = members_.HandleState(at.now, requested_at, users, out);
  wants_look_ = is_acl_open || are_slots_open || are_users_open;
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
