#include "signaling/matrix/sticky_map.h"

#include <algorithm>

#include "sfu/core/limits.h"

namespace fovea::matrix {
namespace {

std::int64_t DurationMs(const Event& event) {
  return std::clamp<std::int64_t>(event.sticky_duration_ms.value_or(0), 0,
                                  ToMillis(kStickyDurationMax));
}

}  // namespace

Duration StickyTimeLeft(const Event& event, std::int64_t wall_ms) {
  const std::int64_t duration_ms = DurationMs(event);
  if (event.sticky_ttl_ms) {
    return Millis(std::clamp<std::int64_t>(*event.sticky_ttl_ms, 0, duration_ms));
  }
  // An event of the future starts now; one of the past has used up what lies beyond the skew.
  const std::int64_t age_ms =
      std::max<std::int64_t>(0, wall_ms - event.origin_server_ts_ms - ToMillis(kClockSkewMax));
  return Millis(std::max<std::int64_t>(0, duration_ms - age_ms));
}

StickyMap::Outcome StickyMap::Insert(Instant now, std::int64_t wall_ms, const Event& event,
                                     RtcMembership member) {
  const Duration left = StickyTimeLeft(event, wall_ms);
  if (left <= Duration::zero()) return {.verdict = Verdict::kExpired, .replaced = std::nullopt};
  Entry entry{.member = std::move(member),
              .event_id = event.event_id,
              .rank_ms = event.origin_server_ts_ms + DurationMs(event),
              .ends_at = now + left};
  Key key{event.sender, entry.member.key};
  const auto it = entries_.find(key);
  if (it == entries_.end()) {
    std::size_t& of_sender = per_sender_[event.sender];
    if (entries_.size() >= limits::kStickyEventsMax ||
        of_sender >= limits::kStickyEventsPerSenderMax) {
      if (of_sender == 0) per_sender_.erase(event.sender);
      return {.verdict = Verdict::kFull, .replaced = std::nullopt};
    }
    ++of_sender;
    entries_.emplace(std::move(key), std::move(entry));
    return {};
  }
  Entry& known = it->second;
  if (known.event_id == entry.event_id) return {.verdict = Verdict::kDuplicate, .replaced = {}};
  if (std::pair(entry.rank_ms, entry.event_id) < std::pair(known.rank_ms, known.event_id)) {
    return {.verdict = Verdict::kOlder, .replaced = std::nullopt};
  }
  std::swap(known, entry);
  return {.verdict = Verdict::kTaken, .replaced = std::move(entry.member)};
}

std::optional<RtcMembership> StickyMap::Redact(std::string_view event_id) {
  const auto it = std::find_if(entries_.begin(), entries_.end(), [event_id](const auto& entry) {
    return entry.second.event_id == event_id;
  });
  if (it == entries_.end()) return std::nullopt;
  RtcMembership member = std::move(it->second.member);
  Erase(it);
  return member;
}

std::vector<RtcMembership> StickyMap::HandleTimeout(Instant now) {
  std::vector<RtcMembership> expired;
  for (auto it = entries_.begin(); it != entries_.end();) {
    const auto entry = it++;
    if (entry->second.ends_at > now) continue;
    expired.push_back(std::move(entry->second.member));
    Erase(entry);
  }
  return expired;
}

Instant StickyMap::NextDeadline() const {
  Instant next = kNever;
  for (const auto& [key, entry] : entries_) next = std::min(next, entry.ends_at);
  return next;
}

void StickyMap::Erase(std::map<Key, Entry>::iterator it) {
  const auto of_sender = per_sender_.find(it->first.first);
  if (of_sender != per_sender_.end() && --of_sender->second == 0) per_sender_.erase(of_sender);
  entries_.erase(it);
}

bool StickyMap::IsConsistent() const {
  std::size_t sum = 0;
  for (const auto& [sender, count] : per_sender_) {
    if (count == 0 || count > limits::kStickyEventsPerSenderMax) return false;
    sum += count;
  }
  return sum == entries_.size() && sum <= limits::kStickyEventsMax;
}

}  // namespace fovea::matrix
