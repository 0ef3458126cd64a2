#include "signaling/matrix/admission_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace fovea::matrix {
namespace {

using Action = PolicyAction;
using Kind = EvidenceKind;

// Every row of the policy once more, as the operator reads it: a change of the table is a change
// here.
struct Expected {
  std::string_view name;
  Kind evidence;
  Situation situation;
  Action action;
  int grace_s;
  int evict_grace_s = 0;
};

constexpr Situation kIn{.generation = Generation::k1, .is_connected = true, .was_member = true};
constexpr Situation kStranger{.generation = Generation::k2, .is_connected = true};
constexpr Situation kAway{.generation = Generation::k2, .was_member = true};
constexpr Situation kGen3{.generation = Generation::k3, .is_connected = true};
constexpr Situation kBound{
    .generation = Generation::k2, .is_connected = true, .slots_bind_openid = true};

const Expected kExpected[] = {
    {"member joins", Kind::kMemberJoined, kStranger, Action::kPin, 0},
    {"member leaves", Kind::kMemberLeft, kIn, Action::kEndAfterGrace, 30, 120},
    {"member leaves, not connected", Kind::kMemberLeft, kAway, Action::kNothing, 0},
    {"member redacted", Kind::kMemberRedacted, kIn, Action::kEndAfterGrace, 30, 120},
    {"member redacted, not connected", Kind::kMemberRedacted, kStranger, Action::kNothing, 0},
    {"sticky member expires", Kind::kStickyExpired, kIn, Action::kEndAfterGrace, 120, 240},
    {"sticky member expires, not connected", Kind::kStickyExpired, kAway, Action::kNothing, 0},
    {"legacy member expires", Kind::kLegacyExpired, kIn, Action::kNothing, 0},
    {"member overwritten by somebody else", Kind::kMemberOverwritten, kIn, Action::kNothing, 0},
    {"member unreadable", Kind::kMemberUnreadable, kIn, Action::kNothing, 0},
    {"member encrypted", Kind::kMemberOpaque, kIn, Action::kNothing, 0},
    {"user joins", Kind::kUserJoined, kAway, Action::kNothing, 0},
    {"user leaves", Kind::kUserLeft, kIn, Action::kEvict, 0},
    {"user kicked", Kind::kUserKicked, kAway, Action::kEvict, 0},
    {"user banned", Kind::kUserBanned, kStranger, Action::kEvict, 0},
    {"user invited or knocking", Kind::kUserInvited, kIn, Action::kNothing, 0},
    {"user missing once", Kind::kUserMissingOnce, kIn, Action::kLookAgain, 0},
    {"user missing twice", Kind::kUserMissingTwice, kIn, Action::kEvict, 0},
    {"user doubtful", Kind::kUserDoubtful, kIn, Action::kLookAgain, 0},
    {"device logged out", Kind::kDeviceGone, kIn, Action::kEvict, 0},
    {"server ACL changes", Kind::kServerAclChanged, kIn, Action::kNothing, 0},
    {"server denied", Kind::kServerDenied, kIn, Action::kEvict, 0},
    {"server permitted", Kind::kServerPermitted, kAway, Action::kNothing, 0},
    {"slot closed", Kind::kSlotClosed, kGen3, Action::kEvictAfterGrace, 5},
    {"slot closed, slots_bind_openid", Kind::kSlotClosed, kBound, Action::kEvictAfterGrace, 5},
    {"slot closed, otherwise", Kind::kSlotClosed, kIn, Action::kNothing, 0},
    {"slot opened", Kind::kSlotOpened, kGen3, Action::kCancelGrace, 0},
    {"room becomes encrypted", Kind::kRoomEncrypted, kIn, Action::kCancelGrace, 0},
    {"room replaced", Kind::kRoomTombstoned, kIn, Action::kNothing, 0},
    {"homeserver gone", Kind::kHomeserverGone, kIn, Action::kCloseRoom, 0},
    {"reconcile failed", Kind::kReconcileFailed, kIn, Action::kNothing, 0},
};

class PolicyRows : public ::testing::TestWithParam<Expected> {};
INSTANTIATE_TEST_SUITE_P(All, PolicyRows, ::testing::ValuesIn(kExpected), [](const auto& test) {
  std::string name(test.param.name);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
});

TEST_P(PolicyRows, DecidesAsWritten) {
  const Expected& expected = GetParam();
  const PolicyRow& row = Decide(AdmissionPolicy(), expected.evidence, expected.situation);
  EXPECT_EQ(row.name, expected.name);
  EXPECT_EQ(row.action, expected.action);
  EXPECT_EQ(ToMillis(row.grace), expected.grace_s * 1000);
  EXPECT_EQ(ToMillis(row.evict_grace), expected.evict_grace_s * 1000);
  EXPECT_FALSE(row.why.empty());
}

TEST(AdmissionPolicy, HasATestForEveryRow) {
  std::set<std::string_view> tested;
  for (const Expected& expected : kExpected) tested.insert(expected.name);
  for (const PolicyRow& row : AdmissionPolicy()) EXPECT_TRUE(tested.contains(row.name)) << row.name;
  EXPECT_EQ(tested.size(), AdmissionPolicy().size());
}

TEST(AdmissionPolicy, DecidesEverything) {
  for (std::size_t kind = 0; kind < kEvidenceKinds; ++kind) {
    for (const Generation generation : {Generation::k1, Generation::k2, Generation::k3}) {
      for (int bits = 0; bits < 8; ++bits) {
        const Situation situation{.generation = generation,
                                  .is_connected = (bits & 1) != 0,
                                  .was_member = (bits & 2) != 0,
                                  .slots_bind_openid = (bits & 4) != 0};
        const auto& row = Decide(AdmissionPolicy(), static_cast<Kind>(kind), situation);
        EXPECT_EQ(row.evidence, static_cast<Kind>(kind));
      }
    }
  }
}

TEST(AdmissionPolicy, PutsNobodyOutForAMembershipWithoutGrace) {
  for (const PolicyRow& row : AdmissionPolicy()) {
    if (row.action != Action::kEndAfterGrace) continue;
    EXPECT_GE(row.grace, Seconds(30)) << row.name;
    EXPECT_GT(row.evict_grace, row.grace) << row.name;
  }
}

TEST(AdmissionPolicy, EvictsOnNothingButTheWordOfRoomOrHomeserver) {
  const std::set<Kind> evicting{Kind::kUserLeft,         Kind::kUserKicked,   Kind::kUserBanned,
                                Kind::kUserMissingTwice, Kind::kServerDenied, Kind::kSlotClosed,
                                Kind::kDeviceGone};
  for (const PolicyRow& row : AdmissionPolicy()) {
    if (row.action != Action::kEvict && row.action != Action::kEvictAfterGrace) continue;
    EXPECT_TRUE(evicting.contains(row.evidence)) << row.name;
  }
}

struct ExpectedMint {
  MintCase which;
  MintFacts facts;
  MintVerdict verdict;
};
const ExpectedMint kExpectedMint[] = {
    {MintCase::kNotWatching, {.is_watching = false}, MintVerdict::kAllow},
    {MintCase::kTableFull, {.is_table_full = true, .is_joined = true}, MintVerdict::kDeny},
    {MintCase::kServerDenied, {.is_server_denied = true, .is_joined = true}, MintVerdict::kDeny},
    {MintCase::kSlotClosed, {.is_slot_closed = true, .is_joined = true}, MintVerdict::kDeny},
    {MintCase::kJoined, {.is_joined = true, .is_fresh = true}, MintVerdict::kAllow},
    {MintCase::kNotYetAsked, {.is_joined = true}, MintVerdict::kAskHomeserver},
    {MintCase::kUnreachable,
     {.is_joined = true, .was_asked = true, .is_unreachable = true},
     MintVerdict::kDeny},
    {MintCase::kNotJoined, {.was_asked = true, .is_known_room = true}, MintVerdict::kDeny},
    {MintCase::kUnknownAllowed, {.was_asked = true}, MintVerdict::kAllow},
    {MintCase::kUnknownDenied,
     {.was_asked = true, .unknown_room_allowed = false},
     MintVerdict::kDeny},
};

TEST(MintPolicy, AnswersEveryCaseAsWritten) {
  std::size_t tested = 0;
  for (const ExpectedMint& expected : kExpectedMint) {
    const MintRow& row = DecideMint(expected.facts);
    EXPECT_EQ(row.which, expected.which) << row.name;
    EXPECT_EQ(row.verdict, expected.verdict) << row.name;
    EXPECT_EQ(static_cast<std::size_t>(row.which), tested++);
  }
  EXPECT_EQ(tested, MintPolicy().size());
}

TEST(AdmissionPolicy, IsInTheReadmeAsItIs) {
  std::ifstream file(std::string(FOVEA_SOURCE_DIR) + "/signaling/matrix/README.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find(PolicyMarkdown()), std::string::npos)
      << "signaling/matrix/README.md should hold:\n"
      << PolicyMarkdown();
}

}  // namespace
}  // namespace fovea::matrix
