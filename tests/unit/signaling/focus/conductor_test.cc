#include "signaling/focus/conductor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/signaling/focus/conductor_fixture.h"

namespace fovea::focus::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST_F(ConductorTest, PutsOutEveryDeviceOfAKickedUserAtOnce) {
  StartRoom({"@bob:hs", "@carol:far"});
  const auto phone = Connect("@bob:hs", "PHONE");
  const auto laptop = Connect("@bob:hs", "LAPTOP", TokenRoute::kOpenId, "mem");
  static_cast<void>(Connect("@carol:far", "C"));
  Push({Member("@bob:hs", "leave", "@admin:hs")});
  EXPECT_THAT(Evicted(), UnorderedElementsAre(phone.identity, laptop.identity));
  EXPECT_THAT(leaves_, UnorderedElementsAre(phone.identity, laptop.identity));
  EXPECT_EQ(evicted_[0].reason, EvidenceKind::kUserKicked);
  EXPECT_GT(evicted_[0].tokens_before_unix, phone.issued_unix);
  EXPECT_EQ(stored_revocations_.size(), 2U);
}

// A connection that ends before it carries media looks like somebody who gave up, and that ends the
// job without a send.
TEST_F(ConductorTest, HasTheLeaveSentBeforeTheConnectionEnds) {
  StartRoom({"@bob:hs"});
  const auto phone = Mint("@bob:hs", "PHONE");
  Push({Member("@bob:hs", "leave", "@admin:hs")});
  EXPECT_THAT(deeds_, ElementsAre("leave " + phone.identity, "evict " + phone.identity));
}

TEST_F(ConductorTest, PutsOutARemoteUserWhoLeavesOrIsBanned) {
  StartRoom({"@carol:far", "@dave:far"});
  static_cast<void>(Connect("@carol:far", "C"));
  const auto dave = Mint("@dave:far", "D");  // holds a token, is not connected
  Push({Member("@carol:far", "leave"), Member("@dave:far", "ban", "@admin:hs")});
  EXPECT_THAT(evicted_, SizeIs(2));
  EXPECT_EQ(evicted_[0].reason, EvidenceKind::kUserLeft);
  EXPECT_EQ(evicted_[1].identity, dave.identity);
  EXPECT_EQ(evicted_[1].reason, EvidenceKind::kUserBanned);
}

TEST_F(ConductorTest, GivesNoTokenToTheBannedUntilTheyAreJoinedAgain) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  Push({Member("@bob:hs", "ban", "@admin:hs")});
  Settle();
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAskHomeserver);
  AnswerState();
  EXPECT_EQ(MayMint("@bob:hs", true).reason, MintCase::kNotJoined);
  Push({Member("@bob:hs", "leave", "@admin:hs")});  // unbanned
  Settle();
  EXPECT_EQ(MayMint("@bob:hs", true).verdict, MintVerdict::kDeny);
  Push({Member("@bob:hs", "join")});
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAllow);
}

TEST_F(ConductorTest, ReadmitsWithNewTokensAndKeepsRefusingTheOldOnes) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  Push({Member("@bob:hs", "leave"), Member("@bob:hs", "join")});
  ASSERT_THAT(evicted_, SizeIs(1));
  const MintDecision decision = MayMint("@bob:hs");
  EXPECT_EQ(decision.verdict, MintVerdict::kAllow);
  // Within the second of the eviction, the new token must not look like one of the old.
  EXPECT_EQ(decision.not_before_unix, Unix() + 1);
  MintedIdentity again = Minted("@bob:hs", "B");
  again.issued_unix = decision.not_before_unix;
  conductor_->RecordMint(now_, again);
  Drain();
  EXPECT_THAT(evicted_, SizeIs(1));
  Push({Member("@bob:hs", "leave", "@admin:hs")});
  EXPECT_THAT(evicted_, SizeIs(2));
}

TEST_F(ConductorTest, RefusesTokensByTheWallClockAsItIsAtTheKick) {
  StartRoom({"@bob:hs", "@carol:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  wall_offset_us_ += ToMicros(Seconds(3600));  // NTP, or a suspended machine
  Push({Member("@bob:hs", "leave", "@admin:hs")});
  ASSERT_THAT(evicted_, SizeIs(1));
  EXPECT_EQ(evicted_[0].tokens_before_unix, Unix() + 1);
  wall_offset_us_ -= 2 * ToMicros(Seconds(3600));
  static_cast<void>(Connect("@carol:hs", "C"));
  Push({Member("@carol:hs", "leave", "@admin:hs"), Member("@carol:hs", "join")});
  ASSERT_THAT(evicted_, SizeIs(2));
  EXPECT_EQ(MayMint("@carol:hs").not_before_unix, Unix() + 1);  // no hour of waiting
}

TEST_F(ConductorTest, EvictsWhoeverSlipsInWithAnOldToken) {
  StartRoom({"@bob:hs"});
  const auto bob = Mint("@bob:hs", "B");
  Push({Member("@bob:hs", "leave", "@admin:hs")});
  EXPECT_THAT(evicted_, SizeIs(1));
  conductor_->HandleConnected(now_, bob.room_name, bob.identity);
  Drain();
  EXPECT_THAT(evicted_, SizeIs(2));
}

TEST_F(ConductorTest, EvictsATokenThatWasSignedWhileTheKickCameIn) {
  StartRoom({"@bob:hs"});
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAllow);
  Push({Member("@bob:hs", "leave", "@admin:hs")});
  static_cast<void>(Mint("@bob:hs", "B"));
  EXPECT_THAT(evicted_, SizeIs(1));
}

TEST_F(ConductorTest, IgnoresALeaveThatArrivesBehindTheRejoin) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  const Json leave = Member("@bob:hs", "leave");
  const Json rejoin = Member("@bob:hs", "join");
  Push({rejoin});
  Push({leave});
  Settle();
  EXPECT_THAT(evicted_, IsEmpty());
}

TEST_F(ConductorTest, AsksWhereOnlyAClockTellsTheOrder) {
  tells_order_ = false;
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  Pass(Seconds(1));
  const Json leave = Member("@bob:hs", "leave");
  Pass(Seconds(1));
  Push({Member("@bob:hs", "join")});
  Push({leave});
  ASSERT_THAT(asked_, SizeIs(1));
  AnswerState();  // joined
  Settle();
  EXPECT_THAT(evicted_, IsEmpty());

  Json kick = Member("@bob:hs", "leave", "@admin:hs");
  kick["origin_server_ts"] = 5;  // the kicking server's clock is far behind
  state_[{"m.room.member", "@bob:hs"}] = kick;
  Push({kick});
  EXPECT_THAT(evicted_, IsEmpty());
  ASSERT_THAT(asked_, SizeIs(1));
  AnswerState();
  EXPECT_THAT(evicted_, SizeIs(1));
}

TEST_F(ConductorTest, BelievesTheOrderOfArrivalWhereNobodyMayAsk) {
  tells_order_ = false;
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  Json kick = Member("@bob:hs", "leave", "@admin:hs");
  kick["origin_server_ts"] = 5;
  Push({kick});
  while (!asked_.empty()) {
    Answer(RoomStateAnswer::Status::kRefused);
    Pass(Millis(20));
  }
  EXPECT_THAT(evicted_, SizeIs(1));
}

TEST_F(ConductorTest, NeverLetsAnOldJoinResurrectALeaver) {
  StartRoom({"@bob:hs"});
  const Json join = state_[{"m.room.member", "@bob:hs"}];
  static_cast<void>(Connect("@bob:hs", "B"));
  Push({Member("@bob:hs", "leave", "@admin:hs")});
  Push({join});
  Settle();
  EXPECT_NE(MayMint("@bob:hs").verdict, MintVerdict::kAllow);
}

TEST_F(ConductorTest, TakesATransactionOnce) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  const std::vector<Json> events{Member("@bob:hs", "leave", "@admin:hs")};
  EXPECT_EQ(Push(events, "77"), TransactionOutcome::kTaken);
  Push({Member("@bob:hs", "join")}, "78");
  static_cast<void>(Mint("@bob:hs", "B2"));
  EXPECT_EQ(Push(events, "77"), TransactionOutcome::kRepeated);
  EXPECT_THAT(evicted_, SizeIs(1));
  EXPECT_EQ(conductor_->HandleTransaction(now_, "79", "{"), TransactionOutcome::kMalformed);
  EXPECT_EQ(Push({}, "79"), TransactionOutcome::kTaken);
}

TEST_F(ConductorTest, TakesABurstOfAHundredEvents) {
  StartRoom({});
  std::vector<Json> joins;
  std::vector<Json> kicks;
  for (int i = 0; i < 100; ++i) {
    const std::string user = "@u" + std::to_string(i) + ":far";
    joins.push_back(Member(user, "join"));
  }
  Push(joins);
  for (int i = 0; i < 100; ++i) {
    const std::string user = "@u" + std::to_string(i) + ":far";
    static_cast<void>(Connect(user, "D"));
    kicks.push_back(Member(user, "ban", "@admin:hs"));
  }
  Push(kicks);
  EXPECT_THAT(evicted_, SizeIs(100));
}

TEST_F(ConductorTest, KeepsNothingOfRoomsWithoutTokens) {
  Push({Member("@bob:hs", "join"), Member("@bob:hs", "ban", "@admin:hs")});
  EXPECT_EQ(conductor_->watched_rooms(), 0U);
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(ConductorTest, CountsTwoConnectionsOfOneIdentityInEitherOrder) {
  StartRoom({"@bob:hs"});
  const auto bob = Connect("@bob:hs", "B");
  Pass(Millis(400));
  conductor_->HandleConnected(now_, bob.room_name, bob.identity);
  Leave(bob);  // the first one: duplicate identity
  ASSERT_TRUE(conductor_->Facts(bob.room_name).has_value());
  EXPECT_TRUE(conductor_->Facts(bob.room_name)->is_on);
  Push({Member("@bob:hs", "leave", "@admin:hs")});
  EXPECT_THAT(evicted_, SizeIs(1));
  Leave(bob);
  EXPECT_FALSE(conductor_->Facts(bob.room_name)->is_on);
}

// --- Memberships -------------------------------------------------------------------------------

TEST_F(ConductorTest, StopsAPublisherThirtySecondsAfterTheMembershipWasLeft) {
  StartRoom({"@bob:hs"});
  const auto phone = Connect("@bob:hs", "PHONE");
  static_cast<void>(Connect("@bob:hs", "LAPTOP"));
  Push({Legacy("@bob:hs", "PHONE"), Legacy("@bob:hs", "LAPTOP")});
  Push({LegacyLeave("@bob:hs", "PHONE", "@bob:hs")});
  Settle(Millis(29'900));
  EXPECT_THAT(restricted_, IsEmpty());
  Settle(Millis(200));
  EXPECT_THAT(restricted_, ElementsAre(phone.identity));
  EXPECT_THAT(evicted_, IsEmpty());
  Push({Legacy("@bob:hs", "PHONE")});
  EXPECT_THAT(restored_, ElementsAre(phone.identity));
}

TEST_F(ConductorTest, PutsOutWhoStaysTwoMinutesAfterTheMembershipWasLeft) {
  StartRoom({"@bob:hs"});
  const auto phone = Connect("@bob:hs", "PHONE");
  const auto laptop = Connect("@bob:hs", "LAPTOP");
  Push({Legacy("@bob:hs", "PHONE"), Legacy("@bob:hs", "LAPTOP")});
  Push({LegacyLeave("@bob:hs", "PHONE", "@bob:hs")});
  Settle(Millis(119'900));
  EXPECT_THAT(evicted_, IsEmpty());
  Settle(Millis(200));
  EXPECT_THAT(Evicted(), ElementsAre(phone.identity));
  EXPECT_EQ(evicted_.front().reason, EvidenceKind::kMemberLeft);
  EXPECT_THAT(leaves_, ElementsAre(phone.identity));
  // Still in the room: a new token is good.
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAllow);
  Settle(Seconds(2));
  static_cast<void>(Connect("@bob:hs", "PHONE"));
  Settle(Seconds(300));
  EXPECT_THAT(evicted_, SizeIs(1));
}

TEST_F(ConductorTest, DoesNothingAboutAnAbsenceWhileTheHomeserverIsSilent) {
  StartRoom({"@bob:hs", "@dan:hs"});
  const auto bob = Connect("@bob:hs", "B");
  static_cast<void>(Connect("@dan:hs", "D", TokenRoute::kOpenId, "mem"));
  Push({Legacy("@bob:hs", "B"), Sticky("@dan:hs", "mem")});
  Push({LegacyLeave("@bob:hs", "B", "@bob:hs")});
  for (int i = 0; i < 200; ++i) {
    Pass(Seconds(30));
    while (!asked_.empty()) Answer(RoomStateAnswer::Status::kFailed);
  }
  EXPECT_THAT(restricted_, IsEmpty());
  EXPECT_THAT(evicted_, IsEmpty());
  // It is back, and bob's membership with it; dan's comes with the pushes.
  static_cast<void>(Legacy("@bob:hs", "B"));
  Push({Sticky("@dan:hs", "mem")});
  Settle(Seconds(600));
  EXPECT_THAT(restricted_, IsEmpty());
  EXPECT_THAT(evicted_, IsEmpty());
}

TEST_F(ConductorTest, HeedsTheOtherMembershipOfOneDevice) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  const Json old = State("org.matrix.msc3401.call.member", "_@bob:hs_B", "@bob:hs",
                         Legacy("@bob:hs", "B")["content"]);
  Push({old, Legacy("@bob:hs", "B")});
  Push({State("org.matrix.msc3401.call.member", "_@bob:hs_B", "@bob:hs", Json::object())});
  Settle(Seconds(300));
  EXPECT_THAT(restricted_, IsEmpty());
  EXPECT_THAT(evicted_, IsEmpty());
}

// The token that a silenced client was given says that it may not publish.
TEST_F(ConductorTest, GivesTheRightBackToWhoComesAgainWithItsMembership) {
  StartRoom({"@bob:hs"});
  const auto bob = Connect("@bob:hs", "B");
  Push({Legacy("@bob:hs", "B")});
  Push({LegacyLeave("@bob:hs", "B", "@bob:hs")});
  Settle(Seconds(31));
  EXPECT_THAT(restricted_, SizeIs(1));
  Leave(bob);
  Push({Legacy("@bob:hs", "B")});
  EXPECT_THAT(restored_, IsEmpty());
  conductor_->HandleConnected(now_, bob.room_name, bob.identity);
  Drain();
  EXPECT_THAT(restored_, ElementsAre(bob.identity));
}

TEST_F(ConductorTest, KeepsWhoShowsItsMembershipAgainAfterItWasSilenced) {
  StartRoom({"@bob:hs"});
  const auto bob = Connect("@bob:hs", "B");
  Push({Legacy("@bob:hs", "B")});
  Push({LegacyLeave("@bob:hs", "B", "@bob:hs")});
  Settle(Seconds(100));
  Push({Legacy("@bob:hs", "B")});
  Settle(Seconds(300));
  EXPECT_THAT(restored_, ElementsAre(bob.identity));
  EXPECT_THAT(evicted_, IsEmpty());
}

TEST_F(ConductorTest, GivesWhoConnectsAgainTheWholeTimeToShowItsMembership) {
  StartRoom({"@bob:hs"});
  const auto bob = Connect("@bob:hs", "B");
  Push({Legacy("@bob:hs", "B")});
  Push({LegacyLeave("@bob:hs", "B", "@bob:hs")});
  Settle(Seconds(100));
  conductor_->HandleConnected(now_, bob.room_name, bob.identity);  // the new one comes first
  Leave(bob);
  EXPECT_THAT(restricted_, SizeIs(1));
  Settle(Seconds(29));
  EXPECT_THAT(restricted_, SizeIs(1));
  Settle(Seconds(2));
  EXPECT_THAT(restricted_, ElementsAre(bob.identity, bob.identity));
  Settle(Seconds(88));
  EXPECT_THAT(evicted_, IsEmpty());
  Settle(Seconds(2));
  EXPECT_THAT(Evicted(), ElementsAre(bob.identity));
}

TEST_F(ConductorTest, PutsNobodyOutWhoHasGoneThemselves) {
  StartRoom({"@bob:hs"});
  const auto bob = Connect("@bob:hs", "B");
  Push({Legacy("@bob:hs", "B")});
  Push({LegacyLeave("@bob:hs", "B", "@bob:hs")});
  Leave(bob);
  Settle(Seconds(600));
  EXPECT_THAT(evicted_, IsEmpty());
  EXPECT_THAT(restricted_, IsEmpty());
}

TEST_F(ConductorTest, AsksBeforeItObeysAKickThatIsOlderThanTheToken) {
  StartRoom({"@bob:hs"});
  const Json kick = Member("@bob:hs", "leave", "@admin:hs");
  Pass(Seconds(10));
  const auto bob = Connect("@bob:hs", "B");  // pushes are late
  Push({kick});
  EXPECT_THAT(evicted_, IsEmpty());
  ASSERT_THAT(asked_, SizeIs(1));
  AnswerState();
  EXPECT_THAT(Evicted(), ElementsAre(bob.identity));
}

TEST_F(ConductorTest, KeepsWhoCameBackAfterAKickThatIsPushedLate) {
  StartRoom({"@bob:hs"});
  const Json kick = Member("@bob:hs", "leave", "@admin:hs");
  const Json rejoin = Member("@bob:hs", "join");
  Pass(Seconds(10));
  static_cast<void>(Connect("@bob:hs", "B"));
  Push({kick});
  AnswerState();
  EXPECT_THAT(evicted_, IsEmpty());
  Push({rejoin});
  Settle(Seconds(30));
  EXPECT_THAT(evicted_, IsEmpty());
}

TEST_F(ConductorTest, GivesNobodyARightToPublishThatTheirTokenDidNot) {
  StartRoom({"@carol:far"});
  MintedIdentity carol = Minted("@carol:far", "C");
  carol.full_access = false;
  conductor_->RecordMint(now_, carol);
  conductor_->HandleConnected(now_, carol.room_name, carol.identity);
  static_cast<void>(Connect("@bob:far", "B", TokenRoute::kFederation, "mem"));
  Push({Legacy("@carol:far", "C"), Sticky("@bob:far", "mem")});
  Push({LegacyLeave("@carol:far", "C", "@carol:far"), Sticky("@bob:far", "mem", false)});
  Settle(Seconds(31));
  Push({Legacy("@carol:far", "C"), Sticky("@bob:far", "mem")});
  EXPECT_THAT(restricted_, IsEmpty());
  EXPECT_THAT(restored_, IsEmpty());
}

TEST_F(ConductorTest, RemembersWhoseJoinGaveThemARefreshTokenAndNothingElse) {
  StartRoom({"@bob:hs"});
  const auto bob = Mint("@bob:hs", "B");
  Settle(Seconds(3659));  // the last moment that his token is taken
  conductor_->HandleAborted(now_, bob.room_name, bob.identity);
  Settle(Seconds(300));
  conductor_->HandleConnected(now_, bob.room_name, bob.identity);
  Drain();
  Push({Member("@bob:hs", "ban", "@admin:hs")});
  EXPECT_THAT(Evicted(), testing::Contains(bob.identity));
}

TEST_F(ConductorTest, ForgetsALeaveThatIsTakenBack) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  Push({Legacy("@bob:hs", "B")});
  Push({LegacyLeave("@bob:hs", "B", "@bob:hs")});
  Settle(Seconds(20));
  Push({Legacy("@bob:hs", "B")});
  Settle(Seconds(60));
  EXPECT_THAT(restricted_, IsEmpty());
  EXPECT_THAT(restored_, IsEmpty());
}

TEST_F(ConductorTest, LetsNobodyEndTheMembershipOfAnother) {
  StartRoom({"@bob:hs", "@eve:evil"});
  static_cast<void>(Connect("@bob:hs", "B"));
  Push({Legacy("@bob:hs", "B")});
  Push({LegacyLeave("@bob:hs", "B", "@eve:evil")});
  Settle(Seconds(300));
  EXPECT_THAT(restricted_, IsEmpty());
  EXPECT_THAT(evicted_, IsEmpty());
}

TEST_F(ConductorTest, HeedsOnlyTheMembershipOfTheMintedDevice) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  Push({Legacy("@bob:hs", "OTHER")});
  Push({LegacyLeave("@bob:hs", "OTHER", "@bob:hs")});
  Settle(Seconds(300));
  EXPECT_THAT(restricted_, IsEmpty());
}

TEST_F(ConductorTest, KeepsASubscriberWhoNeverShowedAMembership) {
  StartRoom({"@carol:far"});
  static_cast<void>(Connect("@carol:far", "C", TokenRoute::kOpenId, "random"));
  Pass(Seconds(3600 * 2));
  EXPECT_THAT(restricted_, IsEmpty());
  EXPECT_THAT(evicted_, IsEmpty());
}

TEST_F(ConductorTest, DoesNothingAtALegacyExpiry) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  Push({Legacy("@bob:hs", "B")});
  Settle(Seconds(5 * 3600));
  EXPECT_GT(conductor_->evidence_total(EvidenceKind::kLegacyExpired), 0U);
  EXPECT_THAT(restricted_, IsEmpty());
  EXPECT_THAT(evicted_, IsEmpty());
}

TEST_F(ConductorTest, StopsAPublisherTwoMinutesAfterAStickyExpiry) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B", TokenRoute::kOpenId, "mem"));
  Push({Sticky("@bob:hs", "mem")});
  Settle(Seconds(3600 + 119));
  Push({});
  Settle(Millis(500));
  EXPECT_THAT(restricted_, IsEmpty());
  // A room's state does not show sticky members: what was pushed since then decides.
  Settle(Seconds(600));
  EXPECT_THAT(restricted_, IsEmpty());
  Push({});
  Settle(Seconds(301));
  EXPECT_THAT(restricted_, SizeIs(1));
  Settle(Seconds(600));
  EXPECT_THAT(evicted_, IsEmpty());
  Push({});
  Settle(Seconds(301));
  EXPECT_THAT(evicted_, SizeIs(1));
}

TEST_F(ConductorTest, TakesAStickyLeaveAndARedactionForLeaves) {
  StartRoom({"@bob:hs", "@carol:far"});
  static_cast<void>(Connect("@bob:hs", "B", TokenRoute::kOpenId, "mem"));
  static_cast<void>(Connect("@carol:far", "C", TokenRoute::kHomeserver, "mem2"));
  const Json carol = Sticky("@carol:far", "mem2");
  Push({Sticky("@bob:hs", "mem"), carol});
  Pass(Seconds(1));
  Push({Sticky("@bob:hs", "mem", false),
        {{"type", "m.room.redaction"},
         {"room_id", kRoom},
         {"event_id", "$redaction"},
         {"sender", "@admin:hs"},
         {"origin_server_ts", 1},
         {"redacts", carol["event_id"]},
         {"content", Json::object()}}});
  Settle(Seconds(31));
  EXPECT_THAT(restricted_, SizeIs(2));
}

TEST_F(ConductorTest, StopsJudgingStickyMembersOnceTheRoomIsEncrypted) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B", TokenRoute::kOpenId, "mem"));
  Push({Sticky("@bob:hs", "mem")});
  Pass(Seconds(1));
  Push({Sticky("@bob:hs", "mem", false)});
  Push({State("m.room.encryption", "", "@admin:hs", {{"algorithm", "m.megolm.v1.aes-sha2"}})});
  Settle(Seconds(7200));
  EXPECT_THAT(restricted_, IsEmpty());
}

TEST_F(ConductorTest, LeavesWhoeverSaysWhatNobodyCanReadWhereTheyAre) {
  StartRoom({"@bob:hs", "@carol:hs", "@dave:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  static_cast<void>(Connect("@carol:hs", "C", TokenRoute::kOpenId, "mem"));
  static_cast<void>(Connect("@dave:hs", "D", TokenRoute::kOpenId, "mem2"));
  Push({Legacy("@bob:hs", "B"), Sticky("@carol:hs", "mem"), Sticky("@dave:hs", "mem2")});
  Pass(Seconds(1));
  Json bob = Legacy("@bob:hs", "B");
  bob["content"] = {{"application", 7}};
  Json carol = Sticky("@carol:hs", "mem");
  carol["content"]["application"] = 7;
  Json dave = Sticky("@dave:hs", "mem2");
  dave["type"] = "m.room.encrypted";
  dave["content"] = {{"algorithm", "m.megolm.v1.aes-sha2"}, {"ciphertext", "AwgA"}};
  Push({bob, carol, dave});
  EXPECT_EQ(conductor_->evidence_total(EvidenceKind::kMemberUnreadable), 2U);
  EXPECT_EQ(conductor_->evidence_total(EvidenceKind::kMemberOpaque), 1U);
  for (int minute = 0; minute < 10; ++minute) {
    Push({});  // the homeserver is there, so that a grace would run
    Settle(Seconds(60));
  }
  EXPECT_THAT(restricted_, IsEmpty());
  EXPECT_THAT(evicted_, IsEmpty());
  Push({LegacyLeave("@bob:hs", "B", "@bob:hs")});  // what can be read still counts
  Settle(Seconds(31));
  EXPECT_THAT(restricted_, SizeIs(1));
}

// --- Slots, ACLs, the homeserver ---------------------------------------------------------------

TEST_F(ConductorTest, EvictsFromAClosedSlotWhoeverMustObeySlots) {
  StartRoom({"@bob:hs", "@carol:far", "@dave:far"});
  static_cast<void>(Connect("@bob:hs", "B"));
  static_cast<void>(Connect("@carol:far", "C", TokenRoute::kOpenId, "m2"));
  const auto dave = Connect("@dave:far", "D", TokenRoute::kHomeserver, "m3");
  Push({Slot("open")});
  Push({Slot("closed")});
  EXPECT_EQ(MayMint("@dave:far", false, TokenRoute::kHomeserver).reason, MintCase::kSlotClosed);
  EXPECT_EQ(MayMint("@carol:far", false, TokenRoute::kOpenId).verdict, MintVerdict::kAllow);
  Pass(Seconds(4));
  Push({Slot("open")});
  Pass(Seconds(10));
  EXPECT_THAT(evicted_, IsEmpty());
  Push({Slot("closed")});
  Pass(Seconds(6));
  EXPECT_THAT(Evicted(), ElementsAre(dave.identity));
}

TEST_F(ConductorTest, BindsSlotsToOpenIdTokensByOption) {
  Reset({.homeserver = "hs", .slots_bind_openid = true});
  StartRoom({"@bob:hs", "@carol:far"});
  static_cast<void>(Connect("@bob:hs", "B"));
  const auto carol = Connect("@carol:far", "C", TokenRoute::kOpenId, "m2");
  Push({Slot("closed")});
  Pass(Seconds(6));
  EXPECT_THAT(Evicted(), ElementsAre(carol.identity));
}

TEST_F(ConductorTest, EvictsTheUsersOfADeniedServer) {
  StartRoom({"@bob:hs", "@carol:far", "@eve:a.evil"});
  static_cast<void>(Connect("@bob:hs", "B"));
  static_cast<void>(Connect("@carol:far", "C"));
  const auto eve = Connect("@eve:a.evil", "E");
  Push({State("m.room.server_acl", "", "@admin:hs",
              {{"allow", {"*"}}, {"deny", {"*.evil", "hs"}}})});
  EXPECT_THAT(Evicted(), ElementsAre(eve.identity));  // our own server is beyond an ACL
  EXPECT_EQ(evicted_[0].reason, EvidenceKind::kServerDenied);
  EXPECT_EQ(MayMint("@eve:a.evil").reason, MintCase::kServerDenied);
  Push({State("m.room.server_acl", "", "@admin:hs", {{"allow", {"*"}}})});
  EXPECT_EQ(MayMint("@eve:a.evil").verdict, MintVerdict::kAllow);
}

TEST_F(ConductorTest, ClosesTheRoomWhenTheLastLocalUserLeaves) {
  StartRoom({"@carol:far"});
  const auto carol = Connect("@carol:far", "C");
  Push({Member("@admin:hs", "leave")});
  EXPECT_THAT(closed_, ElementsAre(carol.room_name));
  EXPECT_THAT(evicted_, SizeIs(2));
}

TEST_F(ConductorTest, KeepsARoomThatWasReplaced) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  Push({State("m.room.tombstone", "", "@admin:hs", {{"replacement_room", "!new:hs"}})});
  Settle();
  EXPECT_THAT(evicted_, IsEmpty());
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAllow);
}

}  // namespace
}  // namespace fovea::focus::test
