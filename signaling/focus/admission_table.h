// Everybody who holds a token of ours and what became of it: the rows that evidence about a Matrix
// user is applied to. Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sfu/core/time.h"
#include "signaling/matrix/admission_policy.h"
#include "signaling/matrix/minted_identity.h"

namespace fovea::focus {

// A LiveKit room and an identity in it.
struct AdmissionKey {
  std::string room_name;
  std::string identity;
  auto operator<=>(const AdmissionKey&) const = default;
};

// An eviction that waits.
struct PendingEviction {
  matrix::EvidenceKind cause = matrix::EvidenceKind::kSlotClosed;
  Instant due_at = kNever;
};

// The membership in the room's call is gone of somebody who is, or was, connected. Ends when it
// shows again. Each step waits for the homeserver's word: silence may be why nothing shows.
struct Absence {
  matrix::EvidenceKind cause = matrix::EvidenceKind::kMemberLeft;
  Duration until_silent{};               // after `since`: may not publish
  Duration until_evicted{};              // after `since`
  Instant since{};                       // or since it connected again
  bool is_silent = false;                // the first step was taken
  std::optional<Instant> asked_since{};  // the next step is due, and waits for an answer
};

struct Admission {
  matrix::MintedIdentity minted;
  int connections = 0;
  bool was_member = false;              // a membership in the room was this identity's
  bool is_evicted = false;              // put out since its latest token
  bool is_silenced = false;             // its right to publish was taken, and not given back
  std::int64_t tokens_before_unix = 0;  // 0: none was ever revoked
  std::optional<PendingEviction> pending;
  std::optional<Absence> absence;
  // The token was given against what was pushed, by a doubt or by the homeserver's word, and is
  // good until a room state that was asked for later than this.
  std::optional<Instant> told_at;
  Instant keep_until{};  // no token of it is valid later, unless it is connected
};

// When the next step of its absence is due; kNever if it is not absent, or waits for an answer.
[[nodiscard]] Instant AbsenceDue(const Admission& row);

// Invariants:
//  (1) Every row is in the index of its Matrix room and user, and nothing else is.
//  (2) timers_ has exactly one entry per row that waits for something: a pending eviction, the next
//      step of an absence while connected, or its end once nobody is.
// Limits: kAdmissionsMax rows, kAdmissionsPerUserMax per user and room; IsFull says so before a
// token is given.
class AdmissionTable {
 public:
  [[nodiscard]] bool IsFull(const std::string& room_id, const std::string& user_id) const;

  [[nodiscard]] Admission* Find(const AdmissionKey& key);
  // The row, new or known. REQUIRES: `minted` names the same user and room as a known one.
  Admission& Insert(const matrix::MintedIdentity& minted);
  void Erase(const AdmissionKey& key);

  // To be called after anything that a timer depends on has changed.
  void UpdateTimer(const AdmissionKey& key);
  // A row whose timer is due.
  [[nodiscard]] std::optional<AdmissionKey> Due(Instant now) const;
  [[nodiscard]] Instant NextDeadline() const {
    return timers_.empty() ? kNever : timers_.begin()->first;
  }

  // Copies, because what is done to rows may erase them.
  [[nodiscard]] std::vector<AdmissionKey> OfUser(const std::string& room_id,
                                                 const std::string& user_id) const;
  [[nodiscard]] std::vector<AdmissionKey> OfRoom(const std::string& room_id) const;
  [[nodiscard]] bool HasRoom(const std::string& room_id) const { return index_.contains(room_id); }
  // The users of that room who hold tokens.
  [[nodiscard]] std::vector<std::string> UsersOf(const std::string& room_id) const;
  [[nodiscard]] std::vector<std::string> Rooms() const;
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] bool IsConsistent() const;

 private:
  struct Entry {
    Admission admission;
    Instant timer_at = kNever;
  };

  std::map<AdmissionKey, Entry> rows_;
  std::map<std::string, std::map<std::string, std::set<AdmissionKey>>> index_;  // room, user
  std::set<std::pair<Instant, AdmissionKey>> timers_;
};

}  // namespace fovea::focus
