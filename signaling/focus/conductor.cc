#include "signaling/focus/conductor.h"

#include <algorithm>

#include "signaling/matrix/ids.h"
#include "signaling/matrix/mint.h"

namespace fovea::focus {

using matrix::Evidence;
using matrix::EvidenceKind;
using matrix::Generation;
using matrix::MintedIdentity;
using matrix::PolicyAction;
using matrix::RoomState;
using matrix::TokenRoute;

namespace {

Generation GenerationOf(TokenRoute route) {
  switch (route) {
    case TokenRoute::kLegacy:
      return Generation::k1;
    case TokenRoute::kOpenId:
      return Generation::k2;
    case TokenRoute::kHomeserver:
    case TokenRoute::kFederation:
      return Generation::k3;
  }
  return Generation::k1;
}

}  // namespace

Conductor::Conductor(ConductorOptions options, WallOffset wall_offset, Rng rng)
    : options_(std::move(options)),
      policy_(options_.policy.empty() ? matrix::AdmissionPolicy() : options_.policy),
      wall_offset_(std::move(wall_offset)),
      tracker_(options_.homeserver),
      schedule_(rng) {}

std::int64_t Conductor::WallMs(Instant now) const { return WallAt(wall_offset_, now).value / 1000; }

bool Conductor::IsLocal(std::string_view user_id) const {
  return matrix::ServerNameOf(user_id) == options_.homeserver;
}

bool Conductor::WatchesDevice(const MintedIdentity& minted) const {
  // Without an application service nobody is asked as somebody else.
  return !options_.homeserver.empty() && !options_.reads_as_itself && !minted.device_id.empty() &&
         IsLocal(minted.user_id);
}

// --- Rows ----------------------------------------------------------------------------------------

void Conductor::RecordMint(Instant now, const MintedIdentity& minted) {
  AddRow(now, minted);
  store_.push_back(PutMinted{table_.Find({minted.room_name, minted.identity})->minted});
  const auto watch = watches_.find(minted.room_id);
  if (watch != watches_.end() && watch->second.last == LastAnswer::kNone) {
    schedule_.Want(minted.room_id, now, Urgency::kRoutine);
  }
  SendQuestions(now);
}

void Conductor::AddRow(Instant now, const MintedIdentity& minted) {
  const AdmissionKey key{minted.room_name, minted.identity};
  const bool is_new = table_.Find(key) == nullptr;
  Admission& row = table_.Insert(minted);
  if (is_new && !options_.homeserver.empty()) {
    if (Watch* watch = WatchRoom(now, minted.room_id)) {
      EndIdle(minted.room_id, *watch);
      tracker_.Find(minted.room_id)->members().Pin(minted.user_id);
    }
  }
  if (WatchesDevice(minted)) {
    const DeviceKey device{minted.user_id, minted.device_id};
    devices_.Add(now, device);
    if (!is_new) devices_.Remove(device);  // counted already; asked about again if it was gone
  }
  row.minted.issued_unix = std::max(row.minted.issued_unix, minted.issued_unix);
  row.minted.expires_unix = std::max(row.minted.expires_unix, minted.expires_unix);
  row.minted.full_access = minted.full_access;
  if (RoomState* room = tracker_.Find(minted.room_id)) {
    // Behind an eviction a token says that it was issued in the next second.
    room->members().NoteToken(minted.user_id, std::min(row.minted.issued_unix * 1000, WallMs(now)));
  }
  row.is_evicted = minted.issued_unix < row.tokens_before_unix;
  const std::int64_t lifetime = std::max<std::int64_t>(0, minted.expires_unix - minted.issued_unix);
  row.keep_until = std::max(row.keep_until, now + Seconds(lifetime + kTokenSlackSeconds));
  table_.UpdateTimer(key);
  const Told* told = TellOf(now, minted.room_id, minted.user_id);
  const bool is_told = told != nullptr && told->answer == matrix::JoinedAnswer::kJoined;
  row.told_at.reset();
  // What came in between the decision and now counts, too; a doubt was there to be decided upon,
  // and so was the homeserver's word.
  const auto reason = OutReason(row);
  if (reason && (reason == EvidenceKind::kServerDenied || !(is_told || HasDoubt(minted)))) {
    EvictRow(now, key, row, *reason);
  } else if (reason) {
    row.told_at = is_told ? told->asked_at : now;
    schedule_.Want(minted.room_id, now + matrix::kResetConfirmation, Urgency::kUrgent);
  }
}

void Conductor::JudgeAgain(Instant now, Instant requested_at, const std::string& room_id) {
  for (const AdmissionKey& key : table_.OfRoom(room_id)) {
    Admission& row = *table_.Find(key);
    if (!row.told_at || row.is_evicted) continue;
    const auto reason = OutReason(row);
    if (!reason) row.told_at.reset();
    if (!reason || HasDoubt(row.minted)) continue;
    if (*row.told_at + matrix::kReplicationLagMax > requested_at) {
      schedule_.Want(room_id, now + matrix::kResetConfirmation, Urgency::kUrgent);
    } else {
      EvictRow(now, key, row, *reason);
    }
  }
}

void Conductor::RestoreMinted(Instant now, const MintedIdentity& minted) {
  const std::int64_t left = minted.expires_unix + kTokenSlackSeconds - WallMs(now) / 1000;
  AddRow(now, minted);
  const AdmissionKey key{minted.room_name, minted.identity};
  Admission* row = table_.Find(key);
  // Somebody who was connected may hold a refreshed token that is younger than the row.
  row->keep_until = now + std::max(kAfterLeft, Seconds(std::max<std::int64_t>(0, left)));
  table_.UpdateTimer(key);
}

void Conductor::RestoreRevocation(Instant /*now*/, const Revocation& revocation) {
  const AdmissionKey key{revocation.room_name, revocation.identity};
  Admission* row = table_.Find(key);
  if (row == nullptr) return;
  row->tokens_before_unix = std::max(row->tokens_before_unix, revocation.tokens_before_unix);
  row->is_evicted = row->minted.issued_unix < row->tokens_before_unix;
  // The rooms start with an empty list of revocations.
  actions_.push_back(
      Evict{key.room_name, key.identity, EvidenceKind::kUserLeft, row->tokens_before_unix});
}

void Conductor::EraseRow(Instant now, const AdmissionKey& key) {
  const Admission* row = table_.Find(key);
  if (row == nullptr) return;
  const std::string room_id = row->minted.room_id;
  const std::string user_id = row->minted.user_id;
  if (WatchesDevice(row->minted)) devices_.Remove({user_id, row->minted.device_id});
  table_.Erase(key);
  store_.push_back(RemoveMinted{key.room_name, key.identity});
  if (RoomState* room = tracker_.Find(room_id)) room->members().Unpin(user_id);
  const auto watch = watches_.find(room_id);
  if (watch != watches_.end() && !table_.HasRoom(room_id)) SetIdle(now, room_id, watch->second);
}

void Conductor::HandleConnected(Instant now, const std::string& room_name,
                                const std::string& identity) {
  const AdmissionKey key{room_name, identity};
  Admission* row = table_.Find(key);
  if (row == nullptr) return;
  ++row->connections;
  devices_.HandleConnected(now, {row->minted.user_id, row->minted.device_id});
  table_.UpdateTimer(key);
  if (const auto change = ledger_.HandleConnected(WallMs(now), row->minted)) {
    actions_.push_back(CallChanged{room_name, *change});
  }
  // Slipped in between the evidence and the revocation.
  if (row->is_evicted) {
    actions_.push_back(
        Evict{room_name, identity, EvidenceKind::kUserLeft, row->tokens_before_unix});
  }
  if (IsMember(*row)) {
    // Said to take part before it connected: its leaves are to be heeded.
    row->was_member = true;
    Restore(key, *row);
  } else if (row->absence) {
    // Who comes again has the whole time again. Its token may be from before it was silenced.
    row->absence->since = now;
    row->absence->is_silent = false;
    row->absence->asked_since.reset();
    table_.UpdateTimer(key);
  }
}

void Conductor::HandleLeft(Instant now, const std::string& room_name, const std::string& identity,
                           DepartureReason reason) {
  const AdmissionKey key{room_name, identity};
  Admission* row = table_.Find(key);
  if (row == nullptr || row->connections == 0) return;
  --row->connections;
  devices_.HandleLeft({row->minted.user_id, row->minted.device_id});
  std::vector<CallChangeKind> changes;
  ledger_.HandleLeft(WallMs(now), room_name, identity, reason, changes);
  for (const CallChangeKind change : changes) actions_.push_back(CallChanged{room_name, change});
  if (row->connections == 0) {
    row->keep_until = std::max(row->keep_until, now + kAfterLeft);
  }
  table_.UpdateTimer(key);
}

void Conductor::HandleAborted(Instant now, const std::string& room_name,
                              const std::string& identity) {
  const AdmissionKey key{room_name, identity};
  Admission* row = table_.Find(key);
  if (row == nullptr) return;
  row->keep_until = std::max(row->keep_until, now + kAfterLeft);
  table_.UpdateTimer(key);
}

void Conductor::HandlePublishing(Instant /*now*/, const std::string& room_name,
                                 const std::string& identity, std::size_t audio_tracks,
                                 std::size_t video_tracks) {
  if (const auto change =
          ledger_.HandlePublishing(room_name, identity, audio_tracks, video_tracks)) {
    actions_.push_back(CallChanged{room_name, *change});
  }
}

// --- Evidence ------------------------------------------------------------------------------------

matrix::Situation Conductor::SituationOf(const Admission& row) const {
  return {.generation = GenerationOf(row.minted.route),
          .is_connected = row.connections > 0,
          .was_member = row.was_member,
          .slots_bind_openid = options_.slots_bind_openid};
}

std::optional<EvidenceKind> Conductor::OutReason(const Admission& row) const {
  const RoomState* room = tracker_.Find(row.minted.room_id);
  if (room == nullptr) return std::nullopt;
  std::optional<EvidenceKind> reason;
  const matrix::UserRecord* user = room->members().Find(row.minted.user_id);
  if (!room->Permits(matrix::ServerNameOf(row.minted.user_id))) {
    reason = EvidenceKind::kServerDenied;
  } else if (user != nullptr && user->membership == matrix::Membership::kBan) {
    reason = EvidenceKind::kUserBanned;
  } else if (user != nullptr && user->membership != matrix::Membership::kUnknown &&
             user->membership != matrix::Membership::kJoin) {
    reason = EvidenceKind::kUserLeft;
  }
  if (!reason) return std::nullopt;
  const bool evicts = Decide(policy_, *reason, SituationOf(row)).action == PolicyAction::kEvict;
  return evicts ? reason : std::nullopt;
}

bool Conductor::HasDoubt(const MintedIdentity& minted) const {
  const RoomState* room = tracker_.Find(minted.room_id);
  const matrix::UserRecord* user = room == nullptr ? nullptr : room->members().Find(minted.user_id);
  return user != nullptr && user->doubt.has_value();
}

void Conductor::Apply(Instant now, const std::vector<Evidence>& evidence) {
  for (const Evidence& item : evidence) {
    ++evidence_[static_cast<std::size_t>(item.kind)];
    ForgetTold(item);
    ApplyToRoom(now, item);
  }
}

void Conductor::ApplyToRoom(Instant now, const Evidence& evidence) {
  switch (evidence.kind) {
    case EvidenceKind::kServerAclChanged:
      return HandleAcl(now, evidence.room_id);
    case EvidenceKind::kHomeserverGone: {
      const auto& row = Decide(policy_, evidence.kind, {});
      if (row.action == PolicyAction::kCloseRoom) CloseRooms(now, evidence.room_id);
      return;
    }
    case EvidenceKind::kUserDoubtful:
      schedule_.Want(evidence.room_id, now, Urgency::kUrgent);
      return;
    case EvidenceKind::kUserMissingOnce:
      // With a policy that already acts on the first, it does.
      if (Decide(policy_, evidence.kind, {}).action == PolicyAction::kLookAgain) {
        schedule_.Want(evidence.room_id, now + matrix::kResetConfirmation, Urgency::kUrgent);
        return;
      }
      break;
    case EvidenceKind::kReconcileFailed:
    case EvidenceKind::kRoomTombstoned:
    case EvidenceKind::kMemberOpaque:
    case EvidenceKind::kMemberUnreadable:
    case EvidenceKind::kDeviceGone:  // of no room: HandleDevice
    case EvidenceKind::kCount:
      return;
    case EvidenceKind::kMemberJoined:
    case EvidenceKind::kMemberLeft:
    case EvidenceKind::kMemberRedacted:
    case EvidenceKind::kStickyExpired:
    case EvidenceKind::kLegacyExpired:
    case EvidenceKind::kMemberOverwritten:
    case EvidenceKind::kUserJoined:
    case EvidenceKind::kUserLeft:
    case EvidenceKind::kUserKicked:
    case EvidenceKind::kUserBanned:
    case EvidenceKind::kUserInvited:
    case EvidenceKind::kUserMissingTwice:
    case EvidenceKind::kServerDenied:
    case EvidenceKind::kServerPermitted:
    case EvidenceKind::kSlotClosed:
    case EvidenceKind::kSlotOpened:
    case EvidenceKind::kRoomEncrypted:
      break;
  }
  const auto keys = evidence.user_id.empty() ? table_.OfRoom(evidence.room_id)
                                             : table_.OfUser(evidence.room_id, evidence.user_id);
  for (const AdmissionKey& key : keys) ApplyToRow(now, key, evidence);
}

void Conductor::ApplyToRow(Instant now, const AdmissionKey& key, const Evidence& evidence) {
  Admission* row = table_.Find(key);
  if (row == nullptr) return;
  const bool is_slot =
      evidence.kind == EvidenceKind::kSlotClosed || evidence.kind == EvidenceKind::kSlotOpened;
  if (is_slot && evidence.slot_id != row->minted.slot_id) return;
  if (evidence.member && !IsMembershipOf(*evidence.member, row->minted)) return;
  Act(now, key, *row, Decide(policy_, evidence.kind, SituationOf(*row)));
}

void Conductor::Act(Instant now, const AdmissionKey& key, Admission& row,
                    const matrix::PolicyRow& policy) {
  switch (policy.action) {
    case PolicyAction::kNothing:
    case PolicyAction::kLookAgain:
    case PolicyAction::kCloseRoom:
      return;
    case PolicyAction::kPin:
      row.was_member = true;
      return Restore(key, row);
    case PolicyAction::kEndAfterGrace:
      return SetAbsent(now, key, row, policy);
    case PolicyAction::kEvictAfterGrace:
      if (row.is_evicted) return;
      row.pending = PendingEviction{policy.evidence, now + policy.grace};
      return table_.UpdateTimer(key);
    case PolicyAction::kEvict:
      return EvictRow(now, key, row, policy.evidence);
    case PolicyAction::kCancelGrace:
      if (policy.evidence != EvidenceKind::kSlotOpened) return Restore(key, row);
      row.pending.reset();
      return table_.UpdateTimer(key);
  }
}

void Conductor::HandleDevice(Instant now, const DeviceKey& device, matrix::DeviceAnswer answer) {
  if (devices_.HandleAnswer(now, device, answer)) {
    ++evidence_[static_cast<std::size_t>(EvidenceKind::kDeviceGone)];
    for (const std::string& room_id : table_.Rooms()) {
      for (const AdmissionKey& key : table_.OfUser(room_id, device.user_id)) {
        Admission* row = table_.Find(key);
        if (row->minted.device_id != device.device_id) continue;
        Act(now, key, *row, Decide(policy_, EvidenceKind::kDeviceGone, SituationOf(*row)));
      }
    }
  }
  SendQuestions(now);
}

void Conductor::HandleAcl(Instant now, const std::string& room_id) {
  const RoomState* room = tracker_.Find(room_id);
  if (room == nullptr) return;
  for (const AdmissionKey& key : table_.OfRoom(room_id)) {
    Admission* row = table_.Find(key);
    const bool permits = room->Permits(matrix::ServerNameOf(row->minted.user_id));
    const EvidenceKind kind =
        permits ? EvidenceKind::kServerPermitted : EvidenceKind::kServerDenied;
    ++evidence_[static_cast<std::size_t>(kind)];
    Act(now, key, *row, Decide(policy_, kind, SituationOf(*row)));
  }
}

void Conductor::SetAbsent(Instant now, const AdmissionKey& key, Admission& row,
                          const matrix::PolicyRow& policy) {
  // The first sign of it counts; and one device may have memberships of two formats.
  if (row.is_evicted || row.absence || IsMember(row)) return;
  row.absence = Absence{policy.evidence, policy.grace, policy.evict_grace, now};
  table_.UpdateTimer(key);
}

void Conductor::RunTimer(Instant now, const AdmissionKey& key, Admission& row) {
  if (row.pending && row.pending->due_at <= now) {
    EvictRow(now, key, row, row.pending->cause);
    row.pending.reset();
    table_.UpdateTimer(key);
  } else if (row.connections > 0) {
    row.absence->asked_since = now;
    table_.UpdateTimer(key);
    schedule_.Want(row.minted.room_id, now, Urgency::kUrgent);
  } else {
    EraseRow(now, key);
  }
}

void Conductor::ContinueAbsences(Instant now, Instant requested_at, const std::string& room_id) {
  for (const AdmissionKey& key : table_.OfRoom(room_id)) {
    Admission& row = *table_.Find(key);
    if (!row.absence || !row.absence->asked_since || row.connections == 0) continue;
    const Instant due_at = *row.absence->asked_since;
    // A refreshed sticky member is pushed, and in no room's state: pushes may lag behind answers.
    const bool is_sticky = row.absence->cause == EvidenceKind::kStickyExpired;
    const bool is_told = !is_sticky || (last_heard_ && *last_heard_ >= due_at);
    if (is_told && due_at <= requested_at) TakeStep(now, key, row);
  }
}

void Conductor::TakeStep(Instant now, const AdmissionKey& key, Admission& row) {
  if (row.absence->is_silent) {
    EvictRow(now, key, row, row.absence->cause);
    row.absence.reset();
    return table_.UpdateTimer(key);
  }
  row.absence->is_silent = true;
  row.absence->asked_since.reset();
  table_.UpdateTimer(key);
  // Who never had the right must not be given it back.
  if (!matrix::MayPublish(row.minted, options_.restricted_can_publish)) return;
  row.is_silenced = true;
  actions_.push_back(RestrictPublish{key.room_name, key.identity});
}

bool Conductor::IsMember(const Admission& row) const {
  const RoomState* room = tracker_.Find(row.minted.room_id);
  if (room == nullptr) return false;
  const auto members = room->rtc().Members();
  return std::any_of(members.begin(), members.end(), [&](const matrix::RtcMembership* member) {
    return IsMembershipOf(*member, row.minted);
  });
}

void Conductor::EvictRow(Instant now, const AdmissionKey& key, Admission& row,
                         EvidenceKind reason) {
  if (row.is_evicted) return;
  // Tokens carry whole seconds: what was issued in this very second is refused as well.
  row.tokens_before_unix =
      std::max({row.tokens_before_unix, WallMs(now) / 1000 + 1, row.minted.issued_unix + 1});
  row.is_evicted = true;
  row.is_silenced = false;
  row.was_member = false;
  row.pending.reset();
  row.absence.reset();
  ++evictions_;
  store_.push_back(PutRevocation{Revocation{key.room_name, key.identity, row.tokens_before_unix}});
  // First: the end of a connection that never carried media would end the job without a send.
  actions_.push_back(SendDelayedLeave{key.room_name, key.identity});
  actions_.push_back(Evict{key.room_name, key.identity, reason, row.tokens_before_unix});
  table_.UpdateTimer(key);
}

void Conductor::Restore(const AdmissionKey& key, Admission& row) {
  row.absence.reset();
  table_.UpdateTimer(key);
  // Also a refreshed token carries what was taken: it is given back to whoever comes with it.
  if (!row.is_silenced || row.connections == 0) return;
  row.is_silenced = false;
  actions_.push_back(RestorePublish{key.room_name, key.identity});
}

void Conductor::CloseRooms(Instant now, const std::string& room_id) {
  std::set<std::string> names;
  for (const AdmissionKey& key : table_.OfRoom(room_id)) {
    EvictRow(now, key, *table_.Find(key), EvidenceKind::kHomeserverGone);
    names.insert(key.room_name);
  }
  for (const std::string& name : names) actions_.push_back(CloseRoom{name});
  // Whatever happens there from now on is not pushed to us.
  if (RoomState* room = tracker_.Find(room_id)) room->ForgetState();
}

// --- Polling -------------------------------------------------------------------------------------

void Conductor::HandleTimeout(Instant now) {
  std::vector<Evidence> evidence;
  tracker_.HandleTimeout(now, evidence);
  Apply(now, evidence);
  while (const auto key = table_.Due(now)) RunTimer(now, *key, *table_.Find(*key));
  while (!idle_.empty() && idle_.begin()->first <= now) {
    ForgetRoom(std::string(idle_.begin()->second));
  }
  std::vector<std::string> overdue;
  schedule_.HandleTimeout(now, overdue);
  for (const std::string& room_id : overdue) {
    const auto watch = watches_.find(room_id);
    if (watch == watches_.end()) continue;
    NoteFailure(now, watch->second);
  }
  SendQuestions(now);
}

Instant Conductor::NextDeadline() const {
  Instant next = std::min(tracker_.NextDeadline(), table_.NextDeadline());
  next = std::min({next, schedule_.NextDeadline(), devices_.NextDeadline()});
  if (!idle_.empty()) next = std::min(next, idle_.begin()->first);
  return next;
}

std::optional<ConductorAction> Conductor::PollAction() {
  if (actions_.empty()) return std::nullopt;
  ConductorAction action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

std::optional<ConductorStoreChange> Conductor::PollStoreChange() {
  if (store_.empty()) return std::nullopt;
  ConductorStoreChange change = std::move(store_.front());
  store_.pop_front();
  return change;
}

std::optional<CallFacts> Conductor::Facts(const std::string& room_name) const {
  auto facts = ledger_.Facts(room_name, {});
  if (!facts) return std::nullopt;
  if (const RoomState* room = tracker_.Find(facts->room_id)) {
    return ledger_.Facts(room_name, room->rtc().Members());
  }
  return facts;
}

bool Conductor::IsConsistent() const {
  for (const auto& [room_id, watch] : watches_) {
    if (watch.idle_at && !idle_.contains({*watch.idle_at, room_id})) return false;
    if (!watch.idle_at && !table_.HasRoom(room_id)) return false;
    if (tracker_.Find(room_id) == nullptr) return false;
  }
  return tracker_.size() == watches_.size() && tracker_.IsConsistent() && table_.IsConsistent() &&
         schedule_.IsConsistent() && devices_.IsConsistent();
}

}  // namespace fovea::focus
