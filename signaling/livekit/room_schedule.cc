#include "signaling/livekit/room_schedule.h"

#include <algorithm>

#include "sfu/core/check.h"

namespace fovea::livekit {

void RoomSchedule::Add(Room& room) {
  const auto [it, is_new] = slots_.try_emplace(&room, Slot{.room = &room});
  FOVEA_CHECK(is_new);
  due_.Add(it->second);
  Touch(room);
}

void RoomSchedule::Remove(Room& room) {
  const auto it = slots_.find(&room);
  FOVEA_CHECK(it != slots_.end());
  if (it->second.is_touched) std::erase(touched_, &it->second);
  due_.Remove(it->second);
  slots_.erase(it);
}

void RoomSchedule::Touch(Room& room) {
  const auto it = slots_.find(&room);
  FOVEA_CHECK(it != slots_.end());
  if (it->second.is_touched) return;
  it->second.is_touched = true;
  touched_.push_back(&it->second);
}

void RoomSchedule::Refresh() {
  for (Slot* slot : touched_) {
    slot->is_touched = false;
    due_.Set(*slot, slot->room->NextDeadline().at);
  }
  touched_.clear();
}

Instant RoomSchedule::Soonest() {
  Refresh();
  return due_.soonest();
}

std::vector<Room*> RoomSchedule::TakeDue(Instant now) {
  Refresh();
  std::vector<Slot*> due;
  due_.Collect(now, due);
  std::vector<Room*> rooms;
  rooms.reserve(due.size());
  for (Slot* slot : due) {
    rooms.push_back(slot->room);
    Touch(*slot->room);
  }
  return rooms;
}

bool RoomSchedule::IsConsistent() const {
  return due_.IsConsistent() && std::all_of(slots_.begin(), slots_.end(), [](const auto& entry) {
           const Slot& slot = entry.second;
           return slot.is_touched || slot.due == slot.room->NextDeadline().at;
         });
}

}  // namespace fovea::livekit
