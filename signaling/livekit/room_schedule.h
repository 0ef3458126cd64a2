// When each room next wants to be called, so that a turn of the signaling loop looks only at the
// rooms that something happened to, and a timeout only at those that are due. Thread: signaling.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "sfu/core/due_queue.h"
#include "sfu/core/time.h"
#include "signaling/livekit/room.h"

namespace fovea::livekit {

// Rooms are borrowed: each is removed before it goes away. Whoever hands a room out to be changed
// touches it first; its deadline is read again at the next question.
class RoomSchedule {
 public:
  void Add(Room& room);
  void Remove(Room& room);
  [[nodiscard]] bool Has(Room* room) const { return slots_.contains(room); }
  void Touch(Room& room);
  [[nodiscard]] Instant Soonest();
  // Those due at `now`, all of them touched.
  [[nodiscard]] std::vector<Room*> TakeDue(Instant now);
  // No room that was not touched wants another time than it was asked for. O(rooms); for tests.
  [[nodiscard]] bool IsConsistent() const;

 private:
  struct Slot {
    Room* room = nullptr;
    Instant due = kNever;       // DueQueue's
    std::size_t due_place = 0;  // DueQueue's
    bool is_touched = false;    // in touched_
  };
  void Refresh();

  std::unordered_map<Room*, Slot> slots_;  // node-based: slots stay where they are
  DueQueue<Slot> due_;
  std::vector<Slot*> touched_;
};

}  // namespace fovea::livekit
