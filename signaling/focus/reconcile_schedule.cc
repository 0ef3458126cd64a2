#include "signaling/focus/reconcile_schedule.h"

#include <algorithm>

#include "sfu/core/limits.h"

namespace fovea::focus {
namespace {

Duration IntervalOf(Urgency urgency) {
  return urgency == Urgency::kUrgent ? ReconcileSchedule::kUrgentInterval
                                     : ReconcileSchedule::kRoutineInterval;
}

}  // namespace

void ReconcileSchedule::Dequeue(const std::string& room_id, Room& room) {
  if (room.due_at == kNever) return;
  LaneOf(room.urgency).queue.erase({room.due_at, room_id});
  room.due_at = kNever;
}

void ReconcileSchedule::Queue(const std::string& room_id, Room& room, Instant at, Urgency urgency) {
  Dequeue(room_id, room);
  room.due_at = std::max(at, room.not_before);
  room.urgency = urgency;
  // Behind a question under way the wish waits in the room; Finish puts it into its lane.
  if (!room.asked_at) LaneOf(urgency).queue.emplace(room.due_at, room_id);
}

void ReconcileSchedule::Want(const std::string& room_id, Instant at, Urgency urgency) {
  Room& room = rooms_[room_id];
  if (room.due_at != kNever) {
    at = std::min(at, room.due_at);
    urgency = std::min(urgency, room.urgency);
  }
  Queue(room_id, room, at, urgency);
}

void ReconcileSchedule::WantDespiteFailure(const std::string& room_id, Instant at,
                                           Urgency urgency) {
  rooms_[room_id].not_before = Instant{};
  Want(room_id, at, urgency);
}

void ReconcileSchedule::Finish(const std::string& room_id, Room& room) {
  if (!room.asked_at) return;
  under_way_.erase({*room.asked_at, room_id});
  --LaneOf(room.asked_urgency).under_way;
  room.asked_at.reset();
  if (room.due_at != kNever) Queue(room_id, room, room.due_at, room.urgency);
}

void ReconcileSchedule::Forget(const std::string& room_id) {
  const auto it = rooms_.find(room_id);
  if (it == rooms_.end()) return;
  Finish(room_id, it->second);
  Dequeue(room_id, it->second);
  rooms_.erase(it);
}

std::optional<std::string> ReconcileSchedule::Poll(Instant now) {
  for (const Urgency urgency : {Urgency::kUrgent, Urgency::kRoutine}) {
    Lane& lane = LaneOf(urgency);
    if (lane.queue.empty() || lane.queue.begin()->first > now || lane.next_at > now ||
        lane.under_way >= limits::kRoomStatesUnderWayMax) {
      continue;
    }
    std::string room_id = lane.queue.begin()->second;
    Room& room = rooms_[room_id];
    Dequeue(room_id, room);
    room.asked_at = now;
    room.asked_urgency = urgency;
    under_way_.emplace(now, room_id);
    ++lane.under_way;
    lane.next_at = now + IntervalOf(urgency);
    return room_id;
  }
  return std::nullopt;
}

void ReconcileSchedule::BackOff(Instant now, Room& room, Duration retry_after) {
  Duration wait = kBackoffMin;
  for (int i = 0; i < room.failures && wait < kBackoffMax; ++i) wait *= 2;
  wait = std::min(wait, kBackoffMax);
  ++room.failures;
  // Between half of it and all, so that rooms that failed together do not return together.
  wait = wait / 2 +
         Duration(static_cast<Duration::rep>(static_cast<double>(wait.count()) / 2 * rng_.Unit()));
  room.not_before = now + std::max(wait, std::min(retry_after, kBackoffMax));
}

void ReconcileSchedule::HandleAnswer(Instant now, const std::string& room_id, bool succeeded,
                                     Duration retry_after) {
  const auto it = rooms_.find(room_id);
  if (it == rooms_.end()) return;
  Room& room = it->second;
  if (succeeded) {
    room.failures = 0;
    room.not_before = Instant{};
    Finish(room_id, room);
    return;
  }
  BackOff(now, room, retry_after);
  if (room.due_at == kNever) {
    room.due_at = room.not_before;
    room.urgency = room.asked_urgency;
  }
  if (room.asked_at) {
    Finish(room_id, room);
  } else {
    Queue(room_id, room, room.due_at, room.urgency);
  }
}

std::optional<std::string> ReconcileSchedule::TakeOverdue(Instant now) {
  if (under_way_.empty() || under_way_.begin()->first + kAnswerTimeout > now) return std::nullopt;
  std::string room_id = under_way_.begin()->second;
  HandleAnswer(now, room_id, false, Duration::zero());
  return room_id;
}

Instant ReconcileSchedule::NextDeadline() const {
  Instant next = kNever;
  for (const Lane& lane : lanes_) {
    if (lane.queue.empty() || lane.under_way >= limits::kRoomStatesUnderWayMax) continue;
    next = std::min(next, std::max(lane.queue.begin()->first, lane.next_at));
  }
  if (!under_way_.empty()) next = std::min(next, under_way_.begin()->first + kAnswerTimeout);
  return next;
}

std::optional<Instant> ReconcileSchedule::AskedAt(const std::string& room_id) const {
  const auto it = rooms_.find(room_id);
  return it == rooms_.end() ? std::nullopt : it->second.asked_at;
}

bool ReconcileSchedule::IsDue(Instant now, const std::string& room_id) const {
  const auto it = rooms_.find(room_id);
  return it != rooms_.end() && (it->second.asked_at || it->second.due_at <= now);
}

bool ReconcileSchedule::IsQueued(const std::string& room_id) const {
  const auto it = rooms_.find(room_id);
  return it != rooms_.end() && it->second.due_at != kNever;
}

bool ReconcileSchedule::IsConsistent() const {
  std::size_t queued = 0;
  std::size_t under_way = 0;
  for (const auto& [room_id, room] : rooms_) {
    if (room.asked_at) {
      ++under_way;
      if (!under_way_.contains({*room.asked_at, room_id})) return false;
    } else if (room.due_at != kNever) {
      ++queued;
    }
  }
  return queued == lanes_[0].queue.size() + lanes_[1].queue.size() &&
         under_way == under_way_.size() && under_way == lanes_[0].under_way + lanes_[1].under_way;
}

}  // namespace fovea::focus
