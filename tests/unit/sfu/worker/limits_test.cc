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
  // False when every slot is with somebody else.
  [[nodiscard]] bool TryReceive(ByteSpan packet) {
    return bench_.Receive(0, meeting_.publisher->identity().address, packet);
  }
  // One more subscriber on worker 0, who names its section with as many bytes as there may be.
  std::unique_ptr<test::Client> JoinOneMore(control::AddSubscription& command) {
    constexpr std::uint32_t kNumber = 9;
    bench_.senders[0].keep = true;
    auto client = bench_.Join(0, kNumber);
    bench_.senders[0].keep = false;
    control::AddPublication publication;
    publication.publication = meeting_.stream->options().publication;
    publication.kind = control::MediaKind::kVideo;
    publication.codecs.Push({rtp::Codec::kVp8, test::kVp8Pt, test::kVp8RtxPt, true});
    command = SubscriptionOf(*client, kNumber, publication);
    EXPECT_TRUE(command.mid.TryAssign(std::string(limits::kMidBytesMax, 'm')));
    return client;
  }
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

// As many slots as are left when one batch is lent to the socket. The lane has room for them.
constexpr std::size_t kSlotsOfOneNeighbour = (limits::kSlabSlots - limits::kRxBatchPackets) / 2;
static_assert(kSlotsOfOneNeighbour <= limits::kMediaLane);

TEST_F(WorkerLimits, ANeighbourThatHoldsItsShareOfSlotsLosesPacketsAndIsOwedAKeyFrame) {
  const auto packets = meeting_.Packets(kSlotsOfOneNeighbour + 1);
  const auto asked = [&] {  // worker 1 stands still
    bench_.now += Seconds(1);
    bench_.worker(0).Poll(bench_.now);
    return bench_.worker(0).stats().key_frame_requests_sent;
  };
  // What worker 1 asked for before the first key frame.
  bench_.mesh().lane(1, 0).feedback.Drain(limits::kFeedbackLane, [](const Feedback&) {});
  for (std::size_t i = 0; i < kSlotsOfOneNeighbour; ++i) ASSERT_TRUE(TryReceive(packets[i]));
  const std::uint64_t before = asked();
  EXPECT_EQ(asked(), before) << "everybody has a picture";
  EXPECT_EQ(Drops(DropReason::kLaneFull), 0U);
  ASSERT_TRUE(TryReceive(packets[kSlotsOfOneNeighbour]));
  EXPECT_EQ(Drops(DropReason::kLaneFull), 1U);
  EXPECT_EQ(bench_.worker(0).stats().lane_packets_out, kSlotsOfOneNeighbour);
  EXPECT_EQ(asked(), before + 1);
}

TEST_F(WorkerLimits, SlotsThatWereNotSeenComingHomeAreStillHeldAndNeverAllOfThem) {
  const auto packets = meeting_.Packets(limits::kSlabSlots + 1);
  Worker& worker = bench_.worker(0);
  ASSERT_EQ(worker.slots_at_home(), limits::kSlabSlots);
  for (std::size_t i = 0; i < limits::kSlabSlots; ++i) {
    ASSERT_TRUE(TryReceive(packets[i])) << i;
    // The other worker takes them and gives them back, but we do not look.
    if (i % 128 == 127) bench_.worker(1).Poll(bench_.now);
  }
  const std::uint64_t left_out = limits::kSlabSlots - kSlotsOfOneNeighbour;
  EXPECT_EQ(Drops(DropReason::kLaneFull), left_out);
  EXPECT_EQ(worker.slots_at_home(), limits::kSlabSlots - kSlotsOfOneNeighbour);
  EXPECT_EQ(worker.stats().receive_stalls, 0U);
  worker.Poll(bench_.now);
  EXPECT_EQ(worker.slots_at_home(), limits::kSlabSlots);
  ASSERT_TRUE(TryReceive(packets[limits::kSlabSlots]));
  EXPECT_EQ(Drops(DropReason::kLaneFull), left_out);
}

TEST_F(WorkerLimits, AFullBatchIsSentToMakeRoom) {
  constexpr std::size_t kSubscribersHere = 2;
  static_assert(limits::kTxBatchPackets % kSubscribersHere == 0);
  constexpr std::size_t kFilling = limits::kTxBatchPackets / kSubscribersHere;
  const auto packets = meeting_.Packets(kFilling + 1);
  bench_.Poll();
  const CountingSender& sender = bench_.senders[0];
  const std::uint64_t before = sender.sent;
  for (std::size_t i = 0; i < kFilling; ++i) ASSERT_TRUE(TryReceive(packets[i]));
  EXPECT_EQ(sender.sent, before) << "it waits for the end of the turn";
  ASSERT_TRUE(TryReceive(packets[kFilling]));
  EXPECT_EQ(sender.sent, before + limits::kTxBatchPackets);
  bench_.worker(0).Poll(bench_.now);
  EXPECT_GE(sender.sent, before + limits::kTxBatchPackets + kSubscribersHere);
  EXPECT_EQ(bench_.worker(0).stats().rtp_forwarded, limits::kTxBatchPackets + kSubscribersHere);
  EXPECT_EQ(Drops(DropReason::kTxError), 0U);
}

TEST_F(WorkerLimits, APacketWithoutRoomForItsSrtpTrailerIsNotSent) {
  control::AddSubscription command;
  const auto client = JoinOneMore(command);
  ASSERT_TRUE(bench_.channels[0].commands.TryPush(command));
  bench_.Poll();
  constexpr std::size_t kFixedHeader = 12;
  constexpr std::size_t kHeaderToThem = kFixedHeader + 4 + (1 + limits::kMidBytesMax + 3);
  constexpr std::size_t kFits = TxBatch::kSlotBytes - limits::kSrtpTrailerBytesMax - kHeaderToThem;
  const auto hear = [&](test::MadePacket packet, std::size_t payload_bytes) {
    packet.bytes[0] &= static_cast<std::uint8_t>(~0x10U);  // no extensions: all for the payload
    packet.bytes.erase(packet.bytes.begin() + kFixedHeader,
                       packet.bytes.begin() + static_cast<std::ptrdiff_t>(packet.header_bytes));
    packet.header_bytes = kFixedHeader;
    packet.bytes.resize(kFixedHeader + payload_bytes);
    Hear(packet);
  };
  const std::vector<test::MadePacket> frame = NextFrame();
  hear(frame[0], kFits);
  EXPECT_EQ(bench_.worker(0).stats().rtp_forwarded, 3U);
  EXPECT_EQ(Drops(DropReason::kTxError), 0U);
  hear(frame[1], kFits + 1);
  EXPECT_EQ(bench_.worker(0).stats().rtp_forwarded, 5U) << "to the two with a shorter header";
  EXPECT_EQ(Drops(DropReason::kTxError), 1U);
}

TEST_F(WorkerLimits, ASubscriptionNamesOnlySoManyCodecsAndGetsTheFirst) {
  control::AddSubscription command;
  const auto client = JoinOneMore(command);
  const control::CodecMapping other{rtp::Codec::kH264, PayloadType{100}, PayloadType{101}, true};
  while (command.codecs.size() < limits::kCodecsPerTrackMax) {
    ASSERT_TRUE(command.codecs.TryPush(other));
  }
  EXPECT_FALSE(command.codecs.TryPush(other));
  ASSERT_TRUE(bench_.channels[0].commands.TryPush(command));
  bench_.Poll();
  bench_.senders[0].keep = true;
  Hear(NextFrame()[0]);
  bench_.Poll();
  std::size_t sent = 0;
  for (const CountingSender::Kept& kept : bench_.senders[0].kept) {
    if (kept.to != client->identity().address || kept.bytes[0] >> 6 != 2) continue;
    const auto view = rtp::RtpView::Parse(kept.bytes);
    if (view.ok() && view->ssrc == command.ssrc) sent += view->pt == test::kVp8Pt ? 1U : 0;
  }
  EXPECT_EQ(sent, 1U);
}

TEST_F(WorkerLimits, EventsThatHadToWaitAreHandedOverInParts) {
  control::WorkerChannel& channel = bench_.channels[0];
  constexpr std::size_t kRest = 10;
  while (channel.events.TryPush(control::SessionRemoved{})) {
  }
  for (std::size_t i = 0; i < limits::kEventsPerPollMax + kRest; ++i) {
    ASSERT_TRUE(channel.commands.TryPush(control::Fence{i}));
    if (i % 128 == 127) bench_.worker(0).Poll(bench_.now);
  }
  bench_.worker(0).Poll(bench_.now);
  const auto take = [&] {
    std::size_t fences = 0;
    channel.events.Drain(limits::kEventRing, [&](const control::WorkerEvent& event) {
      fences += std::holds_alternative<control::FenceReached>(event) ? 1U : 0;
    });
    return fences;
  };
  EXPECT_EQ(take(), 0U);
  bench_.worker(0).Poll(bench_.now);
  EXPECT_EQ(take(), limits::kEventsPerPollMax);
  bench_.worker(0).Poll(bench_.now);
  EXPECT_EQ(take(), kRest);
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
