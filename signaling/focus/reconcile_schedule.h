// When to ask the homeserver for which room's state: at a pace that it can bear, the urgent first.
// matrixrtc reference, section 6.1; reliability F3, F4. Thread: signaling.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "sfu/core/rng.h"
#include "sfu/core/time.h"

namespace fovea::focus {

enum class Urgency : std::uint8_t { kUrgent, kRoutine };  // somebody waits for it, or nobody does

// Invariants:
//  (1) A room is queued in one lane, or under way, or neither; never more than one question.
//  (2) Questions of a lane are at least its interval apart, and at most kRoomStatesUnderWayMax are
//      under way in it.
//  (3) A room whose question failed is not asked again before its back-off, urgent or not.
// Complexity: O(log rooms) per call.
class ReconcileSchedule {
 public:
  // 10 per second of routine, as reliability F4 wants it; people who wait for a token get 50.
  static constexpr Duration kRoutineInterval = Millis(100);
  static constexpr Duration kUrgentInterval = Millis(20);
  // A question that nobody answers is over then; longer would keep a lane's places occupied.
  static constexpr Duration kAnswerTimeout = Seconds(30);
  static constexpr Duration kBackoffMin = Seconds(1);
  static constexpr Duration kBackoffMax = Seconds(30);

  explicit ReconcileSchedule(Rng rng) : rng_(rng) {}

  // Asks for the room at `at` or sooner. While a question is under way, it is asked again after it.
  void Want(const std::string& room_id, Instant at, Urgency urgency);
  // As Want, and a back-off of an earlier failure ends: the homeserver is known to be there.
  void WantDespiteFailure(const std::string& room_id, Instant at, Urgency urgency);
  void Forget(const std::string& room_id);

  // The next room to ask for now, or nothing. It is under way until HandleAnswer.
  [[nodiscard]] std::optional<std::string> Poll(Instant now);
  // `retry_after`: what the homeserver asked for, zero if nothing.
  void HandleAnswer(Instant now, const std::string& room_id, bool succeeded, Duration retry_after);
  // Gives up questions without an answer; the rooms are appended to `out`.
  template <class Rooms>
  void HandleTimeout(Instant now, Rooms& out) {
    while (const auto room = TakeOverdue(now)) out.push_back(*room);
  }

  [[nodiscard]] Instant NextDeadline() const;
  // When the question under way was asked; nothing if none is.
  [[nodiscard]] std::optional<Instant> AskedAt(const std::string& room_id) const;
  // A question is under way, or only waits for its turn.
  [[nodiscard]] bool IsDue(Instant now, const std::string& room_id) const;
  [[nodiscard]] bool IsQueued(const std::string& room_id) const;
  [[nodiscard]] std::size_t size() const { return rooms_.size(); }
  [[nodiscard]] bool IsConsistent() const;

 private:
  struct Room {
    Instant due_at = kNever;  // kNever: not queued
    Urgency urgency = Urgency::kRoutine;
    std::optional<Instant> asked_at;
    Urgency asked_urgency = Urgency::kRoutine;
    Instant not_before{};  // back-off
    int failures = 0;
  };
  struct Lane {
    std::set<std::pair<Instant, std::string>> queue;
    Instant next_at{};
    std::size_t under_way = 0;
  };

  [[nodiscard]] Lane& LaneOf(Urgency urgency) { return lanes_[static_cast<std::size_t>(urgency)]; }
  [[nodiscard]] std::optional<std::string> TakeOverdue(Instant now);
  void Queue(const std::string& room_id, Room& room, Instant at, Urgency urgency);
  void Dequeue(const std::string& room_id, Room& room);
  void Finish(const std::string& room_id, Room& room);
  void BackOff(Instant now, Room& room, Duration retry_after);

  Rng rng_;
  std::map<std::string, Room> rooms_;
  std::array<Lane, 2> lanes_;
  std::set<std::pair<Instant, std::string>> under_way_;  // by the time they were asked at
};

}  // namespace fovea::focus
