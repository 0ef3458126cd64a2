// Who is joined to one room: a fold of m.room.member events as they are pushed, corrected by
// complete room states. Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/time.h"
#include "signaling/matrix/event.h"
#include "signaling/matrix/evidence.h"
#include "signaling/matrix/state_version.h"

namespace fovea::matrix {

enum class Membership : std::uint8_t { kUnknown, kJoin, kLeave, kBan, kInvite, kKnock };

// A membership that vanished from the room state without an event counts when a second complete
// state, this much later, says so too. Longer delays the end of a state reset's victim, shorter may
// believe one hiccup of a homeserver twice.
inline constexpr Duration kResetConfirmation = Seconds(5);

struct UserRecord {
  Membership membership = Membership::kUnknown;
  StateVersion version;
  std::optional<Event> doubt;  // the latest event whose place is not certain
  Instant doubted_at{};
  bool is_undecided = false;             // a complete state and a push disagree on what is later
  bool is_ahead = false;                 // told by a complete state; pushes may still be behind it
  std::optional<Instant> missing_since;  // the first complete state without its membership
  std::uint32_t pins = 0;                // identities that depend on it
  std::int64_t token_at_ms = 0;          // when the latest token of theirs was given, by our clock
};

// Invariants:
//  (1) Nobody goes from joined to anything else but by an event that is the later one, or by two
//      complete states kResetConfirmation apart. A timestamp makes an event the later one only
//      among pushes: behind what a complete state told, and where a token was given later than
//      that, the homeserver is asked first: the event may be of a backlog, its end still to come.
//  (2) Nobody goes from left or banned back to joined but by an event that names its predecessor,
//      or by a complete state asked for after the leave was known.
//  (3) local_joined_ holds exactly the joined users of our homeserver.
// Limit: kRoomUsersMax users. In a larger room those are remembered who are pinned or reserved,
// then those who are joined, then the others; of strangers only a complete state is believed.
class RoomMembers {
 public:
  RoomMembers(std::string room_id, std::string homeserver)
      : room_id_(std::move(room_id)), homeserver_(std::move(homeserver)) {}

  // REQUIRES: event.kind is kRoomMember. `from_state`: the homeserver calls it its current state
  // (MSC4222), so that an older one is a reset and not a repetition.
  void HandleEvent(Instant now, const Event& event, bool from_state, std::vector<Evidence>& out);

  // A complete room state, asked for at `requested_at`. Says whether a further look is needed soon.
  [[nodiscard]] bool HandleState(Instant now, Instant requested_at,
                                 const std::vector<const Event*>& members,
                                 std::vector<Evidence>& out);

  // The homeserver will not tell the state to anybody we could ask as: what was pushed is all there
  // is, and the order of its arrival the best guess where all of it was seen. What may be from
  // before a complete state, or is the first that is heard of somebody with a token, is not
  // believed.
  void AcceptDoubts(Instant now, std::vector<Evidence>& out);

  // The homeserver says that `user_id` may not see the room.
  void HandleRefusal(Instant now, const std::string& user_id, std::vector<Evidence>& out);

  // Somebody wants a token: what comes next is to be remembered of them, however large the room is.
  void Reserve(const std::string& user_id);
  void Pin(const std::string& user_id);
  void Unpin(const std::string& user_id);
  // Somebody who is pinned was given a token.
  void NoteToken(const std::string& user_id, std::int64_t token_at_ms);

  [[nodiscard]] const UserRecord* Find(const std::string& user_id) const;
  [[nodiscard]] bool has_doubts() const { return doubts_ > 0; }
  // A user of our homeserver as whom the room can be read.
  [[nodiscard]] std::optional<std::string> LocalUser(const std::set<std::string>& but_not) const;
  [[nodiscard]] std::size_t size() const { return users_.size(); }
  [[nodiscard]] std::size_t local_joined() const { return local_joined_.size(); }
  [[nodiscard]] bool IsConsistent() const;

 private:
  using Users = std::map<std::string, UserRecord>;

  // Null: there is no place for a stranger.
  UserRecord* Record(const std::string& user_id, Membership membership);
  Users::iterator Forget(Users::iterator it);
  // Makes place for that many strangers who are joined, as far as others who are not can go.
  void MakePlace(std::size_t joined);
  void Apply(Instant now, const std::string& user_id, UserRecord& record, const Event& event,
             std::vector<Evidence>& out);
  void SetMembership(const std::string& user_id, UserRecord& record, Membership membership,
                     std::vector<Evidence>& out);
  void Doubt(Instant now, UserRecord& record, const Event& event, std::vector<Evidence>& out);
  void ClearDoubt(UserRecord& record);
  void HandlePlausible(Instant now, UserRecord& record, const Event& event,
                       std::vector<Evidence>& out);
  void HandleProven(Instant now, UserRecord& record, const Event& event,
                    std::vector<Evidence>& out);
  [[nodiscard]] bool Adopt(Instant now, Instant requested_at, const Event& event,
                           std::vector<Evidence>& out);
  // Says whether a further look is needed.
  [[nodiscard]] bool ApplyTold(Instant now, Instant requested_at, UserRecord& record,
                               const Event& event, std::vector<Evidence>& out);
  // A complete state says what stands: the doubtful event is part of the past, or comes next.
  // False: cannot tell, it came within kReplicationLagMax of the question.
  [[nodiscard]] bool SettleDoubt(Instant now, Instant requested_at, UserRecord& record,
                                 const Event& doubt, Instant doubted_at,
                                 std::vector<Evidence>& out);
  [[nodiscard]] bool Miss(Instant now, const std::string& user_id, UserRecord& record,
                          std::vector<Evidence>& out);
  void Emit(EvidenceKind kind, const std::string& user_id, std::vector<Evidence>& out) const;

  // Constant after construction.
  const std::string room_id_;
  const std::string homeserver_;

  Users users_;
  std::set<std::string> local_joined_;
  std::size_t doubts_ = 0;
  bool complete_ = false;  // a complete state was seen
  bool forgets_ = false;   // not everybody of the latest complete state is in users_
  bool sparse_ = false;    // and somebody who is joined may be missing
};

}  // namespace fovea::matrix
