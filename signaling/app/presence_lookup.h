// When to ask another LiveKit server whether a participant is there, and what the answer means. Its
// webhooks tell most of it; this finds what they did not. matrixrtc reference, section 4.8. No I/O.
// Thread: signaling.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "sfu/core/strong_id.h"
#include "sfu/core/time.h"
#include "signaling/matrix/leave_job.h"

namespace fovea::app {

using LookupId = StrongId<struct LookupTag, std::uint64_t>;

struct Lookup {
  LookupId id;
  matrix::LeaveKey key;
};

enum class LookupAnswer : std::uint8_t {
  kPresent,
  kAbsent,   // the server said so in as many words
  kUnknown,  // no answer, or another error: never a reason to call somebody gone
};

enum class PresenceNews : std::uint8_t { kNone, kConnected, kGone };

// Invariants:
//  (1) Until a participant was seen, absence means "not yet".
//  (2) One lookup per participant is under way at most, and kPresenceLookupsMax altogether.
class PresenceLookup {
 public:
  // Zero: participants who were seen are not asked for any more.
  explicit PresenceLookup(Duration sanity_interval) : sanity_interval_(sanity_interval) {}

  // Begins anew for one who is watched already.
  void Watch(Instant now, const matrix::LeaveKey& key, Duration wait);
  void Unwatch(const matrix::LeaveKey& key);
  void HandleConnected(Instant now, const matrix::LeaveKey& key);
  // Another connection of the same identity took over, so a further word is due soon: it is asked
  // for, should it not come.
  void HandleSuperseded(Instant now, const matrix::LeaveKey& key);

  // The next lookup that is due, or nothing. Call until it returns nothing.
  [[nodiscard]] std::optional<Lookup> PollLookup(Instant now);
  // What the answer to that lookup says about `key`, which is set.
  [[nodiscard]] PresenceNews HandleAnswer(Instant now, LookupId id, LookupAnswer answer,
                                          matrix::LeaveKey& key);
  [[nodiscard]] Instant NextDeadline() const;
  [[nodiscard]] std::size_t size() const { return watches_.size(); }

 private:
  struct Watching {
    bool was_seen = false;
    Instant give_up_at;  // of the first connection
    Duration backoff{};
    Instant next_at = kNever;
    std::optional<LookupId> in_flight;
  };
  using Entry = std::pair<const matrix::LeaveKey, Watching>;

  void ScheduleAt(Entry& entry, Instant at);
  void ScheduleSanityCheck(Instant now, Entry& entry);

  const Duration sanity_interval_;
  std::map<matrix::LeaveKey, Watching> watches_;
  std::set<std::pair<Instant, matrix::LeaveKey>> due_;  // those whose next_at is not kNever
  std::unordered_map<std::uint64_t, matrix::LeaveKey> in_flight_;
  std::uint64_t last_id_ = 0;
};

}  // namespace fovea::app
