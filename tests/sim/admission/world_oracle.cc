// What is true, and what the focus knows of it: pure functions of the homeserver's log and of what
// was delivered.
#include <algorithm>
#include <utility>

#include "tests/sim/admission/world_parts.h"

namespace fovea::test::admission {
namespace {

// So long after a push the answer to a question from before it may be what is acted upon.
constexpr Duration kSettleMax = Seconds(1);

}  // namespace

void World::NoteTruth(const std::string& room_id) {
  const std::size_t position = hs_.log().size();
  for (const std::string& user : Users()) {
    for (const bool binds : {false, true}) {
      Outage& outage = out_[binds][{room_id, user}];
      if (!hs_.Entitles(room_id, user, binds)) {
        outage = {.is_over = false, .last = position};
      } else if (!std::exchange(outage.is_over, true)) {
        outage.last = position - 1;  // until what changed the room now
      }
    }
  }
}

bool World::EntitledSince(const MintedIdentity& who, std::size_t position) const {
  const bool binds = Binds(who.route);
  if (!hs_.Entitles(who.room_id, who.user_id, binds)) return false;
  const auto& map = out_[binds];
  const auto it = map.find({who.room_id, who.user_id});
  return it == map.end() || it->second.last < position;
}

bool World::Binds(TokenRoute route) {
  return route == TokenRoute::kHomeserver || route == TokenRoute::kFederation;
}

void World::Learn(std::size_t position) {
  delivered_.insert(position);
  const LogEntry& entry = hs_.log()[position];
  if (entry.type != "m.room.member") return;
  Knowledge& known = known_[{entry.room_id, entry.key}];
  known.told_at = now_;
  if (known.position && position <= *known.position) return;
  // Without the homeserver's word on the order, the focus may be in doubt; with it, only where
  // it does not know the event before, or has just started.
  const bool follows =
      known.position && !entry.replaced.empty() && hs_.log()[*known.position].event.is_object() &&
      hs_.log()[*known.position].event["event_id"] == entry.replaced && known.is_provable;
  known.is_provable = hs_.tells_order() && follows && !HasLaterToken(entry);
  known.position = position;
  NoteKnowledge(entry, known);
}

void World::NoteKnowledge(const LogEntry& entry, Knowledge& known) {
  const bool is_out = entry.event.is_null() || entry.event["content"]["membership"] != "join";
  if (known.is_provable && is_out && !entry.event.is_null()) known.out_at = now_;
}

bool World::HasLaterToken(const LogEntry& entry) const {
  if (entry.event.is_null()) return false;
  const std::int64_t sent_ms = entry.event["origin_server_ts"].get<std::int64_t>();
  return std::any_of(tokens_.begin(), tokens_.end(), [&](const Token& token) {
    return token.minted.room_id == entry.room_id && token.minted.user_id == entry.key &&
           token.minted.issued_unix * 1000 > sent_ms;
  });
}

void World::CheckOut() {
  for (const auto& [who, known] : known_) {
    if (!known.position || !known.is_provable || known.out_at != now_) continue;
    const LogEntry& entry = hs_.log()[*known.position];
    if (entry.event["content"]["membership"] == "join") continue;
    for (const auto& [identity, connection] : connections_) {
      const MintedIdentity& minted = connection.token.minted;
      if (minted.room_id == who.first && minted.user_id == who.second) {
        FailToEvict("S1: " + identity + " is connected though out");
      }
    }
    for (const Token& token : tokens_) {
      if (token.minted.room_id != who.first || token.minted.user_id != who.second) continue;
      if (Accepts(token)) Fail("S1: a token of " + who.second + " is good though out");
    }
  }
}

std::size_t World::KnownUpTo(const std::string& room_id) {
  std::size_t position = snapshot_[room_id];
  while (position < hs_.log().size()) {
    const LogEntry& entry = hs_.log()[position];
    if (entry.room_id == room_id && !delivered_.contains(position)) break;
    ++position;
  }
  return position;
}

void World::LearnState(const std::string& room_id, Instant asked_at, std::size_t position) {
  snapshot_[room_id] = std::max(snapshot_[room_id], position);
  for (const std::string& user : Users()) {
    Knowledge& known = known_[{room_id, user}];
    const auto last = LastOf(room_id, user, position);
    if (known.told_at && *known.told_at + Seconds(1) > asked_at) {
      if (last != known.position)
        known.is_provable = false;  // the focus may be ahead of the pushes
      continue;
    }
    // An answer is as good as a push to be undecided about shortly afterwards.
    if (last != known.position) known.told_at = now_;
    known.position = last;
    known.is_provable = hs_.tells_order() && known.position.has_value();
  }
}

bool World::IsUndoneLeave(const MintedIdentity& who) const {
  const Json* stands = hs_.Current(who.room_id, "m.room.member", who.user_id);
  if (stands == nullptr || LastOf(who.room_id, who.user_id, hs_.log().size())) return false;
  return std::any_of(delivered_at_.begin(), delivered_at_.end(), [&](const auto& delivery) {
    const auto& [position, at] = delivery;
    const LogEntry& entry = hs_.log()[position];
    return at + kSettleMax >= now_ && (*stands)["event_id"] == entry.replaced &&
           entry.event["content"]["membership"] != "join";
  });
}

std::optional<std::size_t> World::LastOf(const std::string& room_id, const std::string& user,
                                         std::size_t end) const {
  for (std::size_t i = end; i-- > 0;) {
    const LogEntry& entry = hs_.log()[i];
    if (entry.room_id != room_id || entry.key != user || entry.type != "m.room.member") continue;
    if (!entry.is_pushed) return std::nullopt;  // a reset: no event to go by
    return i;
  }
  return std::nullopt;
}

void World::CheckMint(const MintedIdentity& who, const focus::MintDecision& decision) {
  const auto it = known_.find({who.room_id, who.user_id});
  if (it == known_.end() || !it->second.is_provable || !it->second.position) return;
  const LogEntry& entry = hs_.log()[*it->second.position];
  const bool is_out = entry.event["content"]["membership"] != "join";
  const bool was_reset = snapshot_[who.room_id] > *it->second.position;
  // Where nobody of ours is in the room any more, everybody is let in by the option.
  if (is_out && !was_reset && decision.reason == matrix::MintCase::kJoined) {
    Fail("S6: a token for " + who.identity + ", known to be out");
  }
}

bool World::CanSee(const std::string& room_id) const {
  return std::any_of(stored_.begin(), stored_.end(), [&](const auto& entry) {
    return entry.second.room_id == room_id && entry.second.server_name == "hs" &&
           hs_.MembershipOf(room_id, entry.second.user_id) == "join";
  });
}

}  // namespace fovea::test::admission
