// Media through one worker and several: who gets what, and what is left out.
#include <algorithm>

#include "sfu/core/limits.h"
#include "tests/unit/sfu/worker/fixture.h"

namespace fovea::worker {
namespace {

using test::Client;
using test::Stamp;

class Forwarding : public WorkerTest {};

TEST_F(Forwarding, ReachesASubscriberOnAnotherWorkerThroughTheLane) {
  World& world = MakeWorld(2);
  const auto publisher = Connected(0);
  const auto subscriber = Connected(1);
  const Ssrc video = world.Subscribe(subscriber, world.PublishVideo(publisher));
  const Ssrc audio = world.Subscribe(subscriber, world.PublishAudio(publisher));
  world.Run(Seconds(2));
  EXPECT_GT(world.client(subscriber).received(video).packets, 60U);
  EXPECT_GT(world.client(subscriber).received(audio).packets, 90U);
  EXPECT_GE(world.client(subscriber).received(video).key_frames, 1U);
  EXPECT_EQ(world.worker(0).stats().rtp_forwarded, 0U);
  EXPECT_GT(world.worker(1).stats().lane_packets_in, 150U);
}

TEST_F(Forwarding, GivesEachSubscriberItsOwnUnbrokenStream) {
  World& world = MakeWorld(2);
  const auto publisher = Connected(0);
  const auto video = world.PublishVideo(publisher);
  std::vector<std::pair<World::ClientId, Ssrc>> subscribers;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto id = Connected(i % 2);
    subscribers.emplace_back(id, world.Subscribe(id, video));
  }
  world.Run(Seconds(1));
  for (const auto& [id, ssrc] : subscribers) {
    EXPECT_GT(world.client(id).received(ssrc).packets, 40U);
    EXPECT_TRUE(world.client(id).received(ssrc).missing.empty());
  }
}

TEST_F(Forwarding, GoesFromAnyOfFourWorkersToAllOthers) {
  constexpr std::size_t kWorkers = 4;
  World& world = MakeWorld(kWorkers);
  std::vector<World::ClientId> members;
  for (std::size_t i = 0; i < kWorkers; ++i) members.push_back(Connected(i));
  std::vector<std::pair<World::ClientId, Ssrc>> subscriptions;
  const auto publish = [&](World::ClientId publisher) {
    const auto video = world.PublishVideo(publisher);
    for (const World::ClientId id : members) {
      if (id != publisher) subscriptions.emplace_back(id, world.Subscribe(id, video));
    }
  };
  const auto all_are_unbroken = [&] {
    for (const auto& [id, ssrc] : subscriptions) {
      EXPECT_GT(world.client(id).received(ssrc).packets, 40U);
      EXPECT_TRUE(world.client(id).received(ssrc).missing.empty());
    }
  };
  publish(members[0]);
  world.Run(Seconds(1));
  all_are_unbroken();
  EXPECT_EQ(world.worker(0).stats().lane_packets_in, 0U);
  for (std::size_t i = 1; i < kWorkers; ++i) publish(members[i]);
  world.Run(Seconds(1));
  all_are_unbroken();
  EXPECT_EQ(subscriptions.size(), kWorkers * (kWorkers - 1));
  for (std::size_t i = 0; i < kWorkers; ++i) {
    EXPECT_GT(world.worker(i).stats().lane_packets_in, 3 * 40U);
    EXPECT_EQ(world.worker(i).drops().Get(DropReason::kLaneFull), 0U);
  }
  world.Settle();  // checks the slots of every worker
}

TEST_F(Forwarding, SendsOnlyTheWantedLayer) {
  World& world = MakeWorld(1);
  const auto publisher = Connected(0);
  const auto subscriber = Connected(0);
  world.client(subscriber).keeps_stamps = true;
  const Ssrc video = world.Subscribe(subscriber, world.PublishVideo(publisher));
  world.SetLayer(video, 0);
  world.Run(Seconds(2));
  auto& stamps = world.client(subscriber).received(video).stamps;
  ASSERT_GT(stamps.size(), 20U);
  EXPECT_TRUE(std::all_of(stamps.begin() + 5, stamps.end(),
                          [](const Stamp& stamp) { return stamp.layer == 0; }));
  stamps.clear();
  world.SetLayer(video, 2);
  world.Run(Seconds(2));
  EXPECT_EQ(stamps.back().layer, 2);
  const auto first = std::find_if(stamps.begin(), stamps.end(),
                                  [](const Stamp& stamp) { return stamp.layer == 2; });
  ASSERT_NE(first, stamps.end());
  EXPECT_TRUE(first->starts_key_frame());  // a switch anywhere else cannot be decoded
}

TEST_F(Forwarding, LearnsSimulcastLayersFromMidAndRid) {
  World& world = MakeWorld(1);
  const auto publisher = Connected(0);
  const auto subscriber = Connected(0);
  const Ssrc video = world.Subscribe(subscriber, world.PublishVideo(publisher));
  ASSERT_EQ(world.client(publisher).tracks()[0].description.layers[0].ssrc, Ssrc{});
  world.Run(Seconds(1));
  EXPECT_GT(world.client(subscriber).received(video).packets, 30U);
  EXPECT_EQ(world.worker(0).received_drops().Get(DropReason::kUnknownSsrc), 0U);
}

TEST_F(Forwarding, DropsAnSsrcThatNoPublicationClaims) {
  World& world = MakeWorld(1);
  const auto publisher = Connected(0);
  test::MediaStream::Options options;
  options.mid = "nobody";
  options.ssrc = Ssrc{77};
  test::MediaStream stranger(options, 1);
  std::uint16_t wide_seq = 0;
  for (const test::MadePacket& packet : stranger.NextFrame(wide_seq)) {
    world.client(publisher).SendMade(packet, world.sink(publisher));
  }
  world.Run(Millis(100));
  EXPECT_EQ(world.worker(0).received_drops().Get(DropReason::kUnknownSsrc), 1U);
}

TEST_F(Forwarding, CountsPacketsThatNobodyWants) {
  World& world = MakeWorld(1);
  const auto publisher = Connected(0);
  (void)world.PublishAudio(publisher);
  world.Run(Seconds(1));
  EXPECT_GT(world.worker(0).received_drops().Get(DropReason::kNoSubscriber), 40U);
  EXPECT_EQ(world.worker(0).stats().rtp_forwarded, 0U);
}

TEST_F(Forwarding, CountsPacketsOfALayerThatNobodyWants) {
  World& world = MakeWorld(1);
  const auto publisher = Connected(0);
  const auto first = Connected(0);
  const auto video = world.PublishVideo(publisher);
  world.SetLayer(world.Subscribe(first, video), 0);
  world.Run(Seconds(1));
  const auto counted_within_a_second = [&] {
    const DropCounters& drops = world.worker(0).received_drops();
    const std::uint64_t before = drops.Get(DropReason::kLayerNotWanted);
    world.Run(Seconds(1));
    return drops.Get(DropReason::kLayerNotWanted) - before;
  };
  const std::uint64_t of_two_layers = counted_within_a_second();
  EXPECT_GT(of_two_layers, 40U);
  EXPECT_GT(world.worker(0).stats().rtp_forwarded, 20U);
  const auto second = Connected(0);
  world.SetLayer(world.Subscribe(second, video), 2);
  world.Run(Seconds(1));
  const std::uint64_t of_one_layer = counted_within_a_second();
  EXPECT_GT(of_one_layer, 20U);
  EXPECT_LT(of_one_layer, of_two_layers * 3 / 4);
  // Who is paused wants none, and does not make one wanted.
  const auto third = Connected(0);
  world.SetPaused(world.Subscribe(third, video), true);
  world.Run(Seconds(1));
  EXPECT_GT(counted_within_a_second(), 20U);
}

TEST_F(Forwarding, CountsPacketsForWhichEverybodyWaitsForAKeyFrame) {
  World& world = MakeWorld(1);
  const auto publisher = Connected(0);
  const auto subscriber = Connected(0);
  world.client(publisher).answers_plis = false;
  const auto video = world.PublishVideo(publisher, 1);
  world.Run(Seconds(1));  // the first key frame is over
  (void)world.Subscribe(subscriber, video);
  const DropCounters& drops = world.worker(0).received_drops();
  const auto waiting = [&] { return drops.Get(DropReason::kWaitingForKeyFrame); };
  world.Run(Seconds(1));
  const std::uint64_t before_the_key_frame = waiting();
  EXPECT_GT(before_the_key_frame, 10U);
  EXPECT_EQ(world.worker(0).stats().rtp_forwarded, 0U);
  world.client(publisher).answers_plis = true;
  world.Run(Seconds(2));
  EXPECT_GT(world.worker(0).stats().rtp_forwarded, 20U);
  const std::uint64_t by_the_key_frame = waiting();
  world.Run(Seconds(1));
  EXPECT_EQ(waiting(), by_the_key_frame);  // what somebody gets is not counted
}

TEST_F(Forwarding, AWishBeyondTheHighestLayersIsAWishForThem) {
  World& world = MakeWorld(1);
  const auto publisher = Connected(0);
  const auto subscriber = Connected(0);
  world.client(subscriber).keeps_stamps = true;
  const Ssrc video =
      world.Subscribe(subscriber, world.PublishVideo(publisher, limits::kSpatialLayersMax));
  for (const std::uint8_t beyond : {std::uint8_t{0}, std::uint8_t{200}}) {
    world.SetLayer(video, limits::kSpatialLayersMax + beyond, limits::kTemporalLayersMax + beyond);
    world.Run(Seconds(1));
    auto& stamps = world.client(subscriber).received(video).stamps;
    stamps.clear();
    world.Run(Seconds(1));
    ASSERT_GT(stamps.size(), 25U);
    EXPECT_TRUE(std::all_of(stamps.begin(), stamps.end(), [](const Stamp& stamp) {
      return stamp.layer == limits::kSpatialLayersMax - 1;
    }));
  }
  EXPECT_TRUE(world.client(subscriber).received(video).missing.empty());
}

TEST_F(Forwarding, StopsWhileAPublicationIsMutedAndResumesWithAKeyFrame) {
  World& world = MakeWorld(2);
  const auto publisher = Connected(0);
  const auto subscriber = Connected(1);
  world.client(subscriber).keeps_stamps = true;
  const auto video = world.PublishVideo(publisher);
  const Ssrc ssrc = world.Subscribe(subscriber, video);
  world.Run(Seconds(1));
  world.SetMuted(video, true);
  world.Run(Millis(200));
  auto& received = world.client(subscriber).received(ssrc);
  const std::uint64_t before = received.packets;
  received.stamps.clear();
  world.Run(Seconds(1));
  EXPECT_EQ(received.packets, before);
  EXPECT_GT(world.worker(0).received_drops().Get(DropReason::kMuted), 30U);
  world.SetMuted(video, false);
  world.Run(Seconds(1));
  ASSERT_FALSE(received.stamps.empty());
  EXPECT_TRUE(received.stamps.front().starts_key_frame());
  EXPECT_TRUE(received.missing.empty());  // what was muted took no numbers
}

TEST_F(Forwarding, KeepsTheKeyFrameForASubscriberThatIsNotConnectedYet) {
  World& world = MakeWorld(1);
  const auto publisher = Connected(0);
  const auto video = world.PublishVideo(publisher);
  world.Run(Millis(500));
  const auto subscriber = world.Join(0);
  world.client(subscriber).keeps_stamps = true;
  // Its checks get lost for a while, as behind a slow network.
  const NetAddress address = world.client(subscriber).identity().address;
  world.client(subscriber).peer().StopChecks();
  const Ssrc ssrc = world.Subscribe(subscriber, video);
  world.Run(Seconds(1));
  world.client(subscriber).Start(world.now());
  world.Run(Seconds(1));
  auto& received = world.client(subscriber).received(ssrc);
  ASSERT_FALSE(received.stamps.empty());
  EXPECT_TRUE(received.stamps.front().starts_key_frame());
  EXPECT_EQ(world.client(subscriber).identity().address, address);
}

// A publisher may announce one and send the other; what it sends must not end the process.
TEST_F(Forwarding, LeavesSimulcastLayersOutWhereOneScalableStreamWasPromised) {
  World& world = MakeWorld(1);
  const auto publisher = Connected(0);
  const auto subscriber = Connected(0);
  world.client(subscriber).keeps_stamps = true;
  const Ssrc ssrc = world.Subscribe(subscriber, world.PublishVideo(publisher), true);
  world.Run(Seconds(1));
  const auto& stamps = world.client(subscriber).received(ssrc).stamps;
  ASSERT_FALSE(stamps.empty());
  EXPECT_TRUE(std::all_of(stamps.begin(), stamps.end(),
                          [](const Stamp& stamp) { return stamp.layer == 0; }));
}

TEST_F(Forwarding, GoesOnWhenAPublisherChangesTheSsrcOfALayer) {
  World& world = MakeWorld(1);
  const auto publisher = Connected(0);
  const auto subscriber = Connected(0);
  const Ssrc ssrc = world.Subscribe(subscriber, world.PublishVideo(publisher));
  world.Run(Seconds(1));
  world.checker().uplinks_are_lossy = true;  // a new numbering may leave a gap
  for (test::MediaStream& stream : world.client(publisher).tracks()[0].streams) {
    stream.ChangeSsrc(Ssrc{stream.options().ssrc.value() + 500}, 7);
  }
  world.Run(Millis(200));
  const std::uint64_t before = world.client(subscriber).received(ssrc).packets;
  world.Run(Seconds(1));
  EXPECT_GT(world.client(subscriber).received(ssrc).packets, before + 30);
}

TEST_F(Forwarding, GivesUpPacketsForAStuckWorkerAndAsksForAKeyFrame) {
  World& world = MakeWorld(2);
  const auto publisher = Connected(0);
  const auto near = Connected(0);
  const auto far = Connected(1);
  const auto video = world.PublishVideo(publisher);
  const Ssrc near_ssrc = world.Subscribe(near, video);
  const Ssrc far_ssrc = world.Subscribe(far, video);
  world.Run(Seconds(1));
  const std::uint64_t near_before = world.client(near).received(near_ssrc).packets;
  const std::uint64_t plis_before = world.client(publisher).counters().plis;
  world.checker().uplinks_are_lossy = true;  // packets between workers count as the publisher's
  world.Freeze(1, Seconds(14));
  world.Run(Seconds(14));
  EXPECT_GT(world.worker(0).drops().Get(DropReason::kLaneFull), 100U);
  EXPECT_EQ(world.worker(0).received_drops().Get(DropReason::kLaneFull), 0U);  // it was used here
  EXPECT_GT(world.client(publisher).counters().plis, plis_before);
  // Its neighbours did not notice.
  EXPECT_GT(world.client(near).received(near_ssrc).packets, near_before + 600);
  const std::uint64_t far_before = world.client(far).received(far_ssrc).packets;
  world.Run(Seconds(1));
  EXPECT_GT(world.client(far).received(far_ssrc).packets, far_before);
}

// Each holds packets that the other one does not: together they could hold all there are.
TEST_F(Forwarding, GoesOnForTheOthersWhenTwoWorkersAreStuckWithDifferentPublications) {
  World& world = MakeWorld(4);
  const auto publisher = Connected(0);
  const auto near = Connected(0);
  const auto far = Connected(3);
  using Subscribed = std::pair<World::ClientId, Ssrc>;
  std::vector<Subscribed> running;
  std::vector<Subscribed> stuck;
  for (const std::size_t worker : {1U, 2U}) {
    const auto subscriber = Connected(worker);
    for (const auto video : {world.PublishVideo(publisher), world.PublishVideo(publisher)}) {
      running.emplace_back(near, world.Subscribe(near, video));
      running.emplace_back(far, world.Subscribe(far, video));
      stuck.emplace_back(subscriber, world.Subscribe(subscriber, video));
    }
  }
  const auto expect_packets_during = [&](Duration duration, const std::vector<Subscribed>& whose) {
    const auto count = [&](const Subscribed& one) {
      return world.client(one.first).received(one.second).packets;
    };
    std::vector<std::uint64_t> before;
    for (const Subscribed& one : whose) before.push_back(count(one));
    world.Run(duration);
    const auto least = static_cast<std::uint64_t>(ToMillis(duration)) * 40 / 1000;
    for (std::size_t i = 0; i < whose.size(); ++i) {
      EXPECT_GT(count(whose[i]), before[i] + least) << i;
    }
  };
  expect_packets_during(Seconds(1), running);
  world.checker().uplinks_are_lossy = true;  // packets between workers count as the publisher's
  world.Freeze(1, Seconds(10));
  world.Freeze(2, Seconds(10));
  world.Run(Seconds(7));  // both have taken what they can hold
  EXPECT_GT(world.worker(0).drops().Get(DropReason::kLaneFull), 100U);
  EXPECT_GT(world.worker(0).slots_at_home(), limits::kSlabSlots / 4);
  expect_packets_during(Seconds(3), running);
  EXPECT_EQ(world.worker(0).stats().receive_stalls, 0U);
  for (const auto& [id, ssrc] : running) {
    EXPECT_TRUE(world.client(id).received(ssrc).missing.empty());
  }
  world.Run(Seconds(1));
  expect_packets_during(Seconds(1), stuck);
}

TEST_F(Forwarding, BringsEverySlabSlotHome) {
  World& world = MakeWorld(2);
  const auto publisher = Connected(0);
  const auto subscriber = Connected(1);
  (void)world.Subscribe(subscriber, world.PublishVideo(publisher));
  world.Run(Seconds(1));
  world.Evict(subscriber);  // with packets in the lane
  world.Settle();           // checks the slots of every worker
  EXPECT_EQ(world.worker(0).slots_at_home(), world.worker(0).slab_capacity());
}

}  // namespace
}  // namespace fovea::worker
