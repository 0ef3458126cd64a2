#include "signaling/matrix/tracker.h"

#include <algorithm>
#include <tuple>

#include "sfu/core/limits.h"

namespace fovea::matrix {

RoomState* Tracker::Watch(const std::string& room_id) {
  if (const auto it = rooms_.find(room_id); it != rooms_.end()) return &it->second.state;
  if (rooms_.size() >= limits::kWatchedRoomsMax) return nullptr;
  return &rooms_
              .emplace(std::piecewise_construct, std::forward_as_tuple(room_id),
                       std::forward_as_tuple(room_id, homeserver_))
              .first->second.state;
}

void Tracker::Unwatch(const std::string& room_id) {
  const auto it = rooms_.find(room_id);
  if (it == rooms_.end()) return;
  deadlines_.erase({it->second.deadline, room_id});
  rooms_.erase(it);
}

RoomState* Tracker::Find(const std::string& room_id) {
  const auto it = rooms_.find(room_id);
  return it == rooms_.end() ? nullptr : &it->second.state;
}

const RoomState* Tracker::Find(const std::string& room_id) const {
  const auto it = rooms_.find(room_id);
  return it == rooms_.end() ? nullptr : &it->second.state;
}

void Tracker::UpdateDeadline(const std::string& room_id, Watched& room) {
  const Instant deadline = room.state.NextDeadline();
  if (deadline == room.deadline) return;
  deadlines_.erase({room.deadline, room_id});
  room.deadline = deadline;
  if (deadline != kNever) deadlines_.emplace(deadline, room_id);
}

void Tracker::HandleEvent(Moment at, const Event& event, bool from_state,
                          std::vector<Evidence>& out) {
  const auto it = rooms_.find(event.room_id);
  if (it == rooms_.end()) return;
  it->second.state.HandleEvent(at, event, from_state, out);
  UpdateDeadline(it->first, it->second);
}

bool Tracker::HandleState(Moment at, Instant requested_at, const std::string& as_user,
                          const std::string& room_id, const std::vector<Event>& events,
                          std::vector<Evidence>& out) {
  const auto it = rooms_.find(room_id);
  if (it == rooms_.end()) return false;
  const bool whole = it->second.state.HandleState(at, requested_at, as_user, events, out);
  UpdateDeadline(it->first, it->second);
  return whole;
}

void Tracker::HandleTimeout(Instant now, std::vector<Evidence>& out) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto it = rooms_.find(deadlines_.begin()->second);
    it->second.state.HandleTimeout(now, out);
    UpdateDeadline(it->first, it->second);
  }
}

bool Tracker::IsConsistent() const {
  std::size_t with_deadline = 0;
  for (const auto& [room_id, room] : rooms_) {
    if (!room.state.IsConsistent()) return false;
    if (room.deadline == kNever) continue;
    ++with_deadline;
    if (!deadlines_.contains({room.deadline, room_id})) return false;
  }
  return with_deadline == deadlines_.size();
}

}  // namespace fovea::matrix
