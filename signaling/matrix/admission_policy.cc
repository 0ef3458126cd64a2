#include "signaling/matrix/admission_policy.h"

#include <array>
#include <utility>

#include "sfu/core/check.h"

namespace fovea::matrix {
namespace {

using Kind = EvidenceKind;
using Action = PolicyAction;
using Condition = PolicyCondition;

constexpr std::uint8_t kGen1 = static_cast<std::uint8_t>(Generation::k1);
constexpr std::uint8_t kGen2 = static_cast<std::uint8_t>(Generation::k2);
constexpr std::uint8_t kGen3 = static_cast<std::uint8_t>(Generation::k3);
constexpr std::uint8_t kAll = kEveryGeneration;
constexpr Duration kNow = Duration::zero();

// Clients restart their delayed leave every 4 s and let it fire after 18 s, so a leave that is
// taken back comes back well within this.
constexpr Duration kMemberGrace = Seconds(30);
constexpr Duration kMemberEnd = Seconds(120);
// Members refresh 5 s before they expire; clocks and a slow homeserver may be late by more.
constexpr Duration kExpiryGrace = Seconds(120);
constexpr Duration kExpiryEnd = Seconds(240);
constexpr Duration kSlotGrace = Seconds(5);

constexpr std::array kPolicy{
    PolicyRow{"member joins", Kind::kMemberJoined, kAll, Condition::kAlways, Action::kPin, kNow,
              kNow, "a hint: nobody needs a member event to get a token or to stay"},
    PolicyRow{"member leaves", Kind::kMemberLeft, kAll, Condition::kWasMember,
              Action::kEndAfterGrace, kMemberGrace, kMemberEnd,
              "a client that is still there joins again within seconds"},
    PolicyRow{"member leaves, not connected", Kind::kMemberLeft, kAll, Condition::kAlways,
              Action::kNothing, kNow, kNow,
              "nothing is left to stop, or it never showed this membership"},
    PolicyRow{"member redacted", Kind::kMemberRedacted, kAll, Condition::kWasMember,
              Action::kEndAfterGrace, kMemberGrace, kMemberEnd, "the same as a leave"},
    PolicyRow{"member redacted, not connected", Kind::kMemberRedacted, kAll, Condition::kAlways,
              Action::kNothing, kNow, kNow, "the same as a leave"},
    PolicyRow{"sticky member expires", Kind::kStickyExpired, kAll, Condition::kWasMember,
              Action::kEndAfterGrace, kExpiryGrace, kExpiryEnd,
              "refreshes come 5 s before the end, and clocks differ"},
    PolicyRow{"sticky member expires, not connected", Kind::kStickyExpired, kAll,
              Condition::kAlways, Action::kNothing, kNow, kNow, "nothing is left to stop"},
    PolicyRow{"legacy member expires", Kind::kLegacyExpired, kAll, Condition::kAlways,
              Action::kNothing, kNow, kNow,
              "media that flows from a joined user outweighs a number"},
    PolicyRow{"member overwritten by somebody else", Kind::kMemberOverwritten, kAll,
              Condition::kAlways, Action::kNothing, kNow, kNow,
              "anybody may write under a legacy state key; the client joins again at once"},
    PolicyRow{"member unreadable", Kind::kMemberUnreadable, kAll, Condition::kAlways,
              Action::kNothing, kNow, kNow, "nothing is concluded from what cannot be read"},
    PolicyRow{"member encrypted", Kind::kMemberOpaque, kAll, Condition::kAlways, Action::kNothing,
              kNow, kNow, "an envelope tells neither join nor leave"},
    PolicyRow{"user joins", Kind::kUserJoined, kAll, Condition::kAlways, Action::kNothing, kNow,
              kNow, "new tokens are good again; those from before the leave stay refused"},
    PolicyRow{"user leaves", Kind::kUserLeft, kAll, Condition::kAlways, Action::kEvict, kNow, kNow,
              "out of the room is out of its calls: every device, every slot"},
    PolicyRow{"user kicked", Kind::kUserKicked, kAll, Condition::kAlways, Action::kEvict, kNow,
              kNow, "the room's word, whoever the user's homeserver is"},
    PolicyRow{"user banned", Kind::kUserBanned, kAll, Condition::kAlways, Action::kEvict, kNow,
              kNow, "as kicked; no token until joined again"},
    PolicyRow{"user invited or knocking", Kind::kUserInvited, kAll, Condition::kAlways,
              Action::kNothing, kNow, kNow, "was not joined before, is not joined now"},
    PolicyRow{"user missing once", Kind::kUserMissingOnce, kAll, Condition::kAlways,
              Action::kLookAgain, kNow, kNow,
              "no event did it: a reset, or a lying or limping homeserver"},
    PolicyRow{"user missing twice", Kind::kUserMissingTwice, kAll, Condition::kAlways,
              Action::kEvict, kNow, kNow, "two complete states, at least 5 s apart"},
    PolicyRow{"user doubtful", Kind::kUserDoubtful, kAll, Condition::kAlways, Action::kLookAgain,
              kNow, kNow, "only a clock says which event came first; the homeserver knows"},
    PolicyRow{"device logged out", Kind::kDeviceGone, kAll, Condition::kAlways, Action::kEvict,
              kNow, kNow, "was there, and the homeserver says it is no more; that device only"},
    PolicyRow{"server ACL changes", Kind::kServerAclChanged, kAll, Condition::kAlways,
              Action::kNothing, kNow, kNow, "judged by server in the two rows below"},
    PolicyRow{"server denied", Kind::kServerDenied, kAll, Condition::kAlways, Action::kEvict, kNow,
              kNow, "nothing of that server reaches the room any more"},
    PolicyRow{"server permitted", Kind::kServerPermitted, kAll, Condition::kAlways,
              Action::kNothing, kNow, kNow, "as a user who joins again"},
    PolicyRow{"slot closed", Kind::kSlotClosed, kGen3, Condition::kAlways, Action::kEvictAfterGrace,
              kSlotGrace, kNow, "clients of this generation must obey slots"},
    PolicyRow{"slot closed, slots_bind_openid", Kind::kSlotClosed, kGen2,
              Condition::kSlotsBindOption, Action::kEvictAfterGrace, kSlotGrace, kNow,
              "for deployments whose clients see slots"},
    PolicyRow{"slot closed, otherwise", Kind::kSlotClosed, kGen1 | kGen2, Condition::kAlways,
              Action::kNothing, kNow, kNow,
              "legacy members ignore slots, embedded clients see none"},
    PolicyRow{"slot opened", Kind::kSlotOpened, kAll, Condition::kAlways, Action::kCancelGrace,
              kNow, kNow, "closed by mistake, or a new call"},
    PolicyRow{"room becomes encrypted", Kind::kRoomEncrypted, kAll, Condition::kAlways,
              Action::kCancelGrace, kNow, kNow, "sticky members are judged no more"},
    PolicyRow{"room replaced", Kind::kRoomTombstoned, kAll, Condition::kAlways, Action::kNothing,
              kNow, kNow, "the old room works on; the new one is another call"},
    PolicyRow{"homeserver gone", Kind::kHomeserverGone, kAll, Condition::kAlways,
              Action::kCloseRoom, kNow, kNow, "nobody would tell us of the next kick"},
    PolicyRow{"reconcile failed", Kind::kReconcileFailed, kAll, Condition::kAlways,
              Action::kNothing, kNow, kNow,
              "a homeserver that is down, slow or lying changes no call"},
};

constexpr std::array kMint{
    MintRow{MintCase::kNotWatching, "no homeserver configured", MintVerdict::kAllow,
            "the OpenID token is all there is to go by"},
    MintRow{MintCase::kTableFull, "table full", MintVerdict::kDeny,
            "a token that is not remembered could not be revoked"},
    MintRow{MintCase::kServerDenied, "server denied by the ACL", MintVerdict::kDeny, "as evicted"},
    MintRow{MintCase::kSlotClosed, "slot closed", MintVerdict::kDeny,
            "where slots bind the generation; a missing slot is open"},
    MintRow{MintCase::kJoined, "joined, confirmed within 10 min", MintVerdict::kAllow,
            "no member event is asked for: clients send it later"},
    MintRow{MintCase::kNotYetAsked, "not joined or not fresh, homeserver not asked",
            MintVerdict::kAskHomeserver, "the join of a remote user may lag behind its request"},
    MintRow{MintCase::kUnreachable, "homeserver does not answer", MintVerdict::kDeny,
            "nobody knows; the client tries again"},
    MintRow{MintCase::kNotJoined, "not joined", MintVerdict::kDeny,
            "left, kicked, banned, or never there"},
    MintRow{MintCase::kUnknownAllowed, "room unknown, unknown_room: allow", MintVerdict::kAllow,
            "as the reference token service; for OpenID tokens only"},
    MintRow{MintCase::kUnknownDenied, "room unknown, unknown_room: deny", MintVerdict::kDeny,
            "a focus for the rooms of its own homeserver only"},
};
static_assert(kMint.size() == static_cast<std::size_t>(MintCase::kCount));

bool Fits(const PolicyRow& row, EvidenceKind evidence, const Situation& situation) {
  if (row.evidence != evidence) return false;
  if ((row.generations & static_cast<std::uint8_t>(situation.generation)) == 0) return false;
  switch (row.condition) {
    case Condition::kAlways:
      return true;
    case Condition::kWasMember:
      return situation.is_connected && situation.was_member;
    case Condition::kSlotsBindOption:
      return situation.slots_bind_openid;
  }
  return false;
}

MintCase Classify(const MintFacts& facts) {
  if (!facts.is_watching) return MintCase::kNotWatching;
  if (facts.is_table_full) return MintCase::kTableFull;
  if (facts.is_server_denied) return MintCase::kServerDenied;
  if (facts.is_slot_closed) return MintCase::kSlotClosed;
  if (facts.is_joined && facts.is_fresh) return MintCase::kJoined;
  if (!facts.was_asked) return MintCase::kNotYetAsked;
  if (facts.is_unreachable) return MintCase::kUnreachable;
  if (facts.is_known_room) return MintCase::kNotJoined;
  return facts.unknown_room_allowed ? MintCase::kUnknownAllowed : MintCase::kUnknownDenied;
}

std::string_view ToString(PolicyAction action) {
  switch (action) {
    case Action::kNothing:
      return "nothing";
    case Action::kPin:
      return "admit hint";
    case Action::kLookAgain:
      return "ask the homeserver";
    case Action::kEndAfterGrace:
      return "stop publishing after";
    case Action::kEvictAfterGrace:
      return "evict after";
    case Action::kEvict:
      return "evict now";
    case Action::kCancelGrace:
      return "cancel what waits";
    case Action::kCloseRoom:
      return "close the room";
  }
  return "";
}

std::string_view ToString(MintVerdict verdict) {
  switch (verdict) {
    case MintVerdict::kAllow:
      return "allow";
    case MintVerdict::kDeny:
      return "deny";
    case MintVerdict::kAskHomeserver:
      return "ask the homeserver";
  }
  return "";
}

std::string Generations(std::uint8_t mask) {
  if (mask == kAll) return "all";
  std::string text;
  for (const auto& [bit, name] : {std::pair{kGen1, "1"}, {kGen2, "2"}, {kGen3, "3"}}) {
    if ((mask & bit) == 0) continue;
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

}  // namespace

std::span<const PolicyRow> AdmissionPolicy() { return kPolicy; }

std::span<const MintRow> MintPolicy() { return kMint; }

const PolicyRow& Decide(std::span<const PolicyRow> policy, EvidenceKind evidence,
                        const Situation& situation) {
  const PolicyRow* found = nullptr;
  for (const PolicyRow& row : policy) {
    if (!Fits(row, evidence, situation)) continue;
    found = &row;
    break;
  }
  FOVEA_CHECK(found != nullptr);
  return *found;
}

const MintRow& DecideMint(const MintFacts& facts) {
  return kMint[static_cast<std::size_t>(Classify(facts))];
}

std::string_view ToString(MintCase which) {
  switch (which) {
    case MintCase::kNotWatching:
      return "not_watching";
    case MintCase::kTableFull:
      return "table_full";
    case MintCase::kServerDenied:
      return "server_denied";
    case MintCase::kSlotClosed:
      return "slot_closed";
    case MintCase::kJoined:
      return "joined";
    case MintCase::kNotYetAsked:
      return "not_yet_asked";
    case MintCase::kUnreachable:
      return "homeserver_unreachable";
    case MintCase::kNotJoined:
      return "not_joined";
    case MintCase::kUnknownAllowed:
    case MintCase::kUnknownDenied:
      return "unknown_room";
    case MintCase::kCount:
      break;
  }
  return "invalid";
}

std::string PolicyMarkdown() {
  std::string text = "| case | evidence | generations | action | why |\n|---|---|---|---|---|\n";
  for (const PolicyRow& row : kPolicy) {
    std::string action(ToString(row.action));
    if (row.grace > kNow) action += " " + std::to_string(ToMillis(row.grace) / 1000) + " s";
    if (row.evict_grace > kNow) {
      action += ", evict after " + std::to_string(ToMillis(row.evict_grace) / 1000) + " s";
    }
    text += "| " + std::string(row.name) + " | `" + std::string(ToString(row.evidence)) + "` | " +
            Generations(row.generations) + " | " + action + " | " + std::string(row.why) + " |\n";
  }
  text += "\n| a token is asked for, and | answer | why |\n|---|---|---|\n";
  for (const MintRow& row : kMint) {
    text += "| " + std::string(row.name) + " | " + std::string(ToString(row.verdict)) + " | " +
            std::string(row.why) + " |\n";
  }
  return text;
}

}  // namespace fovea::matrix
