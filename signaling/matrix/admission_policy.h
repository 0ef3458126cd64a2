// The written policy: what each piece of evidence does to somebody who holds a token, and what a
// request for a token is answered. Data only; the conductor obeys it. matrixrtc reference, section
// 6.4. The tables in README.md are these. Thread: constants and pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sfu/core/time.h"
#include "signaling/matrix/evidence.h"

namespace fovea::matrix {

// Which contract somebody's token was asked by: MatrixRTC's generations.
enum class Generation : std::uint8_t { k1 = 1, k2 = 2, k3 = 4 };
inline constexpr std::uint8_t kEveryGeneration = 7;

enum class PolicyAction : std::uint8_t {
  kNothing,
  kPin,            // remember the membership with the identity; ends a grace period
  kLookAgain,      // ask the homeserver for the room's state
  kEndAfterGrace,  // first the right to publish goes, then the connection, unless it shows again
  kEvictAfterGrace,
  kEvict,  // now: connection, tokens, delegated leave
  kCancelGrace,
  kCloseRoom,
};

// When a row applies, besides its evidence and generations.
enum class PolicyCondition : std::uint8_t {
  kAlways,
  kWasMember,        // connected, and showed this very membership before
  kSlotsBindOption,  // option slots_bind_openid is on
};

// What a row is chosen by.
struct Situation {
  Generation generation = Generation::k1;
  bool is_connected = false;
  bool was_member = false;
  bool slots_bind_openid = false;
};

struct PolicyRow {
  std::string_view name;
  EvidenceKind evidence;
  std::uint8_t generations;  // Generation values, or-ed
  PolicyCondition condition;
  PolicyAction action;
  Duration grace;
  Duration evict_grace;  // of kEndAfterGrace: when the connection goes
  std::string_view why;
};

// The first row that fits decides; every kind ends with a row that fits always.
[[nodiscard]] std::span<const PolicyRow> AdmissionPolicy();

// REQUIRES: `policy` has a fitting row, as AdmissionPolicy() has for everything.
[[nodiscard]] const PolicyRow& Decide(std::span<const PolicyRow> policy, EvidenceKind evidence,
                                      const Situation& situation);

enum class MintVerdict : std::uint8_t { kAllow, kDeny, kAskHomeserver };

// What a request for a token finds; the first that is true, in this order.
enum class MintCase : std::uint8_t {
  kNotWatching,  // no homeserver is configured: the OpenID token is all there is
  kTableFull,
  kServerDenied,
  kSlotClosed,
  kJoined,          // confirmed within kKnowledgeMax
  kNotYetAsked,     // not joined, or not known well enough, and the homeserver was not asked yet
  kUnreachable,     // no answer, or nothing was asked about this user
  kNotJoined,       // asked, and a complete answer, or a refusal for this very user
  kUnknownAllowed,  // a room that our homeserver shows nobody: policy unknown_room
  kUnknownDenied,
  kCount,
};
inline constexpr std::size_t kMintCases = static_cast<std::size_t>(MintCase::kCount);

// snake_case, as used in metric labels.
[[nodiscard]] std::string_view ToString(MintCase which);

// How long knowledge counts while the homeserver is silent. Longer lets somebody who was put out
// meanwhile ask for a token, shorter locks members out when their homeserver restarts.
inline constexpr Duration kKnowledgeMax = Seconds(600);

struct MintFacts {
  bool is_watching = true;
  bool is_table_full = false;
  bool is_server_denied = false;
  bool is_slot_closed = false;  // and slots bind this generation
  bool is_joined = false;
  bool is_fresh = false;        // confirmed within kKnowledgeMax
  bool was_asked = false;       // or there is no place to wait for an answer
  bool is_unreachable = false;  // there is no answer about this user
  bool is_known_room = false;   // a complete state was seen, or this user was refused it
  bool unknown_room_allowed = true;
};

struct MintRow {
  MintCase which;
  std::string_view name;
  MintVerdict verdict;
  std::string_view why;
};

[[nodiscard]] std::span<const MintRow> MintPolicy();  // one row per MintCase, in its order
[[nodiscard]] const MintRow& DecideMint(const MintFacts& facts);

// Both tables as the README shows them.
[[nodiscard]] std::string PolicyMarkdown();

}  // namespace fovea::matrix
