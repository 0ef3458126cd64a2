// What workers ask of publishers, answer to subscribers, and report to both.
#include <set>

#include "sfu/rtp/header.h"
#include "sfu/transport/demux.h"
#include "tests/unit/sfu/worker/fixture.h"

namespace fovea::worker {
namespace {

using test::Client;

class Feedbacks : public WorkerTest {
 protected:
  // Loses one packet of the publisher's highest layer, once.
  void LoseOneVideoPacket() {
    world_->checker().uplinks_are_lossy = true;
    const Ssrc victim = world_->client(publisher_).tracks()[0].streams.back().options().ssrc;
    world_->loses_uplink = [this, victim](ByteSpan bytes) {
      if (has_lost_ || transport::Demultiplex(bytes) != transport::Protocol::kRtp) return false;
      const auto view = rtp::RtpView::Parse(bytes);
      has_lost_ = view.ok() && view->ssrc == victim;
      return has_lost_;
    };
  }

  World::ClientId publisher_ = 0;
  bool has_lost_ = false;
};

TEST_F(Feedbacks, AskThePublisherForALostPacketAndForwardItInItsPlace) {
  World& world = MakeWorld(1);
  publisher_ = Connected(0);
  const auto subscriber = Connected(0);
  const Ssrc ssrc = world.Subscribe(subscriber, world.PublishVideo(publisher_));
  world.Run(Seconds(1));
  world.client(subscriber).keeps_stamps = true;
  LoseOneVideoPacket();
  world.Run(Seconds(1));
  ASSERT_TRUE(has_lost_);
  EXPECT_GE(world.client(publisher_).counters().nacks, 1U);
  const WorkerStats& stats = world.worker(0).stats();
  EXPECT_GE(stats.nacks_sent, 1U);
  EXPECT_EQ(stats.rtx_received, 1U);
  EXPECT_GT(stats.rtx_bytes_received, 0U);
  EXPECT_GT(stats.rtp_bytes_received, stats.rtx_bytes_received);
  // It came over the publisher's RTX, and filled the hole in the subscriber's media stream.
  auto& received = world.client(subscriber).received(ssrc);
  EXPECT_TRUE(received.missing.empty());
  EXPECT_EQ(received.given_up, 0U);
  std::set<std::int64_t> numbers;
  for (const test::Stamp& stamp : received.stamps) numbers.insert(stamp.seq);
  EXPECT_EQ(*numbers.rbegin() - *numbers.begin() + 1, static_cast<std::int64_t>(numbers.size()));
}

TEST_F(Feedbacks, AnswerASubscribersNackOverRtx) {
  World& world = MakeWorld(2);
  publisher_ = Connected(0);
  const auto subscriber = Connected(1);
  const Ssrc ssrc = world.Subscribe(subscriber, world.PublishVideo(publisher_));
  world.Run(Seconds(1));
  auto& received = world.client(subscriber).received(ssrc);
  const std::vector<ExtSeq> wanted = {ExtSeq{received.highest - 1}, ExtSeq{received.highest}};
  world.client(subscriber).SendNack(ssrc, wanted, world.sink(subscriber));
  world.Run(Millis(100));
  EXPECT_EQ(received.over_rtx, 2U);
  const WorkerStats& stats = world.worker(1).stats();
  EXPECT_EQ(stats.rtp_retransmitted, 2U);
  EXPECT_GT(stats.rtp_bytes_retransmitted, 0U);
  EXPECT_GT(stats.rtp_bytes_forwarded, stats.rtp_bytes_retransmitted);
  // Asked again at once, while the first answer may still be on its way.
  world.client(subscriber).SendNack(ssrc, wanted, world.sink(subscriber));
  world.client(subscriber).SendNack(ssrc, wanted, world.sink(subscriber));
  world.Run(Millis(100));
  EXPECT_GE(world.worker(1).drops().Get(DropReason::kRtxThrottled), 2U);
}

TEST_F(Feedbacks, AnswerASubscribersNackByTheSamePacketWhereThereIsNoRtx) {
  World& world = MakeWorld(2);
  publisher_ = Connected(0);
  const auto subscriber = Connected(1);
  const Ssrc ssrc = world.Subscribe(subscriber, world.PublishAudio(publisher_));
  world.Run(Seconds(1));
  auto& received = world.client(subscriber).received(ssrc);
  const std::vector<ExtSeq> wanted = {ExtSeq{received.highest - 1}, ExtSeq{received.highest}};
  world.client(subscriber).SendNack(ssrc, wanted, world.sink(subscriber));
  world.Run(Millis(100));
  EXPECT_EQ(world.checker().counters().repeats, 2U);  // it compares them
  const WorkerStats& stats = world.worker(1).stats();
  EXPECT_EQ(stats.nacks_received, 2U);
  EXPECT_EQ(stats.rtp_retransmitted, 2U);
  EXPECT_GT(stats.rtp_bytes_retransmitted, 0U);
  EXPECT_EQ(received.over_rtx, 0U);
}

TEST_F(Feedbacks, CountANackOfAStreamThatIsNotThePeers) {
  World& world = MakeWorld(1);
  const auto subscriber = Connected(0);
  const std::vector<ExtSeq> wanted = {ExtSeq{7}, ExtSeq{8}};
  world.client(subscriber).SendNack(Ssrc{12345}, wanted, world.sink(subscriber));
  world.Run(Millis(100));
  EXPECT_EQ(world.worker(0).stats().nacks_received, 2U);
  EXPECT_EQ(world.worker(0).drops().Get(DropReason::kRtxNotInHistory), 2U);
}

TEST_F(Feedbacks, RefuseANackOfWhatIsNotRemembered) {
  World& world = MakeWorld(1);
  publisher_ = Connected(0);
  const auto subscriber = Connected(0);
  const Ssrc ssrc = world.Subscribe(subscriber, world.PublishVideo(publisher_));
  world.Run(Seconds(1));
  const std::int64_t highest = world.client(subscriber).received(ssrc).highest;
  const std::vector<ExtSeq> future = {ExtSeq{highest + 1000}};
  world.client(subscriber).SendNack(ssrc, future, world.sink(subscriber));
  world.Run(Millis(100));
  EXPECT_EQ(world.worker(0).drops().Get(DropReason::kRtxNotInHistory), 1U);
  EXPECT_EQ(world.worker(0).stats().rtp_retransmitted, 0U);
}

TEST_F(Feedbacks, AskForAKeyFrameWhenSomebodyStartsToWatch) {
  World& world = MakeWorld(2);
  publisher_ = Connected(0);
  const auto subscriber = Connected(1);
  const auto video = world.PublishVideo(publisher_);
  world.Run(Seconds(1));
  ASSERT_EQ(world.client(publisher_).counters().plis, 0U);
  const Ssrc ssrc = world.Subscribe(subscriber, video);
  world.Run(Millis(300));
  EXPECT_GE(world.client(publisher_).counters().plis, 1U);
  EXPECT_GE(world.client(subscriber).received(ssrc).key_frames, 1U);
}

TEST_F(Feedbacks, ShareOneKeyFrameAmongSubscribersThatStartTogether) {
  World& world = MakeWorld(2);
  publisher_ = Connected(0);
  std::vector<World::ClientId> subscribers;
  for (std::size_t i = 0; i < 8; ++i) subscribers.push_back(Connected(i % 2));
  const auto video = world.PublishVideo(publisher_, 1);
  world.Run(Seconds(1));
  const std::uint32_t before = world.client(publisher_).tracks()[0].streams[0].key_frames();
  for (const auto subscriber : subscribers) (void)world.Subscribe(subscriber, video);
  world.Run(Seconds(1));
  EXPECT_LE(world.client(publisher_).counters().plis, 2U);
  EXPECT_LE(world.client(publisher_).tracks()[0].streams[0].key_frames() - before, 2U);
}

TEST_F(Feedbacks, HoldBackAnImpatientReceiversKeyFrameRequests) {
  World& world = MakeWorld(1);
  publisher_ = Connected(0);
  const auto subscriber = Connected(0);
  const Ssrc ssrc = world.Subscribe(subscriber, world.PublishVideo(publisher_, 1));
  world.Run(Seconds(1));
  const std::uint64_t before = world.client(publisher_).counters().plis;
  for (int i = 0; i < 100; ++i) {
    world.client(subscriber).SendPli(ssrc, world.sink(subscriber));
    world.Run(Millis(10));
  }
  EXPECT_EQ(world.worker(0).stats().key_frame_requests_received, 100U);
  const std::uint64_t asked = world.client(publisher_).counters().plis - before;
  EXPECT_GE(asked, 1U);
  EXPECT_LE(asked, 4U);  // one per router::kKeyFrameIntervals[0]
}

TEST_F(Feedbacks, TakeAFullIntraRequestForAKeyFrameRequest) {
  World& world = MakeWorld(1);
  publisher_ = Connected(0);
  const auto subscriber = Connected(0);
  const Ssrc ssrc = world.Subscribe(subscriber, world.PublishVideo(publisher_, 1));
  world.Run(Seconds(5));
  const std::uint64_t before = world.client(publisher_).counters().plis;
  for (std::uint8_t i = 0; i < 100; ++i) {
    world.client(subscriber).SendFir(ssrc, i, world.sink(subscriber));
    world.Run(Millis(10));
  }
  EXPECT_EQ(world.worker(0).stats().key_frame_requests_received, 100U);
  const std::uint64_t asked = world.client(publisher_).counters().plis - before;
  EXPECT_GE(asked, 1U);
  EXPECT_LE(asked, 4U);
}

TEST_F(Feedbacks, FollowTheOperatorsFigures) {
  test::WorldOptions options;
  options.uplinks.key_frame_intervals.fill(Seconds(10));
  options.uplinks.speaker.active_dbov = 5;  // louder than anybody here
  World& world = MakeWorld(1, options);
  publisher_ = Connected(0);
  const auto subscriber = Connected(0);
  (void)world.PublishAudio(publisher_);
  const Ssrc ssrc = world.Subscribe(subscriber, world.PublishVideo(publisher_, 1));
  world.Run(Seconds(1));
  const std::uint64_t before = world.client(publisher_).counters().plis;
  for (int i = 0; i < 300; ++i) {
    world.client(subscriber).SendPli(ssrc, world.sink(subscriber));
    world.Run(Millis(10));
  }
  EXPECT_LE(world.client(publisher_).counters().plis - before, 1U);
  for (const auto& level : Events<control::SpeakerLevel>(0)) EXPECT_FALSE(level.active);
}

TEST_F(Feedbacks, SendReportsToBothSides) {
  World& world = MakeWorld(2);
  publisher_ = Connected(0);
  const auto subscriber = Connected(1);
  const Ssrc video = world.Subscribe(subscriber, world.PublishVideo(publisher_));
  const Ssrc audio = world.Subscribe(subscriber, world.PublishAudio(publisher_));
  world.Run(Seconds(5));
  EXPECT_GE(world.client(subscriber).received(video).sender_reports, 3U);
  EXPECT_GE(world.client(subscriber).received(audio).sender_reports, 3U);
  EXPECT_GE(world.client(publisher_).counters().receiver_reports, 3U);
  EXPECT_GE(Events<control::UplinkQuality>(0).size(), 3U);
  const auto downlinks = Events<control::DownlinkQuality>(1);
  ASSERT_GE(downlinks.size(), 3U);
  EXPECT_GT(downlinks.back().rtt_us, 15'000U);  // two links of 10 ms
  EXPECT_LT(downlinks.back().rtt_us, 30'000U);
}

TEST_F(Feedbacks, TellThePublisherWhenItsPacketsArrived) {
  World& world = MakeWorld(1);
  publisher_ = Connected(0);
  (void)world.PublishVideo(publisher_);
  world.Run(Seconds(2));
  EXPECT_GE(world.client(publisher_).counters().transport_feedbacks, 15U);
  EXPECT_EQ(world.client(publisher_).counters().damaged, 0U);
}

TEST_F(Feedbacks, CountDamagedRtcpAsDropped) {
  World& world = MakeWorld(1);
  publisher_ = Connected(0);
  const std::array<std::uint8_t, 8> damaged = {0x81, 201, 0x00, 0x07, 0, 0, 0, 1};
  (void)world.client(publisher_).peer().SendRtcp(damaged, world.sink(publisher_));
  world.Run(Millis(100));
  EXPECT_EQ(world.worker(0).received_drops().Get(DropReason::kRtcpMalformed), 1U);
}

TEST_F(Feedbacks, ReportWhoSpeaksAndWhoFallsSilent) {
  World& world = MakeWorld(1);
  publisher_ = Connected(0);
  const auto audio = world.PublishAudio(publisher_);
  world.Run(Seconds(2));
  auto levels = Events<control::SpeakerLevel>(0);
  ASSERT_FALSE(levels.empty());
  EXPECT_EQ(levels.back().publication, audio);
  EXPECT_TRUE(levels.back().active);
  EXPECT_GT(levels.back().level, 0);
  world.client(publisher_).tracks()[0].streams[0].set_dbov(90);
  world.Run(Seconds(3));
  levels = Events<control::SpeakerLevel>(0);
  EXPECT_FALSE(levels.back().active);
  EXPECT_EQ(levels.back().level, 0);
}

}  // namespace
}  // namespace fovea::worker
