// The Conductor: who of those with a token may be in a call, from what the homeserver says. Facts
// come from signaling/matrix, the policy is its admission_policy.h; this keeps the rows, the grace
// periods and the questions, and says what is to be done. No I/O. Thread: signaling.
// matrixrtc reference, section 6.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sfu/core/rng.h"
#include "sfu/core/time.h"
#include "sfu/core/wall_offset.h"
#include "signaling/focus/admission_table.h"
#include "signaling/focus/conductor_types.h"
#include "signaling/focus/device_watch.h"
#include "signaling/focus/reconcile_schedule.h"
#include "signaling/matrix/appservice_answers.h"
#include "signaling/matrix/tracker.h"
#include "signaling/matrix/transaction.h"

namespace fovea::focus {

// Use: mutate once, drain PollAction and PollStoreChange, sleep until NextDeadline().
// A request for a token: MayMint; on kAskHomeserver keep the request, and ask again with
// `was_asked` when HandleRoomState was called for that room and IsAsking says no, and
// HandleIsJoined for that user if the decision says so, or after a few seconds at the latest; on
// kAllow sign the token and RecordMint before anything else is handed in.
//
// Invariants:
//  (1) Nobody is evicted but by evidence that the policy names: a later event, two complete states,
//      an ACL, a slot, a device that was there and is not, a membership that is still gone when the
//      homeserver answers after the grace period. Silence, errors, empty pages and repetitions
//      evict nobody.
//  (2) Whoever is evicted has a revocation, stored, later than every token issued before.
//  (3) A row lives while it is connected or one of its tokens is valid, also over a restart.
//  (4) A room is watched while it has rows, and kIdleWatch after the last question about it.
// Limits: AdmissionTable's, Tracker's, kIdleWatchesMax, kRefusedUsersMax and kAskersMax of a room.
// Memory is returned with the rows.
class Conductor {
 public:
  // Questions about rooms without tokens are remembered this long, so that the answer still finds
  // what was asked.
  static constexpr Duration kIdleWatch = Seconds(60);
  // How long an answer is good for the request that caused it.
  static constexpr Duration kAnswerGoodFor = Seconds(10);
  // A token may have been refreshed until the connection ended, and one that expired just now for
  // somebody who has not got as far as being connected: refresh tokens live 10 min or as long as
  // what they replace, and verifiers allow a minute.
  static constexpr Duration kAfterLeft = Seconds(15 * 60);
  static constexpr std::int64_t kTokenSlackSeconds = 15 * 60;

  Conductor(ConductorOptions options, WallOffset wall_offset, Rng rng);

  // --- From the store, before anything else. Ends with Start, which asks about every room.
  void RestoreMinted(Instant now, const matrix::MintedIdentity& minted);
  void RestoreRevocation(Instant now, const Revocation& revocation);  // after its minted row
  void RestoreTransactionId(const std::string& id);                   // oldest first
  void Start(Instant now);

  // --- From the homeserver.
  // As whom questions without a user are asked. With `reads_as_itself` no room's state is believed
  // before it is known: it may be the room as it was when the account was put out.
  void SetAccount(const std::string& user_id) { account_ = user_id; }
  TransactionOutcome HandleTransaction(Instant now, const std::string& txn_id,
                                       std::string_view body);
  // The next_batch; nothing, and nothing changes, where the body is no answer to /sync.
  std::optional<std::string> HandleSync(Instant now, std::string_view body);
  void HandleRoomState(Instant now, const RoomStateAnswer& answer);
  void HandleDevice(Instant now, const DeviceKey& device, matrix::DeviceAnswer answer);
  void HandleIsJoined(Instant now, const AskIsJoined& question, matrix::JoinedAnswer answer);

  // --- From the token service.
  [[nodiscard]] MintDecision MayMint(Instant now, const MintQuery& query);
  void RecordMint(Instant now, const matrix::MintedIdentity& minted);
  // Whether an answer about that room's state is on its way: somebody else may be asked as after a
  // refusal.
  [[nodiscard]] bool IsAsking(Instant now, const std::string& room_id) const {
    return schedule_.IsDue(now, room_id);
  }

  // --- From the rooms. About identities without a token of ours: no-ops. Each HandleConnected is
  // followed by one HandleLeft; two connections of one identity may overlap in either order.
  void HandleConnected(Instant now, const std::string& room_name, const std::string& identity);
  // A join that ended before it was connected: it has got a refresh token.
  void HandleAborted(Instant now, const std::string& room_name, const std::string& identity);
  void HandleLeft(Instant now, const std::string& room_name, const std::string& identity,
                  DepartureReason reason);
  void HandlePublishing(Instant now, const std::string& room_name, const std::string& identity,
                        std::size_t audio_tracks, std::size_t video_tracks);

  void HandleTimeout(Instant now);
  [[nodiscard]] Instant NextDeadline() const;
  [[nodiscard]] std::optional<ConductorAction> PollAction();
  [[nodiscard]] std::optional<ConductorStoreChange> PollStoreChange();

  // --- For whoever wants to know.
  [[nodiscard]] std::optional<CallFacts> Facts(const std::string& room_name) const;
  [[nodiscard]] std::vector<std::string> CallRooms() const { return ledger_.Rooms(); }
  [[nodiscard]] std::size_t admissions() const { return table_.size(); }
  [[nodiscard]] std::size_t watched_rooms() const { return watches_.size(); }
  [[nodiscard]] std::uint64_t evidence_total(matrix::EvidenceKind kind) const {
    return evidence_[static_cast<std::size_t>(kind)];
  }
  [[nodiscard]] std::uint64_t evictions_total() const { return evictions_; }
  // When the homeserver last pushed, or answered /sync. Nothing: never since the start.
  [[nodiscard]] std::optional<Instant> last_heard() const { return last_heard_; }
  // Its last answer to a question of ours was none.
  [[nodiscard]] bool is_homeserver_failing() const { return is_failing_; }
  [[nodiscard]] bool IsConsistent() const;

 private:
  enum class LastAnswer : std::uint8_t { kNone, kComplete, kRefused, kFailed };
  // An answer to AskIsJoined. An event about the user ends it: which of them came first at the
  // homeserver is not known, and the event's place in the order is.
  struct Told {
    matrix::JoinedAnswer answer = matrix::JoinedAnswer::kUnknown;
    Instant at{};
    Instant asked_at{};
  };
  struct Watch {
    LastAnswer last = LastAnswer::kNone;
    Instant last_at{};
    std::uint64_t asked_id = 0;              // the latest question
    std::vector<std::string> askers;         // of ours, who want a token: whose turn is to come
    std::string last_asker;                  // of an earlier round, where nobody waits in this one
    std::set<std::string> refused_as;        // since the last complete answer
    std::map<std::string, Instant> refused;  // users who were told that it is not for them
    std::set<std::string> not_as;            // users as whom we may ask nothing
    std::map<std::string, Told> told;        // users who were asked about by name
    std::optional<Instant> idle_at;          // when it is forgotten; in idle_
  };

  [[nodiscard]] std::int64_t WallMs(Instant now) const;
  [[nodiscard]] matrix::Moment At(Instant now) const { return {now, WallMs(now)}; }
  [[nodiscard]] matrix::Situation SituationOf(const Admission& row) const;
  [[nodiscard]] bool IsLocal(std::string_view user_id) const;
  // Whether the homeserver can say if that device is still logged in.
  [[nodiscard]] bool WatchesDevice(const matrix::MintedIdentity& minted) const;

  // Evidence and what it does.
  void Apply(Instant now, const std::vector<matrix::Evidence>& evidence);
  void ApplyToRoom(Instant now, const matrix::Evidence& evidence);
  void ApplyToRow(Instant now, const AdmissionKey& key, const matrix::Evidence& evidence);
  void Act(Instant now, const AdmissionKey& key, Admission& row, const matrix::PolicyRow& policy);
  void HandleAcl(Instant now, const std::string& room_id);
  void SetAbsent(Instant now, const AdmissionKey& key, Admission& row,
                 const matrix::PolicyRow& policy);
  // The row's timer is due: an eviction that waited, a step of an absence, or its end.
  void RunTimer(Instant now, const AdmissionKey& key, Admission& row);
  void TakeStep(Instant now, const AdmissionKey& key, Admission& row);
  // The homeserver answered about that room, asked at `requested_at`.
  void ContinueAbsences(Instant now, Instant requested_at, const std::string& room_id);
  // A membership in the room's call is this identity's.
  [[nodiscard]] bool IsMember(const Admission& row) const;
  void EvictRow(Instant now, const AdmissionKey& key, Admission& row, matrix::EvidenceKind reason);
  void Restore(const AdmissionKey& key, Admission& row);
  void CloseRooms(Instant now, const std::string& room_id);
  // Why somebody who holds a token has no business here, by what is known now.
  [[nodiscard]] std::optional<matrix::EvidenceKind> OutReason(const Admission& row) const;
  // Whoever came in against what was pushed, by a doubt or by the homeserver's word, and is not
  // there by a room state that was asked for later.
  void JudgeAgain(Instant now, Instant requested_at, const std::string& room_id);
  // Of that user, in that room: an event whose place is not certain.
  [[nodiscard]] bool HasDoubt(const matrix::MintedIdentity& minted) const;

  // Rooms and questions.
  Watch* WatchRoom(Instant now, const std::string& room_id);
  void SetIdle(Instant now, const std::string& room_id, Watch& watch);
  void EndIdle(const std::string& room_id, Watch& watch);
  void ForgetRoom(const std::string& room_id);
  void AddRow(Instant now, const matrix::MintedIdentity& minted);
  void EraseRow(Instant now, const AdmissionKey& key);
  void SendQuestions(Instant now);
  [[nodiscard]] std::optional<std::string> AskAs(const std::string& room_id,
                                                 const Watch& watch) const;
  // Whether those events are the room as somebody sees it who is not in it.
  [[nodiscard]] bool IsOutside(const std::vector<matrix::Event>& events,
                               const std::string& as_user) const;
  void HandleRefused(Instant now, const RoomStateAnswer& answer, Watch& watch);
  void HandleFailed(Instant now, const std::string& room_id, Watch& watch, Duration retry_after);
  void NoteFailure(Instant now, Watch& watch);
  void Heard(Instant now);
  void ReconcileAll(Instant now);
  void NoteSender(Instant now, const matrix::Event& event);
  // Of our homeserver, and perhaps in the room: it is to be asked as them, too.
  static void NoteAsker(Watch& watch, const std::string& user_id);
  // The room's state was told, or nobody is left to ask as.
  static void EndRound(Watch& watch);
  void NoteTransaction(Instant now, const std::string& txn_id);
  [[nodiscard]] matrix::MintFacts FactsFor(Instant now, const MintQuery& query,
                                           const Watch& watch) const;
  // The homeserver's word about that user, as long as it counts; null where there is none.
  [[nodiscard]] const Told* TellOf(Instant now, const std::string& room_id,
                                   const std::string& user_id) const;
  [[nodiscard]] bool AskAboutUser(Instant now, const MintQuery& query, Watch& watch);
  void ForgetTold(const matrix::Evidence& evidence);
  [[nodiscard]] std::int64_t NotBefore(const MintQuery& query);

  // Constant after construction.
  const ConductorOptions options_;
  const std::span<const matrix::PolicyRow> policy_;
  const WallOffset wall_offset_;

  matrix::Tracker tracker_;
  matrix::TransactionIds transactions_;
  AdmissionTable table_;
  ReconcileSchedule schedule_;
  CallLedger ledger_;
  DeviceWatch devices_;  // of our homeserver's users
  std::string account_;  // empty: not known (yet)
  std::map<std::string, Watch> watches_;
  std::set<std::pair<Instant, std::string>> idle_;  // watches without rows
  std::optional<std::uint64_t> last_txn_number_;
  std::uint64_t questions_ = 0;        // about rooms' states, so far
  std::optional<Instant> last_heard_;  // the latest push: everything before it has arrived
  bool is_failing_ = false;            // the homeserver's last answer was none

  std::deque<ConductorAction> actions_;
  std::deque<ConductorStoreChange> store_;
  std::array<std::uint64_t, matrix::kEvidenceKinds> evidence_{};
  std::uint64_t evictions_ = 0;
};

}  // namespace fovea::focus
