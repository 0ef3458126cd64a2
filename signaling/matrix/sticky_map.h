// The sticky events of one room: for every key the one that counts, until it expires. MSC4354.
// Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sfu/core/time.h"
#include "signaling/matrix/event.h"
#include "signaling/matrix/rtc_member.h"

namespace fovea::matrix {

// The longest that an event sticks, whatever it says.
inline constexpr Duration kStickyDurationMax = Seconds(3600);
// How far apart two honest clocks may be. Where the homeserver does not tell what is left, an event
// may therefore stick this much too long here, but never too short.
inline constexpr Duration kClockSkewMax = Seconds(600);

// What is left of a sticky event at its arrival. Zero: it does not stick any more.
[[nodiscard]] Duration StickyTimeLeft(const Event& event, std::int64_t wall_ms);

// Invariants:
//  (1) At most one membership per (sender, key): the one with the highest origin_server_ts +
//      duration, and among equals the highest event id.
//  (2) Nothing stands past its end, once HandleTimeout was called for it.
//  (3) No sender has more than kStickyEventsPerSenderMax entries, the room no more than
//      kStickyEventsMax.
// Limits: a new key beyond (3) is refused; a known key is always updated. Each call is O(log n),
// NextDeadline O(n).
class StickyMap {
 public:
  enum class Verdict : std::uint8_t { kTaken, kOlder, kDuplicate, kExpired, kFull };

  struct Outcome {
    Verdict verdict = Verdict::kTaken;
    std::optional<RtcMembership> replaced;  // where another event stood before
  };

  // REQUIRES: member.format is kSticky.
  Outcome Insert(Instant now, std::int64_t wall_ms, const Event& event, RtcMembership member);

  // Takes away the event of that id; it sticks no more. Returns what it said.
  std::optional<RtcMembership> Redact(std::string_view event_id);

  // Takes away what has expired; returns what those events said.
  std::vector<RtcMembership> HandleTimeout(Instant now);
  [[nodiscard]] Instant NextDeadline() const;

  void Clear() {
    entries_.clear();
    per_sender_.clear();
  }
  template <class F>
  void ForEach(F&& f) const {
    for (const auto& [key, entry] : entries_) f(entry.member);
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool IsConsistent() const;

 private:
  using Key = std::pair<std::string, std::string>;  // sender, sticky key
  struct Entry {
    RtcMembership member;
    std::string event_id;
    std::int64_t rank_ms = 0;  // origin_server_ts + duration
    Instant ends_at;
  };

  void Erase(std::map<Key, Entry>::iterator it);

  std::map<Key, Entry> entries_;
  std::map<std::string, std::size_t> per_sender_;
};

}  // namespace fovea::matrix
