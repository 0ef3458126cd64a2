// What the tracker has learned, as facts without a judgement. admission_policy.h says what each is
// worth. Thread: plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "signaling/matrix/rtc_member.h"

namespace fovea::matrix {

enum class EvidenceKind : std::uint8_t {
  // A client's own word about its part in a call.
  kMemberJoined,
  kMemberLeft,
  kMemberRedacted,
  kStickyExpired,
  kLegacyExpired,
  kMemberOverwritten,  // another user wrote over it
  kMemberUnreadable,
  kMemberOpaque,  // the envelope of an encrypted one
  // The room's word about a user.
  kUserJoined,
  kUserLeft,
  kUserKicked,
  kUserBanned,
  kUserInvited,       // invited or knocking, and not joined before
  kUserMissingOnce,   // a complete room state says "not joined" without an event that did it
  kUserMissingTwice,  // a second one, kResetConfirmation later, says it again
  kUserDoubtful,      // an event whose place in the order is not certain
  // The homeserver's word about a device, whatever the room.
  kDeviceGone,  // logged out or deleted
  // The room's word about servers and slots.
  kServerAclChanged,
  kServerDenied,
  kServerPermitted,
  kSlotClosed,
  kSlotOpened,
  kRoomEncrypted,
  kRoomTombstoned,
  kHomeserverGone,   // the last of our homeserver's users left
  kReconcileFailed,  // the homeserver did not tell the room's state
  kCount,
};
inline constexpr std::size_t kEvidenceKinds = static_cast<std::size_t>(EvidenceKind::kCount);

// snake_case, as used in metric labels and the policy table.
[[nodiscard]] std::string_view ToString(EvidenceKind kind);

struct Evidence {
  EvidenceKind kind = EvidenceKind::kUserDoubtful;
  std::string room_id{};
  std::string user_id{};                  // kMember*, kUser*
  std::string slot_id{};                  // kSlot*
  std::optional<RtcMembership> member{};  // kMember*, k*Expired
};

}  // namespace fovea::matrix
