// What an application service is pushed, and the answer to a question for a room's state: bodies
// that carry events, most of them of no interest here. Matrix application service API, "Pushing
// events"; client-server API, GET /rooms/{roomId}/state. Thread: signaling.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "sfu/core/limits.h"
#include "signaling/matrix/event.h"

namespace fovea::matrix {

struct Transaction {
  std::vector<Event> events{};  // those of interest, in their order
  std::size_t skipped = 0;      // of no interest, by their type
  std::size_t soft_failed = 0;
  std::size_t malformed = 0;  // one bad event does not lose the others
  // Users whose list of devices changed (MSC3202), where the homeserver says so.
  std::vector<std::string> changed_devices{};
};

// Which rooms are worth parsing; null: every room.
using RoomFilter = std::function<bool(std::string_view room_id)>;

// Nothing unless the body is an object with an array `events`. Ephemeral events, to-device messages
// and unknown fields are passed over.
[[nodiscard]] std::optional<Transaction> ParseTransaction(std::string_view body,
                                                          const RoomFilter& wants_room = nullptr);

// GET /rooms/{roomId}/state: an array of state events. Nothing where it is not one, or where an
// event of the room's own rules cannot be read: the answer would not be complete. Memberships of
// calls are skipped there: anybody may write them.
[[nodiscard]] std::optional<std::vector<Event>> ParseRoomState(std::string_view body,
                                                               std::string_view room_id);

// A first look at an event: what its `type` says it is, kOther for most. Reads no content.
[[nodiscard]] EventKind PeekKind(std::string_view event);

// Appends one event of a list to `transaction`, or counts why not. `room_id`: see ParseEvent.
void AddEvent(std::string_view event, std::string_view room_id, Transaction& transaction);

// The transactions that were taken, so that a repetition changes nothing. The caller keeps them
// over a restart: what Add answers is to be stored, and one forgotten for it.
class TransactionIds {
 public:
  [[nodiscard]] bool Contains(const std::string& id) const { return known_.contains(Cut(id)); }
  // Returns the id that was forgotten for it. Adding a known id makes it the youngest.
  std::optional<std::string> Add(const std::string& id);
  [[nodiscard]] std::size_t size() const { return order_.size(); }

 private:
  [[nodiscard]] static std::string Cut(const std::string& id) {
    return id.substr(0, limits::kTransactionIdBytesMax);
  }

  std::deque<std::string> order_;  // oldest in front
  std::unordered_set<std::string> known_;
};

}  // namespace fovea::matrix
