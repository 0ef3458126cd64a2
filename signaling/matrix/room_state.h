// Everything that a focus remembers of one room. A pure fold of its events; complete room states
// correct it. Thread: signaling.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/core/time.h"
#include "signaling/matrix/event.h"
#include "signaling/matrix/evidence.h"
#include "signaling/matrix/room_members.h"
#include "signaling/matrix/room_rtc.h"
#include "signaling/matrix/server_acl.h"
#include "signaling/matrix/state_cell.h"

namespace fovea::matrix {

class RoomState {
 public:
  RoomState(const std::string& room_id, const std::string& homeserver)
      : members_(room_id, homeserver), rtc_(room_id), room_id_(room_id), homeserver_(homeserver) {}

  // An event as pushed. `from_state`: see RoomMembers::HandleEvent.
  void HandleEvent(Moment at, const Event& event, bool from_state, std::vector<Evidence>& out);

  // An answer to the question for the room's state. False, and nothing changes, unless it is
  // whole: it has the room's creation, and the user as whom it was asked. An empty page never
  // shows that somebody left.
  [[nodiscard]] bool HandleState(Moment at, Instant requested_at, const std::string& as_user,
                                 const std::vector<Event>& events, std::vector<Evidence>& out);

  // The homeserver will not tell the state to anybody we could ask as: what was pushed is all there
  // is, and the order of its arrival the best guess where all of it was seen.
  void AcceptDoubts(Instant now, std::vector<Evidence>& out);

  void HandleTimeout(Instant now, std::vector<Evidence>& out) { rtc_.HandleTimeout(now, out); }
  [[nodiscard]] Instant NextDeadline() const { return rtc_.NextDeadline(); }

  // Whether users of that server may take part. Those of our own homeserver always may: an ACL is
  // about what servers accept from each other.
  [[nodiscard]] bool Permits(std::string_view server_name) const;
  [[nodiscard]] SlotStatus Slot(const std::string& slot_id) const;
  [[nodiscard]] bool is_encrypted() const { return is_encrypted_; }
  [[nodiscard]] bool is_tombstoned() const { return is_tombstoned_; }
  // When a complete state was last asked for and seen.
  [[nodiscard]] std::optional<Instant> complete_at() const { return complete_at_; }
  // The last complete state wanted a second look.
  [[nodiscard]] bool wants_look() const { return wants_look_; }
  void ForgetState() { complete_at_.reset(); }

  [[nodiscard]] RoomMembers& members() { return members_; }
  [[nodiscard]] const RoomMembers& members() const { return members_; }
  [[nodiscard]] const RoomRtc& rtc() const { return rtc_; }
  [[nodiscard]] bool IsConsistent() const {
    return members_.IsConsistent() && rtc_.IsConsistent() && slots_.size() <= limits::kRoomSlotsMax;
  }

 private:
  struct SlotRecord {
    StateCell cell;
    SlotStatus status = SlotStatus::kMissing;
  };

  void HandleAcl(Instant now, const Event& event, std::vector<Evidence>& out);
  void HandleSlot(Instant now, const Event& event, std::vector<Evidence>& out);
  void ApplyAcl(const Event& event, std::vector<Evidence>& out);
  void ApplySlot(const std::string& slot_id, SlotRecord& record, const Event& event,
                 std::vector<Evidence>& out) const;
  // What a complete state says of ACL and slots. Says whether a further look is needed.
  [[nodiscard]] bool AdoptAcl(Instant now, Instant requested_at, const std::vector<Event>& events,
                              std::vector<Evidence>& out);
  [[nodiscard]] bool AdoptSlots(Instant now, Instant requested_at, const std::vector<Event>& events,
                                std::vector<Evidence>& out);
  void BecomeEncrypted(std::vector<Evidence>& out);
  void Emit(EvidenceKind kind, std::vector<Evidence>& out, std::string slot_id = {}) const;

  RoomMembers members_;
  RoomRtc rtc_;
  std::map<std::string, SlotRecord> slots_;
  std::optional<ServerAcl> acl_;
  StateCell acl_cell_;
  std::optional<Instant> complete_at_;
  bool is_encrypted_ = false;
  bool is_tombstoned_ = false;
  bool wants_look_ = false;

  // Constant after construction.
  const std::string room_id_;
  const std::string homeserver_;
};

}  // namespace fovea::matrix
