// Tokens that a homeserver asks for, and its word about one user (MSC4502).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sfu/core/limits.h"
#include "tests/unit/signaling/focus/conductor_fixture.h"

namespace fovea::focus::test {
namespace {

using matrix::JoinedAnswer;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Status = RoomStateAnswer::Status;

class IsJoinedTest : public ConductorTest {
 protected:
  MintDecision Ask(const std::string& user, bool was_asked = false,
                   TokenRoute route = TokenRoute::kFederation) {
    return MayMint(user, was_asked, route);
  }
  void Tell(JoinedAnswer answer) {
    ASSERT_FALSE(asked_about_.empty());
    const AskIsJoined question = asked_about_.front();
    asked_about_.erase(asked_about_.begin());
    conductor_->HandleIsJoined(now_, question, answer);
    Drain();
  }
  // A room that the homeserver shows nobody whom we know.
  MintDecision AfterRefusal(JoinedAnswer answer) {
    EXPECT_TRUE(Ask("@eve:far").asks_is_joined);
    Answer(Status::kRefused);
    Tell(answer);
    return Ask("@eve:far", true);
  }
};

TEST_F(IsJoinedTest, IsAskedForWhereTheHomeserverAsksForTheToken) {
  EXPECT_TRUE(Ask("@eve:far").asks_is_joined);
  EXPECT_TRUE(Ask("@bob:hs", false, TokenRoute::kHomeserver).asks_is_joined);
  ASSERT_THAT(asked_about_, SizeIs(2));
  EXPECT_EQ(asked_about_[0].room_id, kRoom);
  EXPECT_EQ(asked_about_[0].user_id, "@eve:far");
  EXPECT_FALSE(Ask("@bob:hs", false, TokenRoute::kLegacy).asks_is_joined);
  EXPECT_FALSE(Ask("@bob:hs", false, TokenRoute::kOpenId).asks_is_joined);
  EXPECT_THAT(asked_about_, SizeIs(2));
}

TEST_F(IsJoinedTest, SaysWhoIsInARoomThatNobodyOfOursMayRead) {
  EXPECT_EQ(AfterRefusal(JoinedAnswer::kJoined).verdict, MintVerdict::kAllow);
}

TEST_F(IsJoinedTest, SaysWhoIsNot) {
  const MintDecision decision = AfterRefusal(JoinedAnswer::kNotJoined);
  EXPECT_EQ(decision.verdict, MintVerdict::kDeny);
  EXPECT_EQ(decision.reason, MintCase::kNotJoined);
}

// What is allowed to whoever has an OpenID token is not allowed where the homeserver could tell.
TEST_F(IsJoinedTest, LeavesAnUnknownRoomClosedWhenNotAnswered) {
  EXPECT_EQ(AfterRefusal(JoinedAnswer::kUnknown).reason, MintCase::kUnknownDenied);
  const MintDecision openid = Ask("@eve:far", true, TokenRoute::kLegacy);
  EXPECT_EQ(openid.reason, MintCase::kUnknownAllowed);
}

TEST_F(IsJoinedTest, IsNotNeededWhereTheRoomIsKnown) {
  StartRoom({"@eve:far"});
  const MintDecision decision = Ask("@eve:far");
  EXPECT_EQ(decision.verdict, MintVerdict::kAllow);
  EXPECT_FALSE(decision.asks_is_joined);
}

TEST_F(IsJoinedTest, IsForgottenForAnEventAboutTheUser) {
  StartRoom({});
  static_cast<void>(Ask("@eve:far"));
  Push({Member("@eve:far", "join")});
  Push({Member("@eve:far", "leave", "@admin:hs")});
  Tell(JoinedAnswer::kJoined);  // as it was before the kick
  AnswerState();
  EXPECT_EQ(Ask("@eve:far", true).verdict, MintVerdict::kDeny);
}

// The push of the join is late, and the room's state does not come.
TEST_F(IsJoinedTest, LetsInWhoeverIsBackWithoutPuttingThemOutAgain) {
  StartRoom({"@eve:far"});
  Push({Member("@eve:far", "leave")});
  Pass(Seconds(2));
  static_cast<void>(Ask("@eve:far"));
  Answer(Status::kFailed);
  Tell(JoinedAnswer::kJoined);
  EXPECT_EQ(Ask("@eve:far", true).reason, MintCase::kJoined);
  static_cast<void>(Connect("@eve:far", "E", TokenRoute::kFederation, "m"));
  EXPECT_THAT(evicted_, IsEmpty());
  Push({Member("@eve:far", "join")});
  Settle();
  EXPECT_THAT(evicted_, IsEmpty());
}

TEST_F(IsJoinedTest, IsComparedWithALaterStateOfTheRoom) {
  StartRoom({"@eve:far"});
  Push({Member("@eve:far", "leave")});
  Pass(Seconds(2));
  static_cast<void>(Ask("@eve:far"));
  Tell(JoinedAnswer::kJoined);
  static_cast<void>(Connect("@eve:far", "E", TokenRoute::kFederation, "m"));
  AnswerState();  // may be from before that word
  EXPECT_THAT(evicted_, IsEmpty());
  Settle(Seconds(6));
  EXPECT_THAT(evicted_, SizeIs(1));
}

TEST_F(IsJoinedTest, CountsForNothingWhereItMayBeBehindThePushes) {
  StartRoom({"@eve:far"});
  Push({Member("@eve:far", "leave", "@admin:hs")});
  static_cast<void>(Ask("@eve:far"));
  AnswerState();
  Tell(JoinedAnswer::kJoined);
  EXPECT_EQ(Ask("@eve:far", true).reason, MintCase::kNotJoined);
}

TEST_F(IsJoinedTest, IsGoodForTheRequestThatAskedAlone) {
  EXPECT_EQ(AfterRefusal(JoinedAnswer::kJoined).verdict, MintVerdict::kAllow);
  Pass(Conductor::kAnswerGoodFor + Seconds(1));
  EXPECT_TRUE(Ask("@eve:far").asks_is_joined);
}

TEST_F(IsJoinedTest, EvictsNobody) {
  StartRoom({"@eve:far"});
  static_cast<void>(Connect("@eve:far", "E", TokenRoute::kFederation, "m"));
  Pass(Seconds(700));  // what is known has grown old
  while (!asked_.empty()) Answer(Status::kFailed);
  static_cast<void>(Ask("@eve:far"));
  Tell(JoinedAnswer::kNotJoined);
  EXPECT_THAT(Evicted(), IsEmpty());
}

TEST_F(IsJoinedTest, DoesNotOverruleTheServerAcl) {
  StartRoom({"@eve:far"});
  Push({State("m.room.server_acl", "", "@admin:hs", {{"allow", {"hs"}}})});
  EXPECT_EQ(Ask("@eve:far").reason, MintCase::kServerDenied);
}

TEST_F(IsJoinedTest, RemembersABoundedNumberOfUsers) {
  for (std::size_t i = 0; i < limits::kToldUsersMax; ++i) {
    static_cast<void>(Ask("@u" + std::to_string(i) + ":far"));
  }
  Tell(JoinedAnswer::kJoined);  // u0 is remembered
  EXPECT_EQ(Ask("@u0:far", true).verdict, MintVerdict::kAllow);
  static_cast<void>(Ask("@more:far"));  // and all are forgotten
  EXPECT_NE(Ask("@u0:far", true).verdict, MintVerdict::kAllow);
  Tell(JoinedAnswer::kJoined);  // about u1, of whom nobody was asked any more
  EXPECT_NE(Ask("@u1:far", true).verdict, MintVerdict::kAllow);
  EXPECT_TRUE(Ask("@u0:far").asks_is_joined) << "asked again";
  asked_about_.erase(asked_about_.begin(), asked_about_.end() - 1);
  Tell(JoinedAnswer::kJoined);
  EXPECT_EQ(Ask("@u0:far", true).verdict, MintVerdict::kAllow);
}

}  // namespace
}  // namespace fovea::focus::test
