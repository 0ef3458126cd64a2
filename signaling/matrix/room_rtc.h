// Who says to take part in the calls of one room: state events until they expire, and sticky
// events. Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/time.h"
#include "signaling/matrix/evidence.h"
#include "signaling/matrix/rtc_member.h"
#include "signaling/matrix/state_version.h"
#include "signaling/matrix/sticky_map.h"

namespace fovea::matrix {

// When something happened, on both clocks. Deadlines use `now`; the wall clock only says how old
// an event claims to be.
struct Moment {
  Instant now;
  std::int64_t wall_ms = 0;
};

// Invariants:
//  (1) A membership ends by its own user's event, its redaction or its expiry; what another user
//      writes over it is reported as kMemberOverwritten.
//  (2) In doubt about the order of two events, the one that joins stands.
//  (3) In an encrypted room sticky memberships are not kept: what is readable there is not what
//      clients go by.
// Limit: kRoomStateMembersMax state keys; further ones are refused once the emptied ones are gone.
class RoomRtc {
 public:
  explicit RoomRtc(std::string room_id) : room_id_(std::move(room_id)) {}

  // REQUIRES: event.kind is kCallMember, kRtcMember, kEncrypted or kRedaction.
  void HandleEvent(Moment at, const Event& event, std::vector<Evidence>& out);
  // The state events of a complete room state, asked for at `requested_at`.
  void HandleState(Moment at, Instant requested_at, const std::vector<const Event*>& members,
                   std::vector<Evidence>& out);
  // The room became encrypted: sticky memberships are forgotten without a conclusion.
  void BecomeOpaque();

  void HandleTimeout(Instant now, std::vector<Evidence>& out);
  [[nodiscard]] Instant NextDeadline() const;

  // The memberships that stand, expired ones not among them.
  [[nodiscard]] std::vector<const RtcMembership*> Members() const;
  [[nodiscard]] std::uint64_t opaque_total() const { return opaque_; }
  [[nodiscard]] bool IsConsistent() const { return sticky_.IsConsistent(); }

 private:
  struct StateMember {
    StateVersion version;
    std::optional<RtcMembership> member;
    Instant expires_at = kNever;
  };

  void HandleStateMember(Moment at, const Event& event, std::optional<Instant> requested_at,
                         std::vector<Evidence>& out);
  void HandleSticky(Moment at, const Event& event, std::vector<Evidence>& out);
  void HandleRedaction(const Event& event, std::vector<Evidence>& out);
  [[nodiscard]] StateMember* Slot(const std::string& state_key);
  void Emit(EvidenceKind kind, RtcMembership member, std::vector<Evidence>& out) const;

  const std::string room_id_;  // constant after construction
  std::map<std::string, StateMember> state_members_;
  StickyMap sticky_;
  std::uint64_t opaque_ = 0;
  bool is_opaque_ = false;
};

}  // namespace fovea::matrix
