// The worker's bounds at their full case, and packets that it cannot use: each costs a counter.
#include "tests/unit/sfu/worker/bench.h"

namespace fovea::worker {
namespace {

class WorkerLimits : public ::testing::Test {
 protected:
  void Hear(const test::MadePacket& packet) {
    Capture capture;
    meeting_.publisher->SendMade(packet, capture);
    for (const auto& bytes : capture.packets) {
      ASSERT_TRUE(bench_.Receive(0, meeting_.publisher->identity().address, bytes));
    }
  }
  std::vector<test::MadePacket> NextFrame() {
    std::uint16_t wide_seq = 0;
    return meeting_.stream->NextFrame(wide_seq);
  }
  test::Client& subscriber(std::size_t i) { return *meeting_.subscribers[i]; }
  [[nodiscard]] std::uint64_t Received(DropReason reason) {
    return bench_.worker(0).received_drops().Get(reason);
  }
  [[nodiscard]] std::uint64_t Drops(DropReason reason) {
    return bench_.worker(0).drops().Get(reason);
  }

  static constexpr int kPacketsPerFrame = limits::kCatchUpPacketsMax;  // a key frame has twice that
  Bench bench_;
  Meeting meeting_{bench_, /*has_rtx=*/true, kPacketsPerFrame};
};

TEST_F(WorkerLimits, APayloadTypeThatWasNotNegotiatedIsDropped) {
  test::MadePacket packet = NextFrame()[0];
  packet.bytes[1] = 99;
  Hear(packet);
  EXPECT_EQ(Received(DropReason::kUnknownPayloadType), 1U);
}

TEST_F(WorkerLimits, APayloadWithoutItsDescriptorIsDropped) {
  test::MadePacket packet = NextFrame()[0];
  packet.bytes.resize(packet.header_bytes + 1);
  packet.bytes[packet.header_bytes] = 0x80;  // VP8: a second byte follows
  Hear(packet);
  EXPECT_EQ(Received(DropReason::kDescriptorMalformed), 1U);
}

TEST_F(WorkerLimits, SctpPacketsThatSignalingDoesNotTakeAreDropped) {
  const std::vector<std::uint8_t> record(100, 1);
  const auto send = [&] {
    Capture capture;
    ASSERT_TRUE(subscriber(0).peer().SendAppData(bench_.now, record, capture));
    for (const auto& bytes : capture.packets) {
      ASSERT_TRUE(bench_.Receive(0, subscriber(0).identity().address, bytes));
    }
  };
  for (std::size_t i = 0; i < limits::kAppDataRing; ++i) send();
  EXPECT_EQ(Drops(DropReason::kAppDataRingFull), 0U);
  send();
  send();
  EXPECT_EQ(Drops(DropReason::kAppDataRingFull), 2U);
  std::size_t taken = 0;
  bench_.channels[0].app_data_up.Drain(limits::kAppDataRing + 1,
                                       [&](const control::AppData&) { ++taken; });
  EXPECT_EQ(taken, limits::kAppDataRing);
}

TEST_F(WorkerLimits, ANackForMoreNumbersThanAreAnsweredAtOnceIsAnsweredInPart) {
  std::vector<ExtSeq> wanted;
  for (std::int64_t i = 0; i < limits::kNackAnswersMax + 5; ++i) wanted.push_back(ExtSeq{i});
  Capture capture;
  subscriber(0).SendNack(Ssrc{5000}, wanted, capture);
  ASSERT_EQ(capture.packets.size(), 1U);
  ASSERT_TRUE(bench_.Receive(0, subscriber(0).identity().address, capture.packets[0]));
  EXPECT_EQ(bench_.worker(0).stats().nacks_received, wanted.size());
  EXPECT_EQ(Drops(DropReason::kRtxNotInHistory),  // nothing was sent yet
            static_cast<std::uint64_t>(limits::kNackAnswersMax));
  EXPECT_EQ(Drops(DropReason::kRtxThrottled), 5U);
}

TEST_F(WorkerLimits, ALateFirstPacketBringsOnlySoManyOfThoseBehindIt) {
  const std::vector<test::MadePacket> frame = NextFrame();
  ASSERT_GT(frame.size(), static_cast<std::size_t>(1 + limits::kCatchUpPacketsMax));
  for (std::size_t i = 1; i < frame.size(); ++i) Hear(frame[i]);
  bench_.Poll();
  EXPECT_EQ(bench_.worker(0).stats().rtp_forwarded, 0U);
  Hear(frame[0]);
  bench_.Poll();
  constexpr std::uint64_t kSubscribersHere = 2;
  EXPECT_EQ(bench_.worker(0).stats().rtp_forwarded,
            kSubscribersHere * (1 + limits::kCatchUpPacketsMax));
}

TEST_F(WorkerLimits, AKeyFrameRequestThatTheLaneHasNoRoomForIsMadeAgain) {
  auto& lane = bench_.mesh().lane(1, 0).feedback;
  const auto publication = meeting_.stream->options().publication;
  const auto drain = [&] {  // what worker 0 would take: requests for our publication
    std::size_t ours = 0;
    lane.Drain(limits::kFeedbackLane, [&](const Feedback& message) {
      ours += message.publication == publication ? 1U : 0;
    });
    return ours;
  };
  (void)drain();
  for (std::size_t i = 0; i < limits::kFeedbackLane; ++i) ASSERT_TRUE(lane.TryPush(Feedback{}));
  bench_.now += Seconds(1);
  bench_.worker(1).Poll(bench_.now);
  EXPECT_GE(lane.full_count(), 1U);
  EXPECT_EQ(drain(), 0U);
  bench_.now += Seconds(1);
  bench_.worker(1).Poll(bench_.now);
  EXPECT_GE(drain(), 1U);
}

TEST_F(WorkerLimits, WhatHasNoPlaceInATableIsNotAdded) {
  const WorkerStats& stats = bench_.worker(0).stats();
  const std::uint64_t before = stats.stale_commands;
  const std::size_t peers = bench_.worker(0).peer_count();
  control::AddSession session;
  session.session = control::SessionHandle(0, limits::kSessionsPerWorkerMax, 1);
  ASSERT_TRUE(session.local.ufrag.TryAssign("beyond"));
  ASSERT_TRUE(session.local.password.TryAssign("password-of-22-characters"));
  ASSERT_TRUE(bench_.channels[0].commands.TryPush(session));
  control::AddPublication publication;
  publication.publication = control::PublicationHandle(0, limits::kPublicationsPerWorkerMax, 1);
  publication.session = meeting_.publisher->identity().session;
  publication.codecs.Push({rtp::Codec::kVp8, test::kVp8Pt, test::kVp8RtxPt, true});
  ASSERT_TRUE(bench_.channels[0].commands.TryPush(publication));
  ASSERT_TRUE(bench_.channels[0].commands.TryPush(
      SubscriptionOf(subscriber(0), limits::kSubscriptionsPerWorkerMax, publication)));
  bench_.Poll();
  EXPECT_EQ(stats.stale_commands, before + 3);
  EXPECT_EQ(bench_.worker(0).peer_count(), peers);
}

}  // namespace
}  // namespace fovea::worker
