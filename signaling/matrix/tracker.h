// What Fovea knows of the rooms it has a reason to know: those with calls or tokens. One fold, fed
// alike by the application service and by /sync. Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sfu/core/time.h"
#include "signaling/matrix/event.h"
#include "signaling/matrix/evidence.h"
#include "signaling/matrix/room_state.h"

namespace fovea::matrix {

// Invariants:
//  (1) An event of a room that is not watched changes nothing and costs one look-up.
//  (2) deadlines_ names every watched room whose next deadline is not kNever, once.
// Limit: kWatchedRoomsMax watched rooms; Watch answers null beyond it.
class Tracker {
 public:
  explicit Tracker(std::string homeserver) : homeserver_(std::move(homeserver)) {}

  RoomState* Watch(const std::string& room_id);
  void Unwatch(const std::string& room_id);
  [[nodiscard]] RoomState* Find(const std::string& room_id);
  [[nodiscard]] const RoomState* Find(const std::string& room_id) const;

  // What comes of it is appended to `out`.
  void HandleEvent(Moment at, const Event& event, bool from_state, std::vector<Evidence>& out);
  [[nodiscard]] bool HandleState(Moment at, Instant requested_at, const std::string& as_user,
                                 const std::string& room_id, const std::vector<Event>& events,
                                 std::vector<Evidence>& out);
  void HandleTimeout(Instant now, std::vector<Evidence>& out);
  [[nodiscard]] Instant NextDeadline() const {
    return deadlines_.empty() ? kNever : deadlines_.begin()->first;
  }

  [[nodiscard]] std::size_t size() const { return rooms_.size(); }
  [[nodiscard]] bool IsConsistent() const;

 private:
  struct Watched {
    Watched(const std::string& room_id, const std::string& homeserver)
        : state(room_id, homeserver) {}
    RoomState state;
    Instant deadline = kNever;
  };

  void UpdateDeadline(const std::string& room_id, Watched& room);

  const std::string homeserver_;  // constant after construction
  std::map<std::string, Watched> rooms_;
  std::set<std::pair<Instant, std::string>> deadlines_;
};

}  // namespace fovea::matrix
