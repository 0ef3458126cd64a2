// The insides of a simulated world of admission: the homeserver's faults, the focus and what is
// around it, the clients, and the oracle. What it checks is told in world.h; each subject has its
// own world_*.cc. Thread: the simulation's only one.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sfu/core/rng.h"
#include "sfu/core/time.h"
#include "signaling/focus/conductor.h"
#include "signaling/matrix/minted_identity.h"
#include "signaling/wire/json.h"
#include "tests/sim/admission/homeserver.h"
#include "tests/sim/admission/world.h"

namespace fovea::test::admission {

using focus::Conductor;
using matrix::MintedIdentity;
using matrix::MintVerdict;
using matrix::TokenRoute;
using Json = nlohmann::json;
using UserInRoom = std::pair<std::string, std::string>;  // room, user

inline constexpr std::string_view kSlot = "m.call#ROOM";
inline constexpr std::int64_t kWallSeconds = 1'800'000'000;

[[nodiscard]] const std::vector<std::string>& Users();
[[nodiscard]] const std::vector<std::string>& Rooms();

struct Token {
  MintedIdentity minted;
  Instant given_at;  // the token that it was refreshed from, at first
  std::int64_t nbf = 0;
  std::size_t known = 0;  // the log up to here was known to the focus when it was given
};

struct Connection {
  Token token;
  bool is_restricted = false;
};

// What the focus was told about one user, by the homeserver's own order.
struct Knowledge {
  std::optional<std::size_t> position;  // of the latest m.room.member it was told of
  bool is_provable = false;             // by an event whose predecessor it knew
  std::optional<Instant> told_at;       // by a push
  std::optional<Instant> out_at;        // when it provably learned that the user is out
};

// When somebody was not entitled the last time.
struct Outage {
  bool is_over = true;
  std::size_t last = 0;  // how many entries the log had then, at the end
};

class World {
 public:
  explicit World(const AdmissionRun& run);
  AdmissionResult Run();

 private:
  [[nodiscard]] bool Holds() const { return failure_.empty(); }
  void Fail(const std::string& what) {
    if (Holds()) failure_ = At() + what;
  }
  void FailToEvict(const std::string& what) {
    ++result_.missed_evictions;
    Fail(what);
  }
  void Op(std::string text);
  [[nodiscard]] std::string At() const {
    return std::to_string(ToMillis(now_.time_since_epoch())) + " ms: ";
  }
  [[nodiscard]] bool Chance(std::uint32_t one_in) { return rng_.Below(one_in) == 0; }
  template <class T>
  const T& Pick(const std::vector<T>& list) {
    return list[rng_.Below(static_cast<std::uint32_t>(list.size()))];
  }
  std::int64_t Skew() { return static_cast<std::int64_t>(rng_.Below(1'200'001)) - 600'000; }
  [[nodiscard]] std::int64_t TrueMs() const {
    return kWallSeconds * 1000 + ToMillis(now_.time_since_epoch());
  }
  [[nodiscard]] std::int64_t FocusUnix() const { return (TrueMs() + focus_skew_ms_) / 1000; }

  // --- The homeserver ------------------------------------------------------------------------
  void Send(const std::string& room_id, const std::string& type, std::optional<std::string> key,
            const std::string& sender, Json content,
            std::optional<std::int64_t> sticky_ms = std::nullopt);
  // Remembers, for everybody in that room, where in the log they were not entitled.
  void NoteTruth(const std::string& room_id);
  // Whether the user was entitled in every state of the room after `position`, and is.
  [[nodiscard]] bool EntitledSince(const MintedIdentity& who, std::size_t position) const;
  [[nodiscard]] static bool Binds(TokenRoute route);
  void Deliver(const SimTransaction& transaction, const std::string& id);
  std::string Forget(const std::string& body);
  [[nodiscard]] std::string Describe(const SimTransaction& transaction) const;
  // The focus was told log[position].
  void Learn(std::size_t position);
  void NoteKnowledge(const LogEntry& entry, Knowledge& known);
  // Immediately after a delivery: whoever is provably out has neither connection nor good token.
  void CheckOut();
  // The log position up to which the focus knew everything of the room.
  [[nodiscard]] std::size_t KnownUpTo(const std::string& room_id);
  void PushSome(bool calm);

  // --- Questions -----------------------------------------------------------------------------
  struct Question {
    focus::FetchRoomState what;
    Instant asked_at;
    Instant answer_at;
    // What the homeserver found when it looked, at any time before it answers.
    bool is_read = false;
    focus::RoomStateAnswer::Status status{};
    std::string body;
    bool is_honest = false;
    std::size_t position = 0;  // how long the log was then
  };
  void Ask(const focus::FetchRoomState& what);
  void Read(Question& question);
  void AnswerSome();
  void AnswerOne(const Question& question);
  struct UserQuestion {
    focus::AskIsJoined what;
    Instant answer_at;
    matrix::JoinedAnswer answer = matrix::JoinedAnswer::kUnknown;  // true when it was asked
  };
  void AskAboutUser(const focus::AskIsJoined& what);
  void AnswerAboutUsers();
  // A 200 that may be empty, cut, or once without somebody.
  std::string Page(const focus::FetchRoomState& what);
  // The focus gave that user a token later, by its own clock: it may ask before it obeys.
  [[nodiscard]] bool HasLaterToken(const LogEntry& entry) const;
  // The focus was told the whole truth as of that position. What was pushed shortly before it
  // asked, or since, may leave it undecided about that user.
  void LearnState(const std::string& room_id, Instant asked_at, std::size_t position);
  // Whether the focus is being told, or was a moment ago, in provable order, of a leave, kick or
  // ban of theirs that did happen, but that a reset undid while it was still queued. Only the
  // homeserver could tell, and the policy does not ask before it obeys a leave: asking would delay
  // every true one, and with the homeserver down put nobody out.
  [[nodiscard]] bool IsUndoneLeave(const MintedIdentity& who) const;
  // Their last event before `end`; nothing where a reset came after it.
  [[nodiscard]] std::optional<std::size_t> LastOf(const std::string& room_id,
                                                  const std::string& user, std::size_t end) const;

  // --- The focus -----------------------------------------------------------------------------
  void StartFocus();
  void StopFocus();
  void Drain();
  void Do(const focus::ConductorAction& action);
  void DoEvict(const focus::Evict& evict);
  void CheckEviction(const focus::Evict& evict, std::int64_t revoked_before);
  void CheckAbsence(const focus::Evict& evict);
  void DoRestrict(const std::string& identity);
  void Disconnect(std::map<std::string, Connection>::iterator it, focus::DepartureReason reason);
  void Store(const focus::ConductorStoreChange& change);

  // --- Clients -------------------------------------------------------------------------------
  [[nodiscard]] MintedIdentity Identity(const std::string& room_id, const std::string& user,
                                        std::uint32_t device) const;
  void RequestToken(const MintedIdentity& who, bool was_asked);
  void CheckMint(const MintedIdentity& who, const focus::MintDecision& decision);
  void RetryMints(const std::string& room_id);
  [[nodiscard]] bool Accepts(const Token& token) const;
  void Connect(const Token& token);

  // --- Operations ----------------------------------------------------------------------------
  void RandomOp();
  void ClientOp();
  void RoomOp();
  void RtcOp();
  void FaultOp();
  void Replay();

  // --- Time ----------------------------------------------------------------------------------
  void Step(Duration duration, bool calm);
  void Converge();
  // Whether somebody of ours holds a token, as whom the focus can read the room. Others may be
  // strangers to it, and are admitted by the option unknown_room.
  [[nodiscard]] bool CanSee(const std::string& room_id) const;
  void CheckAdmission(const MintedIdentity& who);
  void DrainEverything();

  const AdmissionRun run_;
  Rng rng_;
  SimHomeserver hs_;
  const std::int64_t focus_skew_ms_;
  std::map<std::string, std::int64_t> server_skew_ms_;
  Instant now_{Seconds(1000)};
  std::optional<Conductor> focus_;
  bool is_focus_up_ = false;
  Instant focus_up_at_{};
  Instant hs_down_until_{};
  Instant push_after_{};
  std::map<std::string, bool> has_lied_;
  bool is_calm_ = false;
  std::uint64_t forgotten_ = 0;
  std::uint64_t replays_ = 0;
  std::uint64_t drains_ = 0;

  // The oracle.
  std::map<UserInRoom, Outage> out_[2];  // without and with slots
  std::map<UserInRoom, Knowledge> known_;
  std::set<std::size_t> delivered_;
  std::map<std::size_t, Instant> delivered_at_;  // the last time
  std::map<std::string, std::size_t> snapshot_;
  std::map<std::string, bool> has_left_;

  // The rooms, the store, the clients.
  std::map<std::string, std::int64_t> revocations_;
  std::map<std::string, Connection> connections_;
  std::vector<Token> tokens_;
  std::vector<Question> questions_;
  std::vector<UserQuestion> user_questions_;
  std::vector<std::pair<MintedIdentity, Instant>> waiting_;
  std::vector<SimTransaction> past_;
  std::map<std::string, MintedIdentity> stored_;
  std::map<std::string, focus::Revocation> stored_revocations_;
  std::vector<std::string> stored_txns_;
  MintVerdict last_verdict_ = MintVerdict::kDeny;
  matrix::MintCase last_case_ = matrix::MintCase::kNotJoined;

  std::deque<std::string> ops_;
  std::string failure_;
  AdmissionResult result_;
};

}  // namespace fovea::test::admission
