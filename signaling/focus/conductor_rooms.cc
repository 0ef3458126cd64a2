// The Conductor's other half: which rooms are watched, and what the homeserver is asked and says.
#include <algorithm>
#include <charconv>

#include "sfu/core/limits.h"
#include "signaling/focus/conductor.h"
#include "signaling/matrix/ids.h"
#include "signaling/matrix/sync_response.h"

namespace fovea::focus {

using matrix::Evidence;
using matrix::EvidenceKind;
using matrix::IsProxied;
using matrix::MintFacts;
using matrix::MintVerdict;
using matrix::RoomState;
using matrix::SlotStatus;
using matrix::TokenRoute;

// --- Watches -------------------------------------------------------------------------------------

Conductor::Watch* Conductor::WatchRoom(Instant now, const std::string& room_id) {
  if (const auto it = watches_.find(room_id); it != watches_.end()) return &it->second;
  if (tracker_.Watch(room_id) == nullptr) return nullptr;
  Watch& watch = watches_[room_id];
  SetIdle(now, room_id, watch);
  return &watch;
}

void Conductor::SetIdle(Instant now, const std::string& room_id, Watch& watch) {
  EndIdle(room_id, watch);
  watch.idle_at = now + kIdleWatch;
  idle_.emplace(*watch.idle_at, room_id);
  if (idle_.size() <= limits::kIdleWatchesMax) return;
  auto oldest = idle_.begin();
  if (oldest->second == room_id) ++oldest;  // all of them are as old, and this one is in use
  ForgetRoom(std::string(oldest->second));
}

void Conductor::EndIdle(const std::string& room_id, Watch& watch) {
  if (!watch.idle_at) return;
  idle_.erase({*watch.idle_at, room_id});
  watch.idle_at.reset();
}

void Conductor::ForgetRoom(const std::string& room_id) {
  const auto it = watches_.find(room_id);
  if (it == watches_.end()) return;
  EndIdle(room_id, it->second);
  watches_.erase(it);
  schedule_.Forget(room_id);
  tracker_.Unwatch(room_id);
}

void Conductor::RestoreTransactionId(const std::string& id) {
  static_cast<void>(transactions_.Add(id));
}

void Conductor::Start(Instant now) { ReconcileAll(now); }

void Conductor::ReconcileAll(Instant now) {
  for (const auto& [room_id, watch] : watches_) {
    if (!watch.idle_at) schedule_.WantDespiteFailure(room_id, now, Urgency::kRoutine);
  }
  SendQuestions(now);
}

// --- Questions -----------------------------------------------------------------------------------

std::optional<std::string> Conductor::AskAs(const std::string& room_id, const Watch& watch) const {
  if (options_.reads_as_itself) {
    if (watch.refused_as.contains({})) return std::nullopt;
    return std::string();
  }
  const RoomState* room = tracker_.Find(room_id);
  if (room != nullptr) {
    if (auto user = room->members().LocalUser(watch.refused_as)) return user;
  }
  for (const std::string& user_id : table_.UsersOf(room_id)) {
    if (IsLocal(user_id) && !watch.refused_as.contains(user_id)) return user_id;
  }
  for (const std::string& user_id : watch.askers) {
    if (!watch.refused_as.contains(user_id)) return user_id;
  }
  const std::string& last = watch.last_asker;
  if (watch.askers.empty() && !last.empty() && !watch.refused_as.contains(last)) return last;
  // Our own account may have been invited to a room of which we know nobody.
  if (!watch.refused_as.contains({})) return std::string();
  return std::nullopt;
}

// Everyone has their turn in a round: nobody keeps others from theirs by asking more often.
void Conductor::NoteAsker(Watch& watch, const std::string& user_id) {
  std::vector<std::string>& askers = watch.askers;
  if (std::find(askers.begin(), askers.end(), user_id) != askers.end()) return;
  if (askers.size() >= limits::kAskersMax) {
    const auto had_turn = [&watch](const std::string& id) { return watch.refused_as.contains(id); };
    const auto it = std::find_if(askers.begin(), askers.end(), had_turn);
    askers.erase(it == askers.end() ? askers.begin() : it);
  }
  askers.push_back(user_id);
}

void Conductor::EndRound(Watch& watch) {
  watch.refused_as.clear();
  if (!watch.askers.empty()) watch.last_asker = std::move(watch.askers.back());
  watch.askers.clear();
}

void Conductor::SendQuestions(Instant now) {
  while (const auto room_id = schedule_.Poll(now)) {
    const auto it = watches_.find(*room_id);
    if (it == watches_.end()) {
      schedule_.Forget(*room_id);
      continue;
    }
    it->second.asked_id = ++questions_;
    const std::string as_user = AskAs(*room_id, it->second).value_or(std::string());
    actions_.push_back(FetchRoomState{*room_id, as_user, it->second.asked_id});
  }
  while (auto device = devices_.Poll(now)) actions_.push_back(AskDevice{*std::move(device)});
}

void Conductor::HandleRoomState(Instant now, const RoomStateAnswer& answer) {
  const auto asked_at = schedule_.AskedAt(answer.room_id);
  const auto it = watches_.find(answer.room_id);
  const bool is_blind = options_.reads_as_itself && account_.empty();
  // An answer that came after its time-out is older than the question that took its place.
  if (!asked_at || it == watches_.end() || it->second.asked_id != answer.id) return;
  Watch& watch = it->second;
  if (answer.status == RoomStateAnswer::Status::kRefused ||
      answer.status == RoomStateAnswer::Status::kNotAs) {
    HandleRefused(now, answer, watch);
    return SendQuestions(now);
  }
  std::vector<Evidence> evidence;
  bool is_complete = false;
  if (answer.status == RoomStateAnswer::Status::kAnswered && !is_blind) {
    const auto events = matrix::ParseRoomState(answer.body, answer.room_id);
    if (events && IsOutside(*events, answer.as_user)) {
      HandleRefused(now, answer, watch);
      return SendQuestions(now);
    }
    is_complete = events && tracker_.HandleState(At(now), *asked_at, answer.as_user, answer.room_id,
                                                 *events, evidence);
  }
  if (!is_complete) {
    HandleFailed(now, answer.room_id, watch, answer.retry_after);
    return SendQuestions(now);
  }
  watch.last = LastAnswer::kComplete;
  watch.last_at = now;
  EndRound(watch);
  watch.refused.clear();
  watch.not_as.clear();
  schedule_.HandleAnswer(now, answer.room_id, true, Duration::zero());
  const bool look_again = tracker_.Find(answer.room_id)->wants_look();
  if (look_again) {
    schedule_.Want(answer.room_id, now + matrix::kResetConfirmation, Urgency::kUrgent);
  } else if (!watch.idle_at) {
    schedule_.Want(answer.room_id, now + options_.reconcile_every, Urgency::kRoutine);
  }
  Apply(now, evidence);
  JudgeAgain(now, *asked_at, answer.room_id);
  ContinueAbsences(now, *asked_at, answer.room_id);
  Heard(now);
  SendQuestions(now);
}

// A homeserver answers somebody who left with 200 and the room as it was then: everybody who came
// later would look absent, and everybody who left later would look joined.
bool Conductor::IsOutside(const std::vector<matrix::Event>& events,
                          const std::string& as_user) const {
  const std::string& reader = as_user.empty() ? account_ : as_user;
  bool is_whole = false;
  for (const matrix::Event& event : events) {
    is_whole = is_whole || event.kind == matrix::EventKind::kCreate;
    if (event.kind != matrix::EventKind::kRoomMember || event.state_key != reader) continue;
    return matrix::StringIn(event.content, "membership") != "join";
  }
  // A room that anybody may read: /sync does not tell us of it.
  return options_.reads_as_itself && is_whole;
}

void Conductor::NoteFailure(Instant now, Watch& watch) {
  is_failing_ = true;
  watch.last = LastAnswer::kFailed;
  watch.last_at = now;
  // Who was refused before it may be joined again when it is over.
  watch.refused_as.clear();
}

void Conductor::HandleFailed(Instant now, const std::string& room_id, Watch& watch,
                             Duration retry_after) {
  NoteFailure(now, watch);
  schedule_.HandleAnswer(now, room_id, false, retry_after);
  ++evidence_[static_cast<std::size_t>(EvidenceKind::kReconcileFailed)];
}

void Conductor::HandleRefused(Instant now, const RoomStateAnswer& answer, Watch& watch) {
  RoomState& room = *tracker_.Find(answer.room_id);
  const auto asked_at = schedule_.AskedAt(answer.room_id);
  schedule_.HandleAnswer(now, answer.room_id, true, Duration::zero());
  watch.refused_as.insert(answer.as_user);
  std::vector<Evidence> evidence;
  if (answer.status == RoomStateAnswer::Status::kNotAs) {
    if (watch.not_as.size() >= limits::kRefusedUsersMax) watch.not_as.clear();
    watch.not_as.insert(answer.as_user);
  } else if (!answer.as_user.empty()) {
    if (watch.refused.size() >= limits::kRefusedUsersMax) watch.refused.clear();
    watch.refused[answer.as_user] = now;
    room.members().HandleRefusal(now, answer.as_user, evidence);
  }
  if (AskAs(answer.room_id, watch)) {
    schedule_.Want(answer.room_id, now, Urgency::kUrgent);
  } else {
    // Nobody is left to ask as.
    EndRound(watch);
    watch.last = LastAnswer::kRefused;
    watch.last_at = now;
    if (options_.reads_as_itself) room.ForgetState();  // /sync tells us of it no more
    room.AcceptDoubts(now, evidence);
    if (!watch.idle_at) {
      schedule_.Want(answer.room_id, now + options_.reconcile_every, Urgency::kRoutine);
    }
  }
  Apply(now, evidence);
  // It is there, and what it pushes is all that there is to know.
  if (watch.last == LastAnswer::kRefused && asked_at) {
    ContinueAbsences(now, *asked_at, answer.room_id);
  }
  Heard(now);
}

// The homeserver is there. Rooms whose questions it left unanswered are asked about again, one
// after the other at the usual pace.
void Conductor::Heard(Instant now) {
  if (!is_failing_) return;
  is_failing_ = false;
  for (auto& [room_id, watch] : watches_) {
    if (watch.last != LastAnswer::kFailed || schedule_.AskedAt(room_id)) continue;
    schedule_.WantDespiteFailure(room_id, now, Urgency::kRoutine);
  }
}

// --- Pushes --------------------------------------------------------------------------------------

void Conductor::NoteTransaction(Instant now, const std::string& txn_id) {
  if (auto forgotten = transactions_.Add(txn_id)) {
    store_.push_back(RemoveTransactionId{*std::move(forgotten)});
  }
  store_.push_back(PutTransactionId{txn_id.substr(0, limits::kTransactionIdBytesMax)});
  std::uint64_t number = 0;
  const char* end = txn_id.data() + txn_id.size();
  const auto parsed = std::from_chars(txn_id.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return;
  // Synapse counts them: a missing one was lost, and its events with it.
  const bool has_gap = last_txn_number_ && number != *last_txn_number_ + 1;
  last_txn_number_ = number;
  if (has_gap) ReconcileAll(now);
}

// Of a room that nobody let us read, a push may name a user of ours who can.
void Conductor::NoteSender(Instant now, const matrix::Event& event) {
  const auto it = watches_.find(event.room_id);
  if (it == watches_.end() || it->second.last != LastAnswer::kRefused) return;
  if (!IsLocal(event.sender) || it->second.last_asker == event.sender) return;
  NoteAsker(it->second, event.sender);
  schedule_.Want(event.room_id, now, Urgency::kRoutine);
}

TransactionOutcome Conductor::HandleTransaction(Instant now, const std::string& txn_id,
                                                std::string_view body) {
  if (transactions_.Contains(txn_id)) return TransactionOutcome::kRepeated;
  const auto transaction = matrix::ParseTransaction(body, [this](std::string_view room_id) {
    return tracker_.Find(std::string(room_id)) != nullptr;
  });
  if (!transaction) return TransactionOutcome::kMalformed;
  NoteTransaction(now, txn_id);
  for (const matrix::Event& event : transaction->events) {
    NoteSender(now, event);
    std::vector<Evidence> evidence;
    tracker_.HandleEvent(At(now), event, false, evidence);
    Apply(now, evidence);
  }
  for (const std::string& user_id : transaction->changed_devices) devices_.HandleHint(now, user_id);
  last_heard_ = now;
  Heard(now);
  SendQuestions(now);
  return TransactionOutcome::kTaken;
}

std::optional<std::string> Conductor::HandleSync(Instant now, std::string_view body) {
  auto sync = matrix::ParseSync(body, [this](std::string_view room_id) {
    return tracker_.Find(std::string(room_id)) != nullptr;
  });
  if (!sync) return std::nullopt;
  for (const matrix::SyncRoom& room : sync->joined) {
    for (std::size_t i = 0; i < room.events.size(); ++i) {
      std::vector<Evidence> evidence;
      const bool is_current = room.has_state_after && i < room.state_events;
      tracker_.HandleEvent(At(now), room.events[i], is_current, evidence);
      Apply(now, evidence);
    }
    if (room.is_limited) schedule_.Want(room.room_id, now, Urgency::kUrgent);
  }
  for (const std::string& room_id : sync->left) {
    RoomState* state = tracker_.Find(room_id);
    if (state == nullptr) continue;
    // Our own account is out: what we know grows old, and nobody else is concerned.
    state->ForgetState();
    schedule_.Want(room_id, now, Urgency::kRoutine);
  }
  last_heard_ = now;
  Heard(now);
  SendQuestions(now);
  return std::move(sync->next_batch);
}

// --- Tokens --------------------------------------------------------------------------------------

MintFacts Conductor::FactsFor(Instant now, const MintQuery& query, const Watch& watch) const {
  const RoomState& room = *tracker_.Find(query.room_id);
  MintFacts facts{.is_table_full = table_.IsFull(query.room_id, query.user_id),
                  .is_server_denied = !room.Permits(matrix::ServerNameOf(query.user_id)),
                  .was_asked = query.was_asked,
                  .unknown_room_allowed = options_.unknown_room_allowed && !IsProxied(query.route)};
  const bool slots_bind =
      IsProxied(query.route) || (query.route == TokenRoute::kOpenId && options_.slots_bind_openid);
  facts.is_slot_closed = slots_bind && room.Slot(query.slot_id) == SlotStatus::kClosed;
  const matrix::UserRecord* user = room.members().Find(query.user_id);
  const auto complete_at = room.complete_at();
  facts.is_joined = user != nullptr && user->membership == matrix::Membership::kJoin;
  const bool is_certain = user != nullptr && !user->doubt && !user->missing_since;
  if (complete_at && is_certain) {
    // A push proves that everything before it has arrived.
    const Instant confirmed = std::max(*complete_at, last_heard_.value_or(*complete_at));
    facts.is_fresh = now - confirmed <= matrix::kKnowledgeMax;
  }
  const auto refused = watch.refused.find(query.user_id);
  const bool was_refused =
      refused != watch.refused.end() && now - refused->second <= kAnswerGoodFor;
  const bool is_answered = watch.last != LastAnswer::kNone && now - watch.last_at <= kAnswerGoodFor;
  const bool is_known_out = user != nullptr && !user->doubt && !facts.is_joined &&
                            user->membership != matrix::Membership::kUnknown;
  facts.is_known_room =
      was_refused || is_known_out || (is_answered && watch.last == LastAnswer::kComplete);
  // Of a user of ours as whom nothing was asked, or of whom the answer is forgotten, nothing is
  // known: not even that the room is none of ours.
  const bool is_open = IsLocal(query.user_id) && !options_.reads_as_itself && !is_known_out;
  facts.is_unreachable = !was_refused && (!is_answered || watch.last == LastAnswer::kFailed ||
                                          watch.not_as.contains(query.user_id) ||
                                          (watch.last == LastAnswer::kRefused && is_open));
  if (const Told* told = TellOf(now, query.room_id, query.user_id)) {
    facts.is_joined = facts.is_fresh = told->answer == matrix::JoinedAnswer::kJoined;
    facts.is_known_room = true;
    facts.is_unreachable = false;
  }
  return facts;
}

// The room's state may be shown to nobody whom we know, and may be large; this is one word.
bool Conductor::AskAboutUser(Instant now, const MintQuery& query, Watch& watch) {
  if (!IsProxied(query.route) || options_.reads_as_itself) return false;
  if (watch.told.size() >= limits::kToldUsersMax) watch.told.clear();
  watch.told[query.user_id] = {.at = now, .asked_at = now};
  actions_.push_back(AskIsJoined{query.room_id, query.user_id});
  return true;
}

void Conductor::HandleIsJoined(Instant now, const AskIsJoined& question,
                               matrix::JoinedAnswer answer) {
  const auto watch = watches_.find(question.room_id);
  if (watch == watches_.end()) return;
  // Gone: something happened to the user since, and counts.
  const auto told = watch->second.told.find(question.user_id);
  if (told == watch->second.told.end()) return;
  told->second.answer = answer;
  told->second.at = now;
}

const Conductor::Told* Conductor::TellOf(Instant now, const std::string& room_id,
                                         const std::string& user_id) const {
  const auto watch = watches_.find(room_id);
  if (watch == watches_.end()) return nullptr;
  const auto told = watch->second.told.find(user_id);
  if (told == watch->second.told.end()) return nullptr;
  const Told& word = told->second;
  if (word.answer == matrix::JoinedAnswer::kUnknown || now - word.at > kAnswerGoodFor) {
    return nullptr;
  }
  // The part of the homeserver that answers may be behind what another one has pushed.
  const matrix::UserRecord* user = tracker_.Find(room_id)->members().Find(user_id);
  const bool may_lag = user != nullptr && !user->version.event_id().empty() &&
                       user->version.received_at() + matrix::kReplicationLagMax > word.asked_at;
  return may_lag ? nullptr : &word;
}

void Conductor::ForgetTold(const Evidence& evidence) {
  if (evidence.user_id.empty() || evidence.member) return;
  const auto watch = watches_.find(evidence.room_id);
  if (watch == watches_.end()) return;
  watch->second.told.erase(evidence.user_id);
  if (evidence.kind == EvidenceKind::kUserJoined) watch->second.refused_as.erase(evidence.user_id);
}

MintDecision Conductor::MayMint(Instant now, const MintQuery& query) {
  MintFacts facts{.is_watching = !options_.homeserver.empty()};
  if (!facts.is_watching) {
    const auto& row = matrix::DecideMint(facts);
    return {.verdict = row.verdict, .reason = row.which, .not_before_unix = NotBefore(query)};
  }
  Watch* watch = WatchRoom(now, query.room_id);
  if (watch == nullptr) {
    return {.verdict = MintVerdict::kDeny, .reason = matrix::MintCase::kTableFull};
  }
  if (watch->idle_at) SetIdle(now, query.room_id, *watch);
  if (!query.was_asked && IsLocal(query.user_id)) NoteAsker(*watch, query.user_id);
  tracker_.Find(query.room_id)->members().Reserve(query.user_id);
  facts = FactsFor(now, query, *watch);
  if (facts.was_asked && facts.is_unreachable && watch->last != LastAnswer::kRefused &&
      !tracker_.Find(query.room_id)->complete_at()) {
    // After our own restart the tokens given shortly before it are what is left of our knowledge.
    const std::int64_t since = WallMs(now) / 1000 - ToMillis(matrix::kKnowledgeMax) / 1000;
    for (const AdmissionKey& key : table_.OfUser(query.room_id, query.user_id)) {
      const Admission* row = table_.Find(key);
      if (row->is_evicted || row->minted.issued_unix < since) continue;
      facts.is_joined = facts.is_fresh = true;
    }
  }
  const auto& row = matrix::DecideMint(facts);
  MintDecision decision{
      .verdict = row.verdict, .reason = row.which, .not_before_unix = NotBefore(query)};
  if (row.verdict == MintVerdict::kAskHomeserver) {
    decision.asks_is_joined = AskAboutUser(now, query, *watch);
    schedule_.WantDespiteFailure(query.room_id, now, Urgency::kUrgent);
    SendQuestions(now);
  }
  return decision;
}

std::int64_t Conductor::NotBefore(const MintQuery& query) {
  std::int64_t not_before = 0;
  for (const AdmissionKey& key : table_.OfUser(query.room_id, query.user_id)) {
    not_before = std::max(not_before, table_.Find(key)->tokens_before_unix);
  }
  return not_before;
}

}  // namespace fovea::focus
