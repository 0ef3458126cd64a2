// Putting somebody out for good: what they, the others, the workers and a follower are told, and
// which tokens are refused afterwards.
#include "tests/unit/signaling/livekit/room_fixture.h"

namespace fovea::livekit {
namespace {

class Follower : public PresencePort {
 public:
  void OnActive(Instant, const std::string& room, const std::string& identity) override {
    lines.push_back("active " + room + "/" + identity);
  }
  void OnGone(Instant, const std::string& room, const std::string& identity,
              pb::DisconnectReason reason, bool was_active) override {
    lines.push_back("gone " + room + "/" + identity + " " + pb::DisconnectReason_Name(reason) +
                    (was_active ? "" : " before it was active"));
  }
  void OnPublishing(Instant, const std::string& room, const std::string& identity,
                    std::size_t audio, std::size_t video) override {
    lines.push_back(room + "/" + identity + " publishes " + std::to_string(audio) + "+" +
                    std::to_string(video));
  }
  std::vector<std::string> lines;
};

class Eviction : public RoomTest {
 protected:
  Eviction() { world_.context.presence = &follower_; }
  Follower follower_;
};

TEST_F(Eviction, TellsTheMemberAndPostsAFenceAfterTheirMedia) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  bob.Publish(Camera("camera"));
  Settle();
  const auto session = bob.session();
  const auto fence = world_.manager.Evict(world_.now, "room", "bob", world_.WallSeconds() + 1);
  ASSERT_TRUE(fence.has_value());
  EXPECT_EQ(*fence, world_.media.fences);
  const auto leave = bob.Last(Case::kLeave).leave();
  EXPECT_EQ(leave.reason(), pb::DisconnectReason::PARTICIPANT_REMOVED);
  EXPECT_EQ(leave.action(), pb::LeaveRequest::DISCONNECT);
  EXPECT_FALSE(bob.socket().open());
  EXPECT_EQ(world_.media.Posted<control::RemovePublication>().size(), 1U);
  const auto removed = world_.media.Posted<control::RemoveSession>();
  ASSERT_EQ(removed.size(), 1U);
  EXPECT_EQ(removed[0].session, session);
  EXPECT_EQ(alice.Knows("bob").state(), pb::ParticipantInfo::DISCONNECTED);
  EXPECT_NE(alice.participant(), nullptr);
}

TEST_F(Eviction, RefusesOldTokensToJoinAndToResumeAndTakesYoungerOnes) {
  Client& bob = Join("bob");
  const std::string sid = bob.sid();
  world_.manager.Evict(world_.now, "room", "bob", 5000);
  JoinParams again = World::Params("room", "bob");
  again.token_issued_unix = 4999;
  EXPECT_EQ(world_.manager.CheckJoin(again)->status, 401);
  again.request.set_reconnect(true);
  again.request.set_participant_sid(sid);
  EXPECT_EQ(world_.manager.CheckJoin(again)->status, 401);
  again.token_issued_unix.reset();
  EXPECT_EQ(world_.manager.CheckJoin(again)->status, 401);
  again.token_issued_unix = 5000;
  EXPECT_FALSE(world_.manager.CheckJoin(again).has_value());
}

TEST_F(Eviction, RefusesTheTokenOfSomebodyWhoHasNotComeYet) {
  EXPECT_FALSE(world_.manager.Evict(world_.now, "room", "carol", 5000).has_value());
  EXPECT_EQ(world_.media.fences, 0U);
  JoinParams carol = World::Params("room", "carol");
  carol.token_issued_unix = 4000;
  EXPECT_EQ(world_.manager.CheckJoin(carol)->status, 401);
}

TEST_F(Eviction, TakesPublishOnlySideSessionsAlong) {
  Join("bob");
  JoinParams side = World::Params("room", "bob#screen");
  side.token.identity = "bob";
  side.token_issued_unix = 4999;
  ASSERT_FALSE(world_.manager.CheckJoin(side).has_value());
  Client& screen = JoinOnly(side);
  ASSERT_NE(screen.participant(), nullptr);
  EXPECT_THAT(KindsOf(screen.Take()), testing::Not(testing::Contains("refresh_token")));
  world_.manager.Evict(world_.now, "room", "bob", 5000);
  EXPECT_EQ(world_.manager.Find("room")->Find("bob"), nullptr);
  EXPECT_EQ(world_.manager.Find("room")->Find("bob#screen"), nullptr);
  EXPECT_EQ(world_.manager.CheckJoin(side)->status, 401);
}

TEST_F(Eviction, RefusesSideSessionsWhereAHomeserverCountsMembers) {
  world_.options.allow_side_sessions = false;
  JoinParams side = World::Params("room", "bob#screen");
  side.token.identity = "bob";
  EXPECT_EQ(world_.manager.CheckJoin(side)->status, 403);
}

TEST_F(Eviction, PutsOutOnlyTheIdentityNamed) {
  Client& phone = Join("@bob:example.com:PHONE");
  Client& laptop = Join("@bob:example.com:LAPTOP");
  world_.manager.Evict(world_.now, "room", "@bob:example.com:PHONE", 1);
  EXPECT_EQ(phone.participant(), nullptr);
  EXPECT_NE(laptop.participant(), nullptr);
  EXPECT_TRUE(laptop.socket().open());
}

TEST_F(Eviction, TheFollowerHearsOfPresenceInOrder) {
  Client& bob = Join("bob");
  bob.Publish(Microphone("microphone"));
  world_.manager.Evict(world_.now, "room", "bob", 1);
  JoinOnly("carol");
  world_.manager.Evict(world_.now, "room", "carol", 1);
  EXPECT_THAT(follower_.lines,
              testing::ElementsAre("active room/bob", "room/bob publishes 1+0",
                                   "room/bob publishes 0+0", "gone room/bob PARTICIPANT_REMOVED",
                                   "gone room/carol PARTICIPANT_REMOVED before it was active"));
}

}  // namespace
}  // namespace fovea::livekit
