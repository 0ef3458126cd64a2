// What goes into the Conductor and what comes out of it. Thread: plain values, signaling.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "sfu/core/time.h"
#include "signaling/focus/call_facts.h"
#include "signaling/focus/device_watch.h"
#include "signaling/matrix/admission_policy.h"
#include "signaling/matrix/minted_identity.h"

namespace fovea::focus {

struct ConductorOptions {
  std::string homeserver;  // our homeserver's name; empty: nothing is watched, every mint allowed
  bool unknown_room_allowed = true;     // rooms that our homeserver shows to nobody
  bool slots_bind_openid = false;       // closed slots also concern tokens of /get_token
  bool restricted_can_publish = false;  // users of homeservers without full access
  // The homeserver can be read without asking as one of its users: our account is in the rooms
  // (/sync). Otherwise as a user who is (application service).
  bool reads_as_itself = false;
  // How often the state of a room with tokens is compared. Shorter finds state resets earlier and
  // costs the homeserver more; resets are the only thing that is not pushed.
  Duration reconcile_every = Seconds(300);
  // Another policy than AdmissionPolicy(); empty for that one.
  std::span<const matrix::PolicyRow> policy{};
};

// --- Actions, in the order in which they are to be done ------------------------------------------

// Put out: connection, if there is one, and every token issued before. Also for who is not
// connected: tokens only. Doing it again changes nothing.
struct Evict {
  std::string room_name;
  std::string identity;
  matrix::EvidenceKind reason = matrix::EvidenceKind::kUserLeft;
  std::int64_t tokens_before_unix = 0;  // tokens whose `nbf` is earlier are refused
};
// May not publish (unpublish, canPublish false), and may again.
struct RestrictPublish {
  std::string room_name;
  std::string identity;
};
struct RestorePublish {
  std::string room_name;
  std::string identity;
};
// Delete the LiveKit room. Everybody in it was named by an Evict before.
struct CloseRoom {
  std::string room_name;
};
// GET /rooms/{room_id}/state?user_id={as_user}, without user_id where it is empty; then
// HandleRoomState, with whatever came of it, and the question's `id`.
struct FetchRoomState {
  std::string room_id;
  std::string as_user;
  std::uint64_t id = 0;
};
// GET /rooms/{room_id}/is_joined?mxid={user_id} (MSC4502); then HandleIsJoined, whatever came of
// it.
struct AskIsJoined {
  std::string room_id;
  std::string user_id;
};
// GET /devices/{device_id}?user_id={user_id}; then HandleDevice, whatever came of it.
struct AskDevice {
  DeviceKey device;
};
// Send the delayed leave that was delegated for that participant, if any was.
struct SendDelayedLeave {
  std::string room_name;
  std::string identity;
};
// For webhooks and metrics.
struct CallChanged {
  std::string room_name;
  CallChangeKind kind = CallChangeKind::kStarted;
};

using ConductorAction =
    std::variant<Evict, RestrictPublish, RestorePublish, CloseRoom, FetchRoomState, AskIsJoined,
                 AskDevice, SendDelayedLeave, CallChanged>;

// --- What survives a restart ---------------------------------------------------------------------

struct Revocation {
  std::string room_name;
  std::string identity;
  std::int64_t tokens_before_unix = 0;
};
struct PutMinted {
  matrix::MintedIdentity minted;
};
// Also its revocation, if it has one.
struct RemoveMinted {
  std::string room_name;
  std::string identity;
};
struct PutRevocation {
  Revocation revocation;
};
struct PutTransactionId {
  std::string id;
};
struct RemoveTransactionId {
  std::string id;
};
using ConductorStoreChange =
    std::variant<PutMinted, RemoveMinted, PutRevocation, PutTransactionId, RemoveTransactionId>;

// --- Questions and answers -----------------------------------------------------------------------

struct MintQuery {
  std::string room_id;
  std::string slot_id;
  std::string user_id;
  matrix::TokenRoute route = matrix::TokenRoute::kLegacy;
  bool was_asked = false;  // MayMint said kAskHomeserver, and the room's answer has come, or never
};
struct MintDecision {
  matrix::MintVerdict verdict = matrix::MintVerdict::kDeny;
  matrix::MintCase reason = matrix::MintCase::kNotJoined;
  // The token's `nbf`, where that is later than now: by at most a second, unless the clock was set
  // back. A token issued in the very second of a revocation would be refused with the old ones.
  std::int64_t not_before_unix = 0;
  // With kAskHomeserver: the user's membership was asked for, too. Both answers are needed.
  bool asks_is_joined = false;
};

enum class TransactionOutcome : std::uint8_t {
  kTaken,      // 200 {}
  kRepeated,   // 200 {}: nothing was done
  kMalformed,  // 400: it is not a transaction
};

struct RoomStateAnswer {
  enum class Status : std::uint8_t {
    kAnswered,  // 200 with `body`
    kRefused,   // 403 or 404: not for this user, as whom everything else may be asked
    kNotAs,     // 403: nothing may be asked as this user, so nothing is said about them
    kFailed,    // anything else: no connection, time-out, 5xx, 429
  };
  std::string room_id;
  std::string as_user;
  std::uint64_t id = 0;  // of the question: an answer to one that was given up says nothing
  Status status = Status::kFailed;
  std::string_view body{};  // the whole body, or status is kFailed
  Duration retry_after = Duration::zero();
};

}  // namespace fovea::focus
