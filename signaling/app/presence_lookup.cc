#include "signaling/app/presence_lookup.h"

#include <algorithm>

#include "sfu/core/limits.h"

namespace fovea::app {
namespace {

constexpr Duration kBackoffFirst = Seconds(1);
constexpr Duration kBackoffMax = Seconds(60);
constexpr Duration kInitialWaitMax = Seconds(3600);
// A client that replaced its own connection is through with that by then.
constexpr Duration kSupersededCheck = Seconds(10);

}  // namespace

void PresenceLookup::ScheduleAt(Entry& entry, Instant at) {
  Watching& watching = entry.second;
  if (watching.next_at != kNever) due_.erase({watching.next_at, entry.first});
  watching.next_at = at;
  if (at != kNever) due_.emplace(at, entry.first);
}

void PresenceLookup::ScheduleSanityCheck(Instant now, Entry& entry) {
  const bool is_checked = sanity_interval_ > Duration::zero();
  ScheduleAt(entry, is_checked ? now + sanity_interval_ : kNever);
}

void PresenceLookup::Watch(Instant now, const matrix::LeaveKey& key, Duration wait) {
  Entry& entry = *watches_.try_emplace(key).first;
  Watching& watching = entry.second;
  watching.was_seen = false;
  watching.give_up_at = now + std::min(wait, kInitialWaitMax);
  watching.backoff = kBackoffFirst;
  watching.in_flight.reset();  // an answer under way is about the time before
  ScheduleAt(entry, now);
}

void PresenceLookup::Unwatch(const matrix::LeaveKey& key) {
  const auto found = watches_.find(key);
  if (found == watches_.end()) return;
  ScheduleAt(*found, kNever);
  watches_.erase(found);
}

void PresenceLookup::HandleConnected(Instant now, const matrix::LeaveKey& key) {
  const auto found = watches_.find(key);
  if (found == watches_.end()) return;
  found->second.was_seen = true;
  found->second.in_flight.reset();
  ScheduleSanityCheck(now, *found);
}

void PresenceLookup::HandleSuperseded(Instant now, const matrix::LeaveKey& key) {
  const auto found = watches_.find(key);
  if (found == watches_.end() || !found->second.was_seen) return;
  found->second.in_flight.reset();
  ScheduleAt(*found, now + kSupersededCheck);
}

std::optional<Lookup> PresenceLookup::PollLookup(Instant now) {
  if (due_.empty() || due_.begin()->first > now ||
      in_flight_.size() >= limits::kPresenceLookupsMax) {
    return std::nullopt;
  }
  Entry& entry = *watches_.find(due_.begin()->second);
  ScheduleAt(entry, kNever);
  const LookupId id(++last_id_);
  entry.second.in_flight = id;
  in_flight_.emplace(id.value(), entry.first);
  return Lookup{id, entry.first};
}

PresenceNews PresenceLookup::HandleAnswer(Instant now, LookupId id, LookupAnswer answer,
                                          matrix::LeaveKey& key) {
  const auto call = in_flight_.find(id.value());
  if (call == in_flight_.end()) return PresenceNews::kNone;
  key = std::move(call->second);
  in_flight_.erase(call);
  const auto found = watches_.find(key);
  if (found == watches_.end() || found->second.in_flight != id) return PresenceNews::kNone;
  Watching& watching = found->second;
  watching.in_flight.reset();
  if (answer == LookupAnswer::kPresent) {
    const bool is_news = !watching.was_seen;
    watching.was_seen = true;
    ScheduleSanityCheck(now, *found);
    return is_news ? PresenceNews::kConnected : PresenceNews::kNone;
  }
  if (!watching.was_seen) {
    if (now < watching.give_up_at) {
      ScheduleAt(*found, std::min(now + watching.backoff, watching.give_up_at));
      watching.backoff = std::min(watching.backoff * 3 / 2, kBackoffMax);
    }
    return PresenceNews::kNone;
  }
  if (answer == LookupAnswer::kAbsent) return PresenceNews::kGone;
  ScheduleAt(*found, now + std::max(sanity_interval_, kBackoffFirst));
  return PresenceNews::kNone;
}

Instant PresenceLookup::NextDeadline() const {
  if (due_.empty() || in_flight_.size() >= limits::kPresenceLookupsMax) return kNever;
  return due_.begin()->first;
}

}  // namespace fovea::app
