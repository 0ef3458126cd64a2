#include "signaling/matrix/room_members.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/matrix/ids.h"

namespace fovea::matrix {
namespace {

std::optional<Membership> MembershipIn(const Event& event) {
  const std::string text = StringIn(event.content, "membership");
  if (text == "join") return Membership::kJoin;
  if (text == "leave") return Membership::kLeave;
  if (text == "ban") return Membership::kBan;
  if (text == "invite") return Membership::kInvite;
  if (text == "knock") return Membership::kKnock;
  return std::nullopt;
}

bool IsOut(Membership membership) {
  return membership == Membership::kLeave || membership == Membership::kBan;
}

// Puts somebody out who was given a token later: they were joined by a state or the homeserver's
// word, whatever the pushes have come to.
bool IsBehindToken(const UserRecord& record, const Event& event) {
  return record.pins > 0 && MembershipIn(event) != Membership::kJoin &&
         event.origin_server_ts_ms < record.token_at_ms;
}

// Nothing hangs on it that the next complete state would not tell as well.
bool IsForgettable(const UserRecord& record) {
  return record.pins == 0 && !record.doubt && !record.is_undecided;
}

}  // namespace

void RoomMembers::Emit(EvidenceKind kind, const std::string& user_id,
                       std::vector<Evidence>& out) const {
  out.push_back({.kind = kind,
                 .room_id = room_id_,
                 .user_id = user_id,
                 .slot_id = {},
                 .member = std::nullopt});
}

UserRecord* RoomMembers::Record(const std::string& user_id, Membership membership) {
  if (const auto it = users_.find(user_id); it != users_.end()) return &it->second;
  if (users_.size() >= limits::kRoomUsersMax) {
    forgets_ = true;
    sparse_ = sparse_ || membership == Membership::kJoin;
    return nullptr;
  }
  return &users_[user_id];
}

RoomMembers::Users::iterator RoomMembers::Forget(Users::iterator it) {
  ClearDoubt(it->second);
  forgets_ = true;
  sparse_ = sparse_ || it->second.membership == Membership::kJoin;
  local_joined_.erase(it->first);
  return users_.erase(it);
}

void RoomMembers::MakePlace(std::size_t joined) {
  for (auto it = users_.begin();
       it != users_.end() && users_.size() + joined > limits::kRoomUsersMax;) {
    const bool goes = IsForgettable(it->second) && it->second.membership != Membership::kJoin;
    it = goes ? Forget(it) : std::next(it);
  }
}

void RoomMembers::Reserve(const std::string& user_id) {
  if (users_.contains(user_id)) return;
  if (users_.size() >= limits::kRoomUsersMax) {
    const auto is_forgettable = [](const auto& entry) { return IsForgettable(entry.second); };
    // Anybody's, but not always the same one's.
    const auto from = users_.lower_bound(user_id);
    auto it = std::find_if(from, users_.end(), is_forgettable);
    if (it == users_.end()) it = std::find_if(users_.begin(), from, is_forgettable);
    if (it != users_.end() && is_forgettable(*it)) Forget(it);
  }
  users_[user_id];
}

void RoomMembers::HandleEvent(Instant now, const Event& event, bool from_state,
                              std::vector<Evidence>& out) {
  const std::string& user_id = *event.state_key;
  const auto membership = MembershipIn(event);
  if (!membership || ServerNameOf(user_id).empty()) return;
  if (forgets_ && !users_.contains(user_id)) {
    // It may be older than what was forgotten.
    sparse_ = sparse_ || *membership == Membership::kJoin;
    return;
  }
  UserRecord* record = Record(user_id, *membership);
  if (record == nullptr) return;
  switch (record->version.Compare(event)) {
    case StateOrder::kSame:
      record->is_ahead = false;  // the pushes have come to where the complete state was
      return;
    case StateOrder::kOlder:
      // A repetition; unless it is the current state, and then the room was reset to it.
      if (from_state) Doubt(now, *record, event, out);
      return;
    case StateOrder::kDoubtful:
      return Doubt(now, *record, event, out);
    case StateOrder::kFirst: {
      // Somebody with a token was joined once; a leave may be one that they have come back from.
      const bool was_joined = record->pins > 0;
      const bool readmits = *membership == Membership::kJoin && IsOut(record->membership);
      if (readmits || (was_joined && *membership != Membership::kJoin)) {
        return Doubt(now, *record, event, out);
      }
      Apply(now, user_id, *record, event, out);
      // And a join may be one that they had before that.
      record->is_undecided = was_joined;
      return;
    }
    case StateOrder::kPlausible:
      return HandlePlausible(now, *record, event, out);
    case StateOrder::kProven:
      return HandleProven(now, *record, event, out);
  }
}

void RoomMembers::HandlePlausible(Instant now, UserRecord& record, const Event& event,
                                  std::vector<Evidence>& out) {
  const bool joins = MembershipIn(event) == Membership::kJoin;
  // It may be from a backlog that a complete state has overtaken.
  const bool may_be_past = record.is_undecided || record.is_ahead;
  const bool is_uncertain =
      joins ? IsOut(record.membership) : may_be_past || IsBehindToken(record, event);
  if (is_uncertain) return Doubt(now, record, event, out);
  // Says nothing new; what the complete state told stays the measure of the pushes behind it.
  if (may_be_past && record.membership == Membership::kJoin) return;
  const bool was_undecided = record.is_undecided;
  Apply(now, *event.state_key, record, event, out);
  record.is_undecided = was_undecided;  // as where the order is proven
}

void RoomMembers::HandleProven(Instant now, UserRecord& record, const Event& event,
                               std::vector<Evidence>& out) {
  const std::string& user_id = *event.state_key;
  // What comes behind it may have overtaken it: the two together are one step.
  const bool is_chain = record.doubt && record.doubt->replaces_state == event.event_id;
  const Event last = is_chain ? *record.doubt : event;
  const bool was_undecided = record.is_undecided;
  const bool may_be_past = was_undecided || IsBehindToken(record, last);
  if (may_be_past && MembershipIn(last) != Membership::kJoin) {
    return Doubt(now, record, last, out);
  }
  Apply(now, user_id, record, last, out);
  record.is_undecided = was_undecided;  // a further step of a backlog, for all that is known
}

void RoomMembers::Doubt(Instant now, UserRecord& record, const Event& event,
                        std::vector<Evidence>& out) {
  if (!record.doubt) ++doubts_;
  record.doubt = event;
  record.doubted_at = now;
  Emit(EvidenceKind::kUserDoubtful, *event.state_key, out);
}

void RoomMembers::ClearDoubt(UserRecord& record) {
  if (record.doubt) --doubts_;
  record.doubt.reset();
}

void RoomMembers::Apply(Instant now, const std::string& user_id, UserRecord& record,
                        const Event& event, std::vector<Evidence>& out) {
  const Membership before = record.membership;
  const Membership after = *MembershipIn(event);
  record.version.Set(now, event);
  record.missing_since.reset();
  record.is_undecided = false;
  record.is_ahead = false;
  ClearDoubt(record);
  switch (after) {
    case Membership::kJoin:
      if (before != Membership::kJoin) Emit(EvidenceKind::kUserJoined, user_id, out);
      break;
    case Membership::kBan:
      Emit(EvidenceKind::kUserBanned, user_id, out);
      break;
    case Membership::kLeave:
      Emit(event.sender == user_id ? EvidenceKind::kUserLeft : EvidenceKind::kUserKicked, user_id,
           out);
      break;
    case Membership::kInvite:
    case Membership::kKnock: {
      // Nobody is invited while joined: the leave between the two did not reach us. A token speaks
      // of having been joined, too.
      const bool was_joined =
          before == Membership::kJoin || (before == Membership::kUnknown && record.pins > 0);
      Emit(was_joined ? EvidenceKind::kUserLeft : EvidenceKind::kUserInvited, user_id, out);
      break;
    }
    case Membership::kUnknown:
      break;
  }
  SetMembership(user_id, record, after, out);
}

void RoomMembers::SetMembership(const std::string& user_id, UserRecord& record,
                                Membership membership, std::vector<Evidence>& out) {
  record.membership = membership;
  if (ServerNameOf(user_id) != homeserver_) return;
  if (membership == Membership::kJoin) {
    local_joined_.insert(user_id);
    return;
  }
  const bool was_joined = local_joined_.erase(user_id) > 0;
  if (was_joined && local_joined_.empty() && complete_ && !sparse_) {
    Emit(EvidenceKind::kHomeserverGone, {}, out);
  }
}

bool RoomMembers::ApplyTold(Instant now, Instant requested_at, UserRecord& record,
                            const Event& event, std::vector<Evidence>& out) {
  const std::optional<Event> doubt = record.doubt;
  const bool was_pushed = doubt && doubt->event_id == event.event_id;
  const Instant doubted_at = record.doubted_at;
  Apply(now, *event.state_key, record, event, out);
  record.is_ahead = !was_pushed;
  if (!doubt || was_pushed) return false;
  return !SettleDoubt(now, requested_at, record, *doubt, doubted_at, out);
}

bool RoomMembers::SettleDoubt(Instant now, Instant requested_at, UserRecord& record,
                              const Event& doubt, Instant doubted_at, std::vector<Evidence>& out) {
  ClearDoubt(record);
  if (doubted_at + kReplicationLagMax <= requested_at) {
    record.version.SetPast(doubt.event_id);  // the homeserver knew it when it answered
    return true;
  }
  if (doubt.replaces_state == record.version.event_id()) {
    Apply(now, *doubt.state_key, record, doubt, out);
    return true;
  }
  record.doubt = doubt;
  record.doubted_at = doubted_at;
  ++doubts_;
  return false;
}

bool RoomMembers::Adopt(Instant now, Instant requested_at, const Event& event,
                        std::vector<Evidence>& out) {
  const std::string& user_id = *event.state_key;
  const auto membership = MembershipIn(event);
  if (!membership || ServerNameOf(user_id).empty()) return false;
  UserRecord* record = Record(user_id, *membership);
  if (record == nullptr) return false;
  const StateOrder order = record->version.Compare(event);
  const bool asked_later = record->version.received_at() + kReplicationLagMax <= requested_at;
  switch (order) {
    case StateOrder::kFirst:
    case StateOrder::kProven:
      return ApplyTold(now, requested_at, *record, event, out);
    case StateOrder::kSame: {
      const bool reset = record->membership != *membership;
      record->is_undecided = false;
      record->missing_since.reset();
      if (reset && asked_later) return ApplyTold(now, requested_at, *record, event, out);
      if (!record->doubt) return false;
      const Event doubt = *record->doubt;
      return !SettleDoubt(now, requested_at, *record, doubt, record->doubted_at, out);
    }
    case StateOrder::kOlder:
      if (!asked_later) {
        record->is_undecided = true;  // the answer is behind the pushes, or the room was reset
        return true;
      }
      if (*membership == Membership::kJoin || record->membership != Membership::kJoin) {
        return ApplyTold(now, requested_at, *record, event, out);
      }
      return Miss(now, user_id, *record, out);
    case StateOrder::kPlausible:
    case StateOrder::kDoubtful:
      // What was pushed after the question may be later than the answer.
      if (!asked_later && !(record->doubt && record->doubt->event_id == event.event_id)) {
        record->is_undecided = true;
        return true;
      }
      return ApplyTold(now, requested_at, *record, event, out);
  }
  return false;
}

bool RoomMembers::Miss(Instant now, const std::string& user_id, UserRecord& record,
                       std::vector<Evidence>& out) {
  if (!record.missing_since) {
    record.missing_since = now;
    Emit(EvidenceKind::kUserMissingOnce, user_id, out);
    return true;
  }
  if (now - *record.missing_since < kResetConfirmation) return true;
  record.missing_since.reset();
  ClearDoubt(record);
  Emit(EvidenceKind::kUserMissingTwice, user_id, out);
  SetMembership(user_id, record, Membership::kLeave, out);
  return false;
}

bool RoomMembers::HandleState(Instant now, Instant requested_at,
                              const std::vector<const Event*>& members,
                              std::vector<Evidence>& out) {
  const bool was_complete = complete_;
  complete_ = false;  // no conclusions from a half-applied state
  bool look_again = false;
  std::set<std::string> named;
  std::vector<const Event*> strangers;
  for (const Event* event : members) {
    if (!named.insert(*event->state_key).second) continue;
    if (!users_.contains(*event->state_key)) {
      strangers.push_back(event);
    } else if (Adopt(now, requested_at, *event, out)) {
      look_again = true;
    }
  }
  forgets_ = sparse_ = false;
  const auto others = std::stable_partition(
      strangers.begin(), strangers.end(),
      [](const Event* event) { return MembershipIn(*event) == Membership::kJoin; });
  MakePlace(static_cast<std::size_t>(others - strangers.begin()));
  for (const Event* event : strangers) {
    if (Adopt(now, requested_at, *event, out)) look_again = true;
  }
  complete_ = was_complete;
  for (auto it = users_.begin(); it != users_.end();) {
    const auto current = it++;
    UserRecord& record = current->second;
    if (named.contains(current->first)) continue;
    if (record.version.received_at() + kReplicationLagMax > requested_at &&
        !record.version.event_id().empty()) {
      continue;
    }
    const bool matters = record.pins > 0 || record.membership == Membership::kJoin;
    if (matters && !IsOut(record.membership)) {
      if (Miss(now, current->first, record, out)) look_again = true;
    } else if (record.pins == 0) {
      ClearDoubt(record);
      // The measure of a backlog; a single state without it may be wrong.
      if (record.is_undecided && !record.missing_since) {
        record.missing_since = now;
      } else {
        users_.erase(current);
      }
    } else if (record.doubt) {
      ClearDoubt(record);
    }
  }
  complete_ = true;
  return look_again;
}

void RoomMembers::AcceptDoubts(Instant now, std::vector<Evidence>& out) {
  for (auto& [user_id, record] : users_) {
    if (!record.doubt) continue;
    const Event event = std::move(*record.doubt);
    // Readmission needs a proof that nobody can give: the user may ask for a token again.
    const bool readmits = MembershipIn(event) == Membership::kJoin && IsOut(record.membership);
    // Behind what a complete state or a token told it is as likely from before.
    const bool may_be_past =
        record.is_ahead || record.is_undecided || record.version.event_id().empty();
    if (readmits || may_be_past || record.version.IsPast(event.event_id)) {
      ClearDoubt(record);
    } else {
      Apply(now, user_id, record, event, out);
    }
  }
}

void RoomMembers::HandleRefusal(Instant now, const std::string& user_id,
                                std::vector<Evidence>& out) {
  const auto it = users_.find(user_id);
  if (it == users_.end() || IsOut(it->second.membership)) return;
  if (it->second.pins == 0 && it->second.membership != Membership::kJoin) return;
  const std::optional<Event>& doubt = it->second.doubt;
  if (doubt && MembershipIn(*doubt) != Membership::kJoin) {
    // The homeserver agrees with the event.
    const Event event = *doubt;
    return Apply(now, user_id, it->second, event, out);
  }
  static_cast<void>(Miss(now, user_id, it->second, out));
}

void RoomMembers::Pin(const std::string& user_id) { ++users_[user_id].pins; }

void RoomMembers::NoteToken(const std::string& user_id, std::int64_t token_at_ms) {
  const auto it = users_.find(user_id);
  if (it == users_.end()) return;
  it->second.token_at_ms = std::max(it->second.token_at_ms, token_at_ms);
}

void RoomMembers::Unpin(const std::string& user_id) {
  const auto it = users_.find(user_id);
  if (it == users_.end() || it->second.pins == 0) return;
  if (--it->second.pins > 0) return;
  if (users_.size() > limits::kRoomUsersMax) {
    Forget(it);
  } else if (it->second.membership == Membership::kUnknown) {
    ClearDoubt(it->second);
    users_.erase(it);
  }
}

const UserRecord* RoomMembers::Find(const std::string& user_id) const {
  const auto it = users_.find(user_id);
  return it == users_.end() ? nullptr : &it->second;
}

std::optional<std::string> RoomMembers::LocalUser(const std::set<std::string>& but_not) const {
  for (const std::string& user_id : local_joined_) {
    if (!but_not.contains(user_id)) return user_id;
  }
  return std::nullopt;
}

bool RoomMembers::IsConsistent() const {
  std::size_t doubts = 0;
  std::size_t local = 0;
  for (const auto& [user_id, record] : users_) {
    if (record.doubt) ++doubts;
    const bool is_local = ServerNameOf(user_id) == homeserver_;
    if (is_local && record.membership == Membership::kJoin) {
      ++local;
      if (!local_joined_.contains(user_id)) return false;
    }
  }
  return doubts == doubts_ && local == local_joined_.size();
}

}  // namespace fovea::matrix
