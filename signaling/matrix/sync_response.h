// What GET /sync answers, reduced to the events a focus reads, in the order in which they are to be
// applied. Matrix client-server API; MSC4222 (state_after), MSC4354 (sticky). Thread: pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "signaling/matrix/event.h"
#include "signaling/matrix/transaction.h"

namespace fovea::matrix {

// The query with which to sync: the kinds that we read, and of members all, because the answer of
// a lazy one is not complete. The caller percent-encodes it.
[[nodiscard]] std::string_view SyncFilter();

struct SyncRoom {
  std::string room_id{};
  // The timeline left events out: what is known of the room has a gap until its state was asked
  // for.
  bool is_limited = false;
  // Of the state sections or the timeline, oldest first. With `has_state_after`, state events of
  // the timeline are not among them: the room's state is what `state_after` says (MSC4222).
  std::vector<Event> events{};
  std::size_t state_events = 0;  // the first ones of `events` are the section state or state_after
  bool has_state_after = false;
};

struct SyncResponse {
  std::string next_batch{};
  std::vector<SyncRoom> joined{};
  std::vector<std::string> left{};  // rooms that our account is no longer in
  std::size_t skipped = 0;
  std::size_t soft_failed = 0;
  std::size_t malformed = 0;
};

// Nothing unless the body is an object with a `next_batch`, and its rooms can be read.
[[nodiscard]] std::optional<SyncResponse> ParseSync(std::string_view body,
                                                    const RoomFilter& wants_room = nullptr);

}  // namespace fovea::matrix
