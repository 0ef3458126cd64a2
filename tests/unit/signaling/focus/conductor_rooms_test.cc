// Questions to the homeserver, tokens and restarts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sfu/core/limits.h"
#include "signaling/focus/conductor.h"
#include "signaling/focus/reconcile_schedule.h"
#include "tests/unit/signaling/focus/conductor_fixture.h"

namespace fovea::focus::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Status = RoomStateAnswer::Status;

TEST_F(ConductorTest, FindsAMissedKickInTheRoomsState) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  static_cast<void>(Member("@bob:hs", "leave", "@admin:hs"));  // never pushed
  Settle(Seconds(400));
  EXPECT_THAT(evicted_, SizeIs(1));
}

TEST_F(ConductorTest, WaitsForASecondLookBeforeItBelievesAReset) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  state_[{"m.room.member", "@bob:hs"}] = nullptr;  // gone, without an event
  Pass(Seconds(301));
  ASSERT_THAT(asked_, SizeIs(1));
  AnswerState();
  EXPECT_THAT(evicted_, IsEmpty());
  Pass(Millis(4900));
  EXPECT_THAT(asked_, IsEmpty());
  Pass(Millis(200));
  ASSERT_THAT(asked_, SizeIs(1));
  AnswerState();
  ASSERT_THAT(evicted_, SizeIs(1));
  EXPECT_EQ(evicted_[0].reason, EvidenceKind::kUserMissingTwice);
}

TEST_F(ConductorTest, ForgetsAResetThatTheSecondLookDoesNotShow) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  const Json join = std::exchange(state_[{"m.room.member", "@bob:hs"}], nullptr);
  Pass(Seconds(301));
  AnswerState();
  state_[{"m.room.member", "@bob:hs"}] = join;
  Settle(Seconds(1000));
  EXPECT_THAT(evicted_, IsEmpty());
}

TEST_F(ConductorTest, ConcludesNothingFromAnEmptyOrPartialPage) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  for (const char* body : {"[]", "", "{}", "[", R"([{"type":"m.room.create"}])"}) {
    Pass(Seconds(301));
    ASSERT_FALSE(asked_.empty());
    while (!asked_.empty()) Answer(Status::kAnswered, body);
  }
  // A page that forgot its beginning: members, but not the room's creation.
  Json page = RoomState();
  page.erase(std::remove_if(page.begin(), page.end(),
                            [](const Json& event) { return event["type"] == "m.room.create"; }),
             page.end());
  Pass(Seconds(301));
  while (!asked_.empty()) Answer(Status::kAnswered, page.dump());
  EXPECT_THAT(evicted_, IsEmpty());
}

// The homeserver adds the content before it, which is the user's own.
TEST_F(ConductorTest, PutsOutWhoeverHidesBehindADeepJoin) {
  StartRoom({"@bob:hs"});
  Json nest = Json::array();
  for (int level = 1; level < 62; ++level) nest = Json::array({nest});
  const Json deep{{"membership", "join"}, {"x", nest}};
  Push({State("m.room.member", "@bob:hs", "@bob:hs", deep)});
  const auto bob = Connect("@bob:hs", "B");
  Json kick = Member("@bob:hs", "leave", "@admin:hs");
  kick["prev_content"] = kick["unsigned"]["prev_content"] = deep;
  Push({kick});
  EXPECT_THAT(Evicted(), ElementsAre(bob.identity));
}

TEST_F(ConductorTest, ReadsARoomsStateInSpiteOfWhatAnybodyMayWriteThere) {
  StartRoom({"@bob:hs", "@eve:evil"});
  static_cast<void>(Connect("@bob:hs", "B"));
  Json nest = Json::array();
  for (int level = 1; level < 100; ++level) nest = Json::array({nest});
  static_cast<void>(State("org.matrix.msc3401.call.member", "x", "@eve:evil", {{"x", nest}}));
  Json join = Member("@eve:evil", "join");
  join["origin_server_ts"] = -1;  // another server's word
  join["content"]["x"] = nest;
  state_[{"m.room.member", "@eve:evil"}] = join;
  static_cast<void>(Member("@bob:hs", "leave", "@admin:hs"));  // never pushed
  Settle(Seconds(400));
  EXPECT_THAT(evicted_, SizeIs(1));
  EXPECT_FALSE(conductor_->is_homeserver_failing());
}

TEST_F(ConductorTest, KeepsEverybodyWhileTheHomeserverIsDown) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  for (int i = 0; i < 100; ++i) {
    while (!asked_.empty()) Answer(Status::kFailed);
    Pass(Seconds(20));
  }
  EXPECT_THAT(evicted_, IsEmpty());
  EXPECT_THAT(restricted_, IsEmpty());
}

// It shows the room as it was when the first question was asked.
TEST_F(ConductorTest, TakesNoLateAnswerForTheAnswerToTheQuestionAfterIt) {
  StartRoom({"@bob:hs"});
  Pass(Seconds(301));
  ASSERT_THAT(asked_, SizeIs(1));
  const std::string late = RoomState().dump();
  Pass(Seconds(5));
  Push({Member("@bob:hs", "leave", "@admin:hs")});
  Pass(Seconds(27));
  ASSERT_THAT(asked_, SizeIs(2));
  EXPECT_EQ(asked_[0].as_user, asked_[1].as_user);
  Answer(Status::kAnswered, late);
  EXPECT_NE(MayMint("@bob:hs").verdict, MintVerdict::kAllow);
  AnswerState();
  EXPECT_EQ(MayMint("@bob:hs", true).reason, MintCase::kNotJoined);
}

TEST_F(ConductorTest, AsksAsAnotherUserWhenOneIsRefused) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  Pass(Seconds(301));
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(asked_[0].as_user, "@admin:hs");
  Answer(Status::kRefused);
  Pass(Millis(50));
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(asked_[0].as_user, "@bob:hs");
}

// A request for a token is not decided in between.
TEST_F(ConductorTest, IsAskingUntilNobodyIsLeftToAskAs) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  static_cast<void>(Member("@dave:far", "join"));  // not pushed yet
  EXPECT_EQ(MayMint("@dave:far").verdict, MintVerdict::kAskHomeserver);
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(asked_[0].as_user, "@admin:hs");
  EXPECT_TRUE(conductor_->IsAsking(now_, std::string(kRoom)));
  Answer(Status::kRefused);
  EXPECT_TRUE(conductor_->IsAsking(now_, std::string(kRoom)));
  Pass(Millis(50));
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(asked_[0].as_user, "@bob:hs");
  AnswerState();
  EXPECT_FALSE(conductor_->IsAsking(now_, std::string(kRoom)));
  EXPECT_EQ(MayMint("@dave:far", true).verdict, MintVerdict::kAllow);
}

TEST_F(ConductorTest, IsNotAskingOnceTheHomeserverFailed) {
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAskHomeserver);
  EXPECT_TRUE(conductor_->IsAsking(now_, std::string(kRoom)));
  Answer(Status::kFailed);
  EXPECT_FALSE(conductor_->IsAsking(now_, std::string(kRoom)));
}

// Synapse shows whoever left a room the state of that moment, with 200.
TEST_F(ConductorTest, TakesTheRoomAsSomebodyWhoLeftSeesItForARefusal) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  static_cast<void>(Member("@admin:hs", "leave"));  // never pushed
  Json frozen = RoomState();
  std::erase_if(frozen.get_ref<Json::array_t&>(),
                [](const Json& event) { return event["state_key"] == "@bob:hs"; });
  for (int look = 0; look < 3; ++look) {
    Pass(Seconds(301));
    ASSERT_FALSE(asked_.empty());
    while (!asked_.empty()) {
      asked_[0].as_user == "@admin:hs" ? Answer(Status::kAnswered, frozen.dump()) : AnswerState();
    }
  }
  EXPECT_THAT(Evicted(), ElementsAre("@admin:hs:ADMIN"));
}

TEST_F(ConductorTest, ReconcilesEveryRoomAfterALostTransaction) {
  StartRoom({"@bob:hs"});
  Push({}, "10");
  Push({}, "11");
  EXPECT_THAT(asked_, IsEmpty());
  Push({}, "13");
  Pass(Millis(200));
  EXPECT_THAT(asked_, SizeIs(1));
}

TEST_F(ConductorTest, AsksAboutTwoHundredRoomsAtTenPerSecond) {
  for (int i = 0; i < 200; ++i) {
    MintedIdentity minted = Minted("@bob:hs", "B");
    minted.room_id = "!r" + std::to_string(i) + ":hs";
    minted.room_name = minted.room_id;
    conductor_->RestoreMinted(now_, minted);
  }
  conductor_->Start(now_);
  Drain();
  std::size_t answered = 0;
  for (int tick = 0; tick < 220; ++tick) {
    Pass(Millis(100));
    while (!asked_.empty()) {
      ++answered;
      const Json state{{{"type", "m.room.create"},
                        {"state_key", ""},
                        {"sender", "@bob:hs"},
                        {"event_id", "$c" + std::to_string(answered)},
                        {"origin_server_ts", 1},
                        {"content", Json::object()}},
                       {{"type", "m.room.member"},
                        {"state_key", "@bob:hs"},
                        {"sender", "@bob:hs"},
                        {"event_id", "$m" + std::to_string(answered)},
                        {"origin_server_ts", 1},
                        {"content", {{"membership", "join"}}}}};
      Answer(Status::kAnswered, state.dump());
    }
    EXPECT_LE(answered, static_cast<std::size_t>(tick) + 2);
  }
  EXPECT_EQ(answered, 200U);
  EXPECT_THAT(evicted_, IsEmpty());
}

// --- Tokens ------------------------------------------------------------------------------------

TEST_F(ConductorTest, AsksForARoomItDoesNotKnowAsTheUserWhoWantsIn) {
  static_cast<void>(State("m.room.create", "", "@bob:hs", Json::object()));
  static_cast<void>(Member("@bob:hs", "join"));
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAskHomeserver);
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(asked_[0].as_user, "@bob:hs");
  AnswerState();
  EXPECT_EQ(MayMint("@bob:hs", true).reason, MintCase::kJoined);
}

TEST_F(ConductorTest, ForgetsAnotherIdleRoomThanTheOneAskedAbout) {
  for (int i = 3000; i > 1500; --i) {
    const std::string room_id = "!" + std::to_string(i) + ":hs";
    const auto decision = conductor_->MayMint(
        now_, {.room_id = room_id, .slot_id = std::string(kSlot), .user_id = "@bob:hs"});
    EXPECT_EQ(decision.verdict, MintVerdict::kAskHomeserver);
    EXPECT_TRUE(conductor_->IsAsking(now_, room_id));
  }
  EXPECT_EQ(conductor_->watched_rooms(), limits::kIdleWatchesMax);
  EXPECT_TRUE(conductor_->IsConsistent());
}

TEST_F(ConductorTest, DeniesALocalUserWhoIsRefusedTheRoom) {
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAskHomeserver);
  Answer(Status::kRefused);
  EXPECT_EQ(MayMint("@bob:hs", true).reason, MintCase::kNotJoined);
}

TEST_F(ConductorTest, ConcludesNothingAboutAUserAsWhomItMayNotAsk) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  for (int i = 0; i < 3; ++i) {
    Pass(Seconds(301));
    while (!asked_.empty()) {
      Answer(Status::kNotAs);
      Pass(Millis(200));
    }
  }
  EXPECT_THAT(evicted_, IsEmpty());
  Reset({.homeserver = "hs"});
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAskHomeserver);
  while (!asked_.empty()) {
    Answer(Status::kNotAs);
    Pass(Millis(200));
  }
  EXPECT_EQ(MayMint("@bob:hs", true).reason, MintCase::kUnreachable);
}

TEST_F(ConductorTest, DecidesAboutUnknownRoomsByItsOption) {
  EXPECT_EQ(MayMint("@carol:far").verdict, MintVerdict::kAskHomeserver);
  Answer(Status::kRefused);
  EXPECT_EQ(MayMint("@carol:far", true).reason, MintCase::kUnknownAllowed);
  asked_.clear();
  Reset({.homeserver = "hs", .unknown_room_allowed = false});
  EXPECT_EQ(MayMint("@carol:far").verdict, MintVerdict::kAskHomeserver);
  Answer(Status::kRefused);
  EXPECT_EQ(MayMint("@carol:far", true).reason, MintCase::kUnknownDenied);
}

// A leave and a join of which nobody says which is the later one, in a room that it cannot read.
TEST_F(ConductorTest, DoesNotPutOutAtOnceWhomADoubtLetIn) {
  tells_order_ = false;
  EXPECT_EQ(MayMint("@carol:far").verdict, MintVerdict::kAskHomeserver);
  Answer(Status::kRefused);
  const Json leave = Member("@carol:far", "leave");
  Push({leave, Member("@carol:far", "join")});
  EXPECT_EQ(MayMint("@carol:far", true).reason, MintCase::kUnknownAllowed);
  static_cast<void>(Connect("@carol:far", "C"));
  EXPECT_THAT(evicted_, IsEmpty());
}

TEST_F(ConductorTest, PutsOutWhomADoubtLetInOnceTheRoomsStateIsTold) {
  tells_order_ = false;
  static_cast<void>(State("m.room.create", "", "@bob:hs", Json::object()));
  static_cast<void>(Member("@bob:hs", "join"));
  EXPECT_EQ(MayMint("@carol:far").verdict, MintVerdict::kAskHomeserver);
  Answer(Status::kRefused);
  const Json join = Member("@carol:far", "join");
  Push({Member("@carol:far", "leave"), join});
  EXPECT_EQ(MayMint("@carol:far", true).reason, MintCase::kUnknownAllowed);
  const auto carol = Connect("@carol:far", "C");
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAskHomeserver);
  Settle();
  EXPECT_THAT(Evicted(), ElementsAre(carol.identity));
}

TEST_F(ConductorTest, AllowsEverythingWithoutAHomeserver) {
  Reset({});
  EXPECT_EQ(MayMint("@carol:far").reason, MintCase::kNotWatching);
  static_cast<void>(Connect("@carol:far", "C"));
  EXPECT_THAT(asked_, IsEmpty());
  EXPECT_EQ(conductor_->watched_rooms(), 0U);
}

TEST_F(ConductorTest, ReliesOnTenMinutesOfKnowledgeWhileTheHomeserverIsDown) {
  StartRoom({"@bob:hs"});
  const auto until = [this](Duration duration) {
    const Instant end = now_ + duration;
    while (now_ < end) {
      while (!asked_.empty()) Answer(Status::kFailed);
      Pass(Seconds(10));
    }
  };
  until(Seconds(590));
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAllow);
  until(Seconds(20));
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAskHomeserver);
  ASSERT_FALSE(asked_.empty());
  Answer(Status::kFailed);
  EXPECT_EQ(MayMint("@bob:hs", true).reason, MintCase::kUnreachable);
}

TEST_F(ConductorTest, WaitsForARemoteJoinThatLagsBehindTheTokenRequest) {
  StartRoom({});
  EXPECT_EQ(MayMint("@carol:far").verdict, MintVerdict::kAskHomeserver);
  Push({Member("@carol:far", "join")});
  EXPECT_EQ(MayMint("@carol:far", true).reason, MintCase::kJoined);
}

TEST_F(ConductorTest, GivesATokenToWhoeverIsJoinedToALargeRoom) {
  std::string state = "[" + State("m.room.create", "", "@admin:hs", Json::object()).dump();
  for (std::size_t i = 0; i <= limits::kRoomUsersMax; ++i) {
    const std::string number = std::to_string(i);
    state += R"(,{"type":"m.room.member","event_id":"$)" + number + R"(","state_key":"@u)" +
             number +
             R"(:far","sender":"@a:far","origin_server_ts":1,"content":{"membership":"join"}})";
  }
  const std::string last = "@u" + std::to_string(limits::kRoomUsersMax) + ":far";
  EXPECT_EQ(MayMint(last).verdict, MintVerdict::kAskHomeserver);
  Answer(Status::kAnswered, state + "]");
  EXPECT_EQ(MayMint(last, true).reason, MintCase::kJoined);
  EXPECT_EQ(MayMint("@stranger:far", true).reason, MintCase::kNotJoined);
}

TEST_F(ConductorTest, RefusesTokensBeyondSoManyPerUserAndRoom) {
  StartRoom({"@bob:hs", "@carol:far"});
  for (std::size_t i = 0; i < limits::kAdmissionsPerUserMax; ++i) {
    EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAllow);
    static_cast<void>(Mint("@bob:hs", "B", TokenRoute::kOpenId, std::to_string(i)));
  }
  EXPECT_EQ(MayMint("@bob:hs").reason, MintCase::kTableFull);
  EXPECT_EQ(MayMint("@carol:far").verdict, MintVerdict::kAllow);
}

class RefusedUsersTest : public ConductorTest {
 protected:
  static std::string User(std::size_t number) { return "@u" + std::to_string(number) + ":hs"; }
  // A user of ours wants a token, and the homeserver is asked as them. Their request waits.
  void Ask(const std::string& user, Status status) {
    EXPECT_EQ(MayMint(user).verdict, MintVerdict::kAskHomeserver);
    if (asked_.empty()) Pass(ReconcileSchedule::kUrgentInterval);
    ASSERT_THAT(asked_, SizeIs(1));
    EXPECT_EQ(asked_[0].as_user, user);
    Answer(status);
  }
  // Nobody is left to ask as.
  void Finish() {
    Pass(ReconcileSchedule::kUrgentInterval);
    ASSERT_THAT(asked_, SizeIs(1));
    EXPECT_EQ(asked_[0].as_user, "");
    Answer(Status::kRefused);
    EXPECT_FALSE(conductor_->IsAsking(now_, std::string(kRoom)));
  }
};

TEST_F(RefusedUsersTest, AreRememberedUpToABoundAndThenAskedAboutAgain) {
  for (std::size_t i = 0; i < limits::kRefusedUsersMax; ++i) Ask(User(i), Status::kRefused);
  Finish();
  for (std::size_t i = 0; i < limits::kRefusedUsersMax; ++i) {
    ASSERT_EQ(MayMint(User(i), true).reason, MintCase::kNotJoined) << i;
  }
  Ask(User(limits::kRefusedUsersMax), Status::kRefused);
  Finish();
  EXPECT_EQ(MayMint(User(limits::kRefusedUsersMax), true).reason, MintCase::kNotJoined);
  // Whoever was forgotten is not let in for it.
  EXPECT_EQ(MayMint(User(0), true).reason, MintCase::kUnreachable);
  Ask(User(0), Status::kRefused);
  Finish();
  EXPECT_EQ(MayMint(User(0), true).reason, MintCase::kNotJoined);
}

TEST_F(RefusedUsersTest, AsWhomNothingMayBeAskedAreNotLetInOnceForgotten) {
  for (std::size_t i = 0; i <= limits::kRefusedUsersMax; ++i) Ask(User(i), Status::kNotAs);
  Finish();
  EXPECT_EQ(MayMint(User(0), true).reason, MintCase::kUnreachable);
  EXPECT_EQ(MayMint(User(limits::kRefusedUsersMax), true).reason, MintCase::kUnreachable);
}

TEST_F(RefusedUsersTest, AreEachAskedAsBeforeTheRoundEnds) {
  EXPECT_EQ(MayMint("@other:hs").verdict, MintVerdict::kAskHomeserver);
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAskHomeserver);
  EXPECT_EQ(MayMint("@eve:hs").verdict, MintVerdict::kAskHomeserver);
  for (const char* user : {"@other:hs", "@bob:hs", "@eve:hs"}) {
    if (asked_.empty()) Pass(ReconcileSchedule::kUrgentInterval);
    ASSERT_THAT(asked_, SizeIs(1));
    EXPECT_EQ(asked_[0].as_user, user);
    Answer(Status::kRefused);
  }
  Finish();
  EXPECT_EQ(MayMint("@eve:hs", true).reason, MintCase::kNotJoined);
  EXPECT_EQ(MayMint("@bob:hs", true).reason, MintCase::kNotJoined);
}

TEST_F(RefusedUsersTest, CannotKeepAMemberFromATokenByAskingMoreOften) {
  static_cast<void>(State("m.room.create", "", "@bob:hs", Json::object()));
  static_cast<void>(Member("@bob:hs", "join"));
  EXPECT_EQ(MayMint("@mallory:hs").verdict, MintVerdict::kAskHomeserver);
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAskHomeserver);
  EXPECT_EQ(MayMint("@mallory:hs").verdict, MintVerdict::kAskHomeserver);
  ASSERT_EQ(asked_[0].as_user, "@mallory:hs");
  Answer(Status::kRefused);
  EXPECT_EQ(MayMint("@mallory:hs").verdict, MintVerdict::kAskHomeserver);
  if (asked_.empty()) Pass(ReconcileSchedule::kUrgentInterval);
  ASSERT_EQ(asked_[0].as_user, "@bob:hs");
  AnswerState();
  EXPECT_EQ(MayMint("@bob:hs", true).reason, MintCase::kJoined);
}

TEST_F(RefusedUsersTest, AreAskedAsAgainOnceTheyAreJoined) {
  static_cast<void>(State("m.room.create", "", "@bob:hs", Json::object()));
  Ask("@bob:hs", Status::kRefused);
  EXPECT_EQ(MayMint("@carol:hs").verdict, MintVerdict::kAskHomeserver);
  if (asked_.empty()) Pass(ReconcileSchedule::kUrgentInterval);
  ASSERT_EQ(asked_[0].as_user, "@carol:hs");
  Push({Member("@bob:hs", "join")});
  Answer(Status::kRefused);
  if (asked_.empty()) Pass(ReconcileSchedule::kUrgentInterval);
  ASSERT_EQ(asked_[0].as_user, "@bob:hs");
}

TEST_F(RefusedUsersTest, AreAskedAsAgainAfterAFailure) {
  for (const bool is_answered : {true, false}) {
    Reset({.homeserver = "hs"});
    asked_.clear();
    Ask("@bob:hs", Status::kRefused);
    EXPECT_EQ(MayMint("@carol:hs").verdict, MintVerdict::kAskHomeserver);
    if (asked_.empty()) Pass(ReconcileSchedule::kUrgentInterval);
    ASSERT_EQ(asked_[0].as_user, "@carol:hs");
    if (is_answered) {
      Answer(Status::kFailed);
    } else {
      asked_.clear();
      Pass(ReconcileSchedule::kAnswerTimeout);
    }
    Pass(ReconcileSchedule::kBackoffMin);
    ASSERT_THAT(asked_, SizeIs(1));
    EXPECT_EQ(asked_[0].as_user, "@bob:hs");
  }
}

// Each was given up for somebody who asked later; the first of all is under way.
TEST_F(RefusedUsersTest, BeyondABoundAreNotTakenForStrangersBeforeTheyAreAskedAs) {
  for (std::size_t i = 0; i <= limits::kAskersMax + 1; ++i) {
    EXPECT_EQ(MayMint(User(i)).verdict, MintVerdict::kAskHomeserver);
  }
  for (std::size_t i = 0; i <= limits::kAskersMax; ++i) {
    if (asked_.empty()) Pass(ReconcileSchedule::kUrgentInterval);
    ASSERT_THAT(asked_, SizeIs(1));
    EXPECT_EQ(asked_[0].as_user, User(i == 0 ? 0 : i + 1));
    Answer(Status::kRefused);
  }
  Finish();
  EXPECT_EQ(MayMint(User(2), true).reason, MintCase::kNotJoined);
  EXPECT_EQ(MayMint(User(1), true).reason, MintCase::kUnreachable);
}

TEST_F(ConductorTest, ReturnsItsMemoryWhenTheTokensHaveExpired) {
  StartRoom({"@bob:hs"});
  Leave(Connect("@bob:hs", "B"));
  EXPECT_EQ(conductor_->admissions(), 2U);
  Settle(Seconds(3600 + Conductor::kTokenSlackSeconds + 200));
  EXPECT_EQ(conductor_->admissions(), 0U);
  EXPECT_EQ(conductor_->watched_rooms(), 0U);
  EXPECT_TRUE(stored_.empty());
  EXPECT_EQ(conductor_->NextDeadline(), kNever);
}

TEST_F(ConductorTest, KeepsTheRowOfWhoeverStaysConnected) {
  StartRoom({"@bob:hs"});
  const auto bob = Connect("@bob:hs", "B");
  Settle(Seconds(4 * 3600));
  Push({Member("@bob:hs", "ban", "@admin:hs")});
  EXPECT_THAT(Evicted(), ElementsAre(bob.identity));
}

// --- Restarts and /sync ------------------------------------------------------------------------

TEST_F(ConductorTest, RemembersTokensRevocationsAndTransactionsOverARestart) {
  StartRoom({"@bob:hs", "@carol:far"});
  const auto bob = Connect("@bob:hs", "B");
  const auto carol = Connect("@carol:far", "C");
  Push({Member("@bob:hs", "ban", "@admin:hs")}, "5");
  const auto minted = stored_;
  const auto revocations = stored_revocations_;
  const auto txns = stored_txns_;
  static_cast<void>(Member("@carol:far", "leave", "@admin:hs"));  // while we are away
  asked_.clear();
  evicted_.clear();
  Pass(Seconds(30));
  Reset({.homeserver = "hs"});
  for (const auto& [identity, row] : minted) conductor_->RestoreMinted(now_, row);
  for (const auto& [identity, row] : revocations) conductor_->RestoreRevocation(now_, row);
  for (const std::string& id : txns) conductor_->RestoreTransactionId(id);
  conductor_->Start(now_);
  Drain();
  EXPECT_THAT(Evicted(), ElementsAre(bob.identity));  // the rooms learn the revocation again
  EXPECT_EQ(Push({}, "5"), TransactionOutcome::kRepeated);
  ASSERT_THAT(asked_, SizeIs(1));
  AnswerState();
  EXPECT_THAT(Evicted(), ElementsAre(bob.identity, carol.identity));
}

TEST_F(ConductorTest, StoresOfALongTransactionIdWhatItGoesBy) {
  const std::string longest(limits::kTransactionIdBytesMax, 't');
  EXPECT_EQ(Push({}, longest + "a"), TransactionOutcome::kTaken);
  EXPECT_THAT(stored_txns_, ElementsAre(longest));
  EXPECT_EQ(Push({}, longest + "b"), TransactionOutcome::kRepeated);
}

TEST_F(ConductorTest, DoubtsALeaveThatComesBeforeTheFirstCompleteState) {
  static_cast<void>(State("m.room.create", "", "@admin:hs", Json::object()));
  static_cast<void>(Member("@admin:hs", "join"));
  const Json leave = Member("@bob:hs", "leave");
  const Json rejoin = Member("@bob:hs", "join");
  conductor_->RestoreMinted(now_, Minted("@bob:hs", "B"));
  conductor_->RestoreMinted(now_, Minted("@admin:hs", "A"));
  conductor_->Start(now_);
  Drain();
  Push({leave});  // late: the homeserver kept it while we were away
  EXPECT_THAT(evicted_, IsEmpty());
  Settle(Seconds(2));
  Push({rejoin});
  Settle();
  EXPECT_THAT(evicted_, IsEmpty());
}

class SyncTest : public ConductorTest {
 protected:
  SyncTest() {
    Reset({.homeserver = "hs", .unknown_room_allowed = false, .reads_as_itself = true});
  }
  void Sync(Json rooms) {
    const Json body{{"next_batch", "s1"}, {"rooms", std::move(rooms)}};
    EXPECT_EQ(conductor_->HandleSync(now_, body.dump()), "s1");
    Drain();
  }
  void Sync(Json room, const char* section) {
    Sync({{section, {{std::string(kRoom), std::move(room)}}}});
  }
};

TEST_F(SyncTest, IsFollowedLikePushes) {
  conductor_->SetAccount("@focus:hs");
  StartRoom({"@focus:hs", "@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "B"));
  Sync({{"timeline", {{"limited", true}, {"events", Json::array()}}}}, "join");
  Pass(Millis(50));
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(asked_[0].as_user, "");
  AnswerState();
  Sync(Json::object(), "leave");  // our account was removed: nobody else was
  EXPECT_THAT(evicted_, IsEmpty());
  const Json kick = Member("@bob:hs", "leave", "@admin:hs");
  Sync({{"timeline", {{"events", Json::array({kick})}}}}, "join");
  EXPECT_THAT(evicted_, SizeIs(1));
  EXPECT_FALSE(conductor_->HandleSync(now_, "{}").has_value());
}

// Synapse shows the room as it was then, with 200, and /sync says no more of it.
TEST_F(SyncTest, KnowsNothingOfARoomThatItsAccountWasPutOutOf) {
  conductor_->SetAccount("@focus:hs");
  StartRoom({"@focus:hs", "@bob:hs"});
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAllow);
  static_cast<void>(Member("@focus:hs", "leave", "@admin:hs"));
  const std::string frozen = RoomState().dump();
  Sync(Json::object(), "leave");
  for (int poll = 0; poll < 24; ++poll) {
    while (!asked_.empty()) Answer(Status::kAnswered, frozen);
    EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAskHomeserver);
    Pass(Seconds(30));
    Sync(Json::object());
  }
  while (!asked_.empty()) Answer(Status::kAnswered, frozen);
  EXPECT_EQ(MayMint("@bob:hs", true).reason, MintCase::kUnknownDenied);
  EXPECT_THAT(evicted_, IsEmpty());
}

TEST_F(SyncTest, KnowsNothingOfARoomThatItsAccountOnlyLooksInto) {
  conductor_->SetAccount("@focus:hs");
  StartRoom({"@bob:hs"});  // anybody may read it
  EXPECT_EQ(MayMint("@bob:hs", true).reason, MintCase::kUnknownDenied);
}

TEST_F(SyncTest, BelievesNoStateBeforeItKnowsItsAccount) {
  StartRoom({"@focus:hs", "@bob:hs"});
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAskHomeserver);
  conductor_->SetAccount("@focus:hs");
  Sync(Json::object());  // the question is asked again
  Settle(Seconds(1));
  EXPECT_EQ(MayMint("@bob:hs").verdict, MintVerdict::kAllow);
}

TEST_F(ConductorTest, TellsWhatIsGoingOn) {
  StartRoom({"@bob:hs", "@carol:far"});
  Push({Legacy("@bob:hs", "B"), Legacy("@carol:far", "GHOST")});
  const auto bob = Connect("@bob:hs", "B");
  const auto carol = Connect("@carol:far", "C", TokenRoute::kOpenId, "x");
  conductor_->HandlePublishing(now_, bob.room_name, bob.identity, 1, 1);
  const auto facts = conductor_->Facts(bob.room_name);
  ASSERT_TRUE(facts.has_value());
  EXPECT_TRUE(facts->is_on);
  EXPECT_EQ(facts->opened_by, "@bob:hs");
  EXPECT_EQ(facts->intent, "video");
  EXPECT_EQ(facts->connected, 2U);
  EXPECT_EQ(facts->publishing, 1U);
  EXPECT_EQ(facts->ghosts, 1U);
  EXPECT_EQ(facts->shadows, 1U);
  EXPECT_EQ(facts->since_unix_ms / 1000, Unix());
  ASSERT_THAT(facts->members, SizeIs(3));
  Pass(Seconds(5));
  Leave(bob);
  conductor_->HandleLeft(now_, carol.room_name, carol.identity, DepartureReason::kConnectionLost);
  Drain();
  EXPECT_THAT(changes_, ElementsAre(CallChangeKind::kStarted, CallChangeKind::kNoPublisher,
                                    CallChangeKind::kEnded));
  const auto after = conductor_->Facts(bob.room_name);
  ASSERT_TRUE(after.has_value());
  EXPECT_FALSE(after->is_on);
  EXPECT_EQ(after->last_departure, DepartureReason::kConnectionLost);
  EXPECT_EQ(after->ended_unix_ms / 1000, Unix());
}

TEST(ReconcileSchedule, AsksTheUrgentFirstAndBacksOffAfterFailures) {
  ReconcileSchedule schedule(Rng(1));
  const Instant start{Seconds(1)};
  schedule.Want("routine", start, Urgency::kRoutine);
  schedule.Want("urgent", start, Urgency::kUrgent);
  EXPECT_EQ(schedule.Poll(start), "urgent");
  EXPECT_EQ(schedule.Poll(start), "routine");
  EXPECT_EQ(schedule.Poll(start), std::nullopt);
  schedule.HandleAnswer(start, "urgent", false, Duration::zero());
  EXPECT_GE(schedule.NextDeadline(), start + ReconcileSchedule::kBackoffMin / 2);
  schedule.HandleAnswer(start, "routine", false, Seconds(20));
  const Instant later = start + Seconds(2);
  EXPECT_EQ(schedule.Poll(later), "urgent");
  EXPECT_EQ(schedule.Poll(later), std::nullopt);  // asked to stay away for 20 s
  std::vector<std::string> overdue;
  schedule.HandleTimeout(later + ReconcileSchedule::kAnswerTimeout, overdue);
  EXPECT_THAT(overdue, ElementsAre("urgent"));
  EXPECT_TRUE(schedule.IsConsistent());
}

TEST(ReconcileSchedule, HasOnlySoManyQuestionsUnderWayPerLane) {
  ReconcileSchedule schedule(Rng(1));
  Instant now{Seconds(1)};
  for (std::size_t i = 0; i < 2 * limits::kRoomStatesUnderWayMax; ++i) {
    schedule.Want(std::to_string(i), now, Urgency::kUrgent);
  }
  std::size_t asked = 0;
  for (int i = 0; i < 100; ++i, now += Millis(20)) {
    if (schedule.Poll(now)) ++asked;
  }
  EXPECT_EQ(asked, limits::kRoomStatesUnderWayMax);
  schedule.Want("routine", now, Urgency::kRoutine);
  EXPECT_EQ(schedule.Poll(now), "routine");
  schedule.Forget("0");
  EXPECT_TRUE(schedule.Poll(now).has_value());
  EXPECT_TRUE(schedule.IsConsistent());
}

}  // namespace
}  // namespace fovea::focus::test
