#include "signaling/matrix/evidence.h"

namespace fovea::matrix {

std::string_view ToString(EvidenceKind kind) {
  switch (kind) {
    case EvidenceKind::kMemberJoined:
      return "member_joined";
    case EvidenceKind::kMemberLeft:
      return "member_left";
    case EvidenceKind::kMemberRedacted:
      return "member_redacted";
    case EvidenceKind::kStickyExpired:
      return "sticky_expired";
    case EvidenceKind::kLegacyExpired:
      return "legacy_expired";
    case EvidenceKind::kMemberOverwritten:
      return "member_overwritten";
    case EvidenceKind::kMemberUnreadable:
      return "member_unreadable";
    case EvidenceKind::kMemberOpaque:
      return "member_opaque";
    case EvidenceKind::kUserJoined:
      return "user_joined";
    case EvidenceKind::kUserLeft:
      return "user_left";
    case EvidenceKind::kUserKicked:
      return "user_kicked";
    case EvidenceKind::kUserBanned:
      return "user_banned";
    case EvidenceKind::kUserInvited:
      return "user_invited";
    case EvidenceKind::kUserMissingOnce:
      return "user_missing_once";
    case EvidenceKind::kUserMissingTwice:
      return "user_missing_twice";
    case EvidenceKind::kUserDoubtful:
      return "user_doubtful";
    case EvidenceKind::kDeviceGone:
      return "device_gone";
    case EvidenceKind::kServerAclChanged:
      return "server_acl_changed";
    case EvidenceKind::kServerDenied:
      return "server_denied";
    case EvidenceKind::kServerPermitted:
      return "server_permitted";
    case EvidenceKind::kSlotClosed:
      return "slot_closed";
    case EvidenceKind::kSlotOpened:
      return "slot_opened";
    case EvidenceKind::kRoomEncrypted:
      return "room_encrypted";
    case EvidenceKind::kRoomTombstoned:
      return "room_tombstoned";
    case EvidenceKind::kHomeserverGone:
      return "homeserver_gone";
    case EvidenceKind::kReconcileFailed:
      return "reconcile_failed";
    case EvidenceKind::kCount:
      break;
  }
  return "unknown";
}

}  // namespace fovea::matrix
