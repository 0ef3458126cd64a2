// Commands in every order that signaling and time can bring about; fences; full rings; tuples.
#include <string>

#include "sfu/crypto/hmac.h"
#include "sfu/stun/message_writer.h"
#include "tests/unit/sfu/worker/fixture.h"

namespace fovea::worker {
namespace {

using control::PublicationHandle;
using control::SessionHandle;
using control::SubscriptionHandle;

class Commands : public WorkerTest {
 protected:
  // A check as `client` would send it from another address.
  static std::vector<std::uint8_t> CheckOf(const test::Client& client, std::uint8_t number) {
    const test::Client::Identity& identity = client.identity();
    stun::TransactionId id{};
    id[0] = number;
    stun::MessageWriter check(stun::MessageClass::kRequest, id);
    check.Username(identity.server_ice.ufrag + ":" + identity.ice.ufrag);
    check.Priority(1000);
    check.IceControlling(1);
    const std::string& password = identity.server_ice.password;
    check.Integrity({reinterpret_cast<const std::uint8_t*>(password.data()), password.size()},
                    &crypto::HmacSha1);
    check.Fingerprint();
    const ByteSpan bytes = check.Finish();
    return {bytes.begin(), bytes.end()};
  }
};

TEST_F(Commands, ThatNameSomethingGoneAreCountedAndDoNothing) {
  World& world = MakeWorld(1);
  const SessionHandle session(0, 5, 1);
  const PublicationHandle publication(0, 5, 1);
  const SubscriptionHandle subscription(0, 5, 1);
  control::AddPublication add;
  add.publication = publication;
  add.session = session;
  control::UpdatePublication update;
  update.description = add;
  control::AddSubscription subscribe;
  subscribe.subscription = subscription;
  subscribe.session = session;
  const std::vector<control::WorkerCommand> stale = {
      control::SetRemote{session, {}},
      control::RestartIce{session, {}, {}},
      control::RemoveSession{session},
      add,
      update,
      control::SetRoutes{publication, 1},
      control::SetPublicationMuted{publication, true},
      subscribe,
      control::SetSubscription{subscription, 0, 0, false},
      control::RemoveSubscription{subscription},
  };
  for (const control::WorkerCommand& command : stale) world.Post(0, command);
  world.Post(0, control::RequestKeyFrame{publication});    // asks for nothing
  world.Post(0, control::RemovePublication{publication});  // sent to workers that may not have it
  world.Run(Millis(10));
  EXPECT_EQ(world.worker(0).stats().stale_commands, stale.size());
  EXPECT_EQ(Events<control::SessionRemoved>(0).size(), 1U);  // acknowledged all the same
}

TEST_F(Commands, OfAnOlderGenerationDoNotTouchTheNewOne) {
  World& world = MakeWorld(1);
  const auto first = Connected(0);
  const SessionHandle old = world.client(first).identity().session;
  world.Evict(first);
  world.Run(Millis(100));
  const auto second = Connected(0);
  ASSERT_EQ(world.client(second).identity().session.slot(), old.slot());
  world.Post(0, control::RemoveSession{old});
  world.Run(Millis(100));
  EXPECT_EQ(world.worker(0).peer_count(), 1U);
  EXPECT_EQ(world.worker(0).stats().stale_commands, 1U);
}

TEST_F(Commands, AddingASessionTwiceChangesNothing) {
  World& world = MakeWorld(1);
  const auto publisher = Connected(0);
  const auto audio = world.PublishAudio(publisher);
  const auto subscriber = Connected(0);
  const Ssrc ssrc = world.Subscribe(subscriber, audio);
  world.Run(Millis(200));
  control::AddSession again;
  again.session = world.client(subscriber).identity().session;
  ASSERT_TRUE(again.local.ufrag.TryAssign(world.client(subscriber).identity().server_ice.ufrag));
  ASSERT_TRUE(again.local.password.TryAssign("server-password-of-22-chars"));
  world.Post(0, again);
  world.Run(Seconds(1));
  EXPECT_GT(world.client(subscriber).received(ssrc).packets, 50U);
  EXPECT_EQ(world.worker(0).peer_count(), 2U);
  EXPECT_EQ(world.worker(0).stats().stale_commands, 1U);
}

TEST_F(Commands, AddingAPublicationOrASubscriptionTwiceChangesNothing) {
  World& world = MakeWorld(1);
  const auto publisher = Connected(0);
  const auto audio = world.PublishAudio(publisher);
  const auto subscriber = Connected(0);
  const Ssrc ssrc = world.Subscribe(subscriber, audio);
  world.Run(Millis(200));
  world.Post(0, world.client(publisher).tracks()[0].description);
  world.Post(0, world.subscription(ssrc));
  world.Run(Seconds(1));
  EXPECT_GT(world.client(subscriber).received(ssrc).packets, 50U);
  EXPECT_EQ(world.worker(0).stats().stale_commands, 2U);
}

TEST_F(Commands, ANewGenerationTakesTheSlotOfASessionThatWasNeverRemoved) {
  World& world = MakeWorld(1);
  const auto publisher = Connected(0);
  const auto audio = world.PublishAudio(publisher);
  const auto subscriber = Connected(0);
  const Ssrc ssrc = world.Subscribe(subscriber, audio);
  world.Run(Millis(200));
  const SessionHandle old = world.client(subscriber).identity().session;
  control::AddSession next;
  next.session = SessionHandle(0, old.slot(), old.generation() + 1);
  ASSERT_TRUE(next.local.ufrag.TryAssign("anotherone"));
  ASSERT_TRUE(next.local.password.TryAssign("server-password-of-22-chars"));
  world.Post(0, next);
  world.Run(Millis(50));
  const std::uint64_t before = world.client(subscriber).received(ssrc).packets;
  world.Run(Seconds(1));
  EXPECT_EQ(world.client(subscriber).received(ssrc).packets, before);
  EXPECT_EQ(world.worker(0).peer_count(), 2U);
}

TEST_F(Commands, ThatDoNotFitTheRingWaitInOrder) {
  World& world = MakeWorld(1);
  const auto publisher = Connected(0);
  const auto audio = world.PublishAudio(publisher);
  const auto subscriber = Connected(0);
  const Ssrc ssrc = world.Subscribe(subscriber, audio);
  world.Run(Millis(100));
  const SubscriptionHandle handle = world.subscription(ssrc).subscription;
  // Three times the ring's capacity, and the last word counts.
  for (std::size_t i = 0; i < 3 * limits::kCommandRing; ++i) {
    world.Post(0, control::SetSubscription{handle, 0, 0, i % 2 == 0});
  }
  world.Post(0, control::SetSubscription{handle, 0, 0, true});
  world.Run(Millis(50));
  const std::uint64_t before = world.client(subscriber).received(ssrc).packets;
  world.Run(Seconds(1));
  EXPECT_EQ(world.client(subscriber).received(ssrc).packets, before);
  EXPECT_EQ(world.worker(0).stats().stale_commands, 0U);
}

TEST_F(Commands, LifeCycleEventsSurviveAFullEventRing) {
  World& world = MakeWorld(1);
  const auto client = Connected(0);
  (void)world.PublishAudio(client);
  world.drains_events = false;
  const std::size_t before = world.events[0].size();
  const std::size_t fences = limits::kEventRing + 500;
  for (std::size_t i = 0; i < fences; ++i) world.Post(0, control::Fence{1'000'000 + i});
  world.Run(Seconds(3));
  EXPECT_GT(world.worker(0).stats().samples_dropped, 0U);  // the speaker's level did not fit
  // Signaling reads at last; the order is kept.
  std::vector<std::uint64_t> reached;
  for (int i = 0; i < 100; ++i) {
    world.channel(0).events.Drain(limits::kEventRing, [&](const control::WorkerEvent& event) {
      if (const auto* fence = std::get_if<control::FenceReached>(&event))
        reached.push_back(fence->id);
    });
    world.Run(Millis(10));
  }
  world.drains_events = true;
  EXPECT_EQ(world.events[0].size(), before);
  ASSERT_EQ(reached.size(), fences);
  for (std::size_t i = 0; i < fences; ++i) EXPECT_EQ(reached[i], 1'000'000 + i);
}

TEST_F(Commands, AFenceIsReachedAfterEverythingBeforeItHasLeft) {
  World& world = MakeWorld(2);
  const auto publisher = Connected(0);
  const auto video = world.PublishVideo(publisher);
  const auto subscriber = Connected(1);
  (void)world.Subscribe(subscriber, video);
  world.Run(Seconds(1));
  world.Evict(publisher);
  world.Evict(subscriber);
  EXPECT_FALSE(world.is_evicted(publisher));
  world.Run(Seconds(1));  // the checker looks for packets after the fences
  EXPECT_TRUE(world.is_evicted(publisher));
  EXPECT_TRUE(world.is_evicted(subscriber));
  EXPECT_EQ(Events<control::SessionRemoved>(0).size(), 1U);
  EXPECT_EQ(world.worker(0).peer_count() + world.worker(1).peer_count(), 0U);
}

TEST_F(Commands, ARemovedSessionIsNotHeardAnyMore) {
  World& world = MakeWorld(1);
  const auto client = Connected(0);
  const NetAddress address = world.client(client).identity().address;
  const auto check = CheckOf(world.client(client), 1);
  world.Evict(client);
  world.Run(Millis(100));
  const std::array<std::uint8_t, 12> rtp = {0x80, 96};
  world.Inject(0, address, rtp);
  world.Inject(0, address, check);
  world.Run(Millis(100));
  EXPECT_EQ(world.worker(0).received_drops().Get(DropReason::kUnknownPeer), 1U);
  EXPECT_EQ(world.worker(0).received_drops().Get(DropReason::kUnknownUfrag), 1U);
}

TEST_F(Commands, EightTuplesOfOneSessionAreHeardAndTheNinthIsNot) {
  World& world = MakeWorld(1);
  const auto client = Connected(0);
  std::vector<NetAddress> tuples = {world.client(client).identity().address};
  for (std::uint8_t i = 1; i <= 8; ++i) {
    tuples.push_back(NetAddress::V4(0x0a020000, static_cast<std::uint16_t>(5000 + i)));
    world.checker().OnClient(tuples.back());
    world.Inject(0, tuples.back(), CheckOf(world.client(client), i));
    world.Run(Millis(10));
  }
  const DropCounters& drops = world.worker(0).received_drops();
  EXPECT_EQ(drops.Get(DropReason::kTooManyTuples), 1U);
  const std::array<std::uint8_t, 12> rtp = {0x80, 96};
  for (const NetAddress& tuple : tuples) world.Inject(0, tuple, rtp);
  world.Run(Millis(10));
  EXPECT_EQ(drops.Get(DropReason::kUnknownPeer), 1U);  // the ninth; the others failed later
}

TEST_F(Commands, ConnectionAndLossOfConsentAreReported) {
  World& world = MakeWorld(1);
  const auto client = Connected(0);
  EXPECT_EQ(Events<control::SessionConnected>(0).size(), 1U);
  world.client(client).peer().StopChecks();
  world.Run(Seconds(16));
  const auto lost = Events<control::SessionDisconnected>(0);
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0].cause, control::DisconnectCause::kConsentLost);
}

TEST_F(Commands, AppDataCrossesBothWaysAndIsDroppedForAbsentSessions) {
  World& world = MakeWorld(1);
  const auto client = Connected(0);
  const std::array<std::uint8_t, 4> up = {1, 2, 3, 4};
  ASSERT_TRUE(world.client(client).peer().SendAppData(world.now(), up, world.sink(client)));
  world.Run(Millis(100));
  std::size_t heard = 0;
  world.channel(0).app_data_up.Drain(16, [&](const control::AppData& data) {
    heard += data.size;
    EXPECT_EQ(data.session, world.client(client).identity().session);
  });
  EXPECT_EQ(heard, up.size());
  control::AppData down;
  down.session = SessionHandle(0, 99, 1);
  down.size = 4;
  ASSERT_TRUE(world.channel(0).app_data_down.TryPush(down));
  world.Run(Millis(100));
  EXPECT_EQ(world.worker(0).drops().Get(DropReason::kStaleEpoch), 1U);
}

}  // namespace
}  // namespace fovea::worker
