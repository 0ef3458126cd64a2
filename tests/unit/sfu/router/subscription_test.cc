#include "sfu/router/subscription.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/core/rng.h"
#include "sfu/core/seq.h"
#include "sfu/router/track_history.h"
#include "tests/unit/sfu/router/packets.h"

namespace fovea::router {
namespace {

constexpr Duration kRtt = Millis(50);

Subscription VideoSubscription(std::uint16_t first_seq = 65530) {
  return Subscription({.ssrc = Ssrc{1},
                       .rtx_ssrc = Ssrc{2},
                       .payload_type = PayloadType{96},
                       .rtx_payload_type = PayloadType{97},
                       .codec = rtp::Codec::kVp8,
                       .mode = LayerMode::kSimulcast,
                       .first_seq = first_seq,
                       .first_rtx_seq = 9,
                       .first_timestamp = RtpTimestamp{777}});
}

class Vp8Subscription : public ::testing::Test {
 protected:
  void SetUp() override { subscription.SetTarget({0, 2}); }
  ForwardDecision Send(const PacketMeta& meta) {
    return subscription.Forward(meta.arrived_at, meta);
  }

  Subscription subscription = VideoSubscription();
  Publisher low{0};
  Publisher high{2};
};

TEST_F(Vp8Subscription, ForwardsAWholeLayerAsItIs) {
  const ForwardDecision key = Send(low.Key(Millis(0)));
  ASSERT_TRUE(key.forward);
  EXPECT_TRUE(key.starts_run);
  EXPECT_EQ(key.header.seq, 65530);
  EXPECT_EQ(key.header.timestamp, RtpTimestamp{777});
  EXPECT_FALSE(key.header.has_picture_ids) << "its own ids will do";
  PacketMeta last = low.More();
  last.marker = true;
  const ForwardDecision more = Send(last);
  EXPECT_EQ(more.header.seq, 65531);
  EXPECT_TRUE(more.header.marker);
  EXPECT_FALSE(more.header.is_blank);
}

TEST_F(Vp8Subscription, ASwitchIsSeamlessForTheReceiver) {
  const ForwardDecision before = Send(low.Key(Millis(0)));
  const PacketMeta first = low.Delta(Millis(33));
  (void)Send(first);
  subscription.SetTarget({2, 2});
  EXPECT_FALSE(Send(high.Delta(Millis(40))).forward);
  const PacketMeta key = high.Key(Millis(66));
  const ForwardDecision after = Send(key);
  ASSERT_TRUE(after.forward && after.starts_run);
  EXPECT_EQ(after.header.seq, static_cast<std::uint16_t>(before.header.seq + 2));
  EXPECT_TRUE(after.header.has_picture_ids);
  EXPECT_EQ(after.header.picture_ids.picture_id, first.frame.ids.picture_id + 1);
  EXPECT_EQ(after.header.picture_ids.tl0_pic_idx, first.frame.ids.tl0_pic_idx + 1);
}

TEST_F(Vp8Subscription, PaddingIsConsumedAndLeavesNoGap) {
  (void)Send(low.Key(Millis(0)));
  PacketMeta padding = low.More();
  padding.payload_bytes = 0;
  const ForwardDecision dropped = Send(padding);
  EXPECT_FALSE(dropped.forward);
  EXPECT_EQ(dropped.reason, DropReason::kPaddingOnly);
  EXPECT_EQ(Send(low.Delta(Millis(33))).header.seq, 65531);
}

TEST_F(Vp8Subscription, ALatePacketThatIsNotWantedFillsItsPlaceWithoutPayload) {
  (void)Send(low.Key(Millis(0)));
  subscription.SetTarget({0, 0});
  (void)Send(low.Delta(Millis(33)));
  const PacketMeta late = low.Delta(Millis(66), 2);
  EXPECT_EQ(Send(low.Delta(Millis(99))).header.seq, 65533) << "it could have been wanted";
  const ForwardDecision blank = Send(late);
  EXPECT_TRUE(blank.forward && blank.header.is_blank);
  EXPECT_EQ(blank.header.seq, 65532);
  const ForwardDecision again = Send(late);
  EXPECT_FALSE(again.forward);
  EXPECT_EQ(again.reason, DropReason::kDuplicate);
}

TEST_F(Vp8Subscription, ALatePacketOfTheLayerThatWasLeftIsForwardedWhole) {
  (void)Send(low.Key(Millis(0)));
  const PacketMeta late = low.Delta(Millis(33));
  (void)Send(low.Delta(Millis(66)));
  subscription.SetTarget({2, 2});
  (void)Send(high.Delta(Millis(70)));
  EXPECT_TRUE(Send(high.Key(Millis(99))).starts_run);
  const ForwardDecision decision = Send(late);
  ASSERT_TRUE(decision.forward);
  EXPECT_FALSE(decision.header.is_blank);
  EXPECT_EQ(decision.header.seq, 65531);
  EXPECT_EQ(decision.header.timestamp, RtpTimestamp{777 + 2970});
}

TEST_F(Vp8Subscription, ALatePacketFromBeforeAPauseIsNotForwarded) {
  (void)Send(low.Key(Millis(0)));
  const PacketMeta late = low.Delta(Millis(33));
  (void)Send(low.Delta(Millis(66)));
  subscription.SetTarget(kNoLayers);
  subscription.SetTarget({0, 2});
  EXPECT_TRUE(Send(low.Key(Millis(99))).starts_run);
  const ForwardDecision decision = Send(late);
  EXPECT_FALSE(decision.forward);
  EXPECT_EQ(decision.reason, DropReason::kTooOld);
}

TEST_F(Vp8Subscription, ANackFindsThePacketAndItsHeader) {
  (void)Send(low.Key(Millis(0)));
  subscription.SetTarget({2, 2});
  (void)Send(high.Delta(Millis(10)));
  const PacketMeta key = high.Key(Millis(33));
  const ForwardDecision sent = Send(key);
  const NackAnswer answer = subscription.OnNack(At(Millis(100)), kRtt, sent.header.seq);
  ASSERT_EQ(answer.kind, NackAnswer::Kind::kResend);
  EXPECT_EQ(answer.layer, 2);
  EXPECT_EQ(answer.source, key.seq);
  EXPECT_EQ(answer.header.seq, sent.header.seq);
  EXPECT_EQ(answer.header.timestamp, sent.header.timestamp);
  EXPECT_EQ(answer.header.picture_ids, sent.header.picture_ids);
}

TEST_F(Vp8Subscription, NacksAreAnsweredOncePerRoundTripAndOnlySoOften) {
  const std::uint16_t seq = Send(low.Key(Millis(0))).header.seq;
  const auto kind = [&](int ms) { return subscription.OnNack(At(Millis(ms)), kRtt, seq).kind; };
  for (int i = 0; i < limits::kResendsPerPacketMax; ++i) {
    EXPECT_EQ(kind(100 + 60 * i), NackAnswer::Kind::kResend);
    EXPECT_EQ(kind(120 + 60 * i), NackAnswer::Kind::kNothing) << "it may be on its way";
  }
  for (int i = 0; i < 2 * limits::kResendsPerPacketMax; ++i) {
    EXPECT_EQ(kind(1000 + 60 * i), NackAnswer::Kind::kNothing);
  }
  EXPECT_EQ(subscription.OnNack(At(Seconds(2)), kRtt, seq).reason, DropReason::kRtxThrottled);
}

TEST_F(Vp8Subscription, ANackOfANumberThatIsTooFarBackIsNotAnswered) {
  const std::uint16_t first = Send(low.Key(Millis(0))).header.seq;
  for (std::size_t i = 0; i + 1 < limits::kOutgoingLogVideo; ++i) (void)Send(low.More());
  EXPECT_EQ(subscription.OnNack(At(Millis(100)), kRtt, first).kind, NackAnswer::Kind::kResend);
  (void)Send(low.More());
  EXPECT_EQ(subscription.OnNack(At(Millis(200)), kRtt, first).reason, DropReason::kRtxNotInHistory);
  const auto second = static_cast<std::uint16_t>(first + 1);
  EXPECT_EQ(subscription.OnNack(At(Millis(200)), kRtt, second).kind, NackAnswer::Kind::kResend);
}

TEST_F(Vp8Subscription, SaysOfALayerThatItDoesNotWantIt) {
  (void)Send(low.Key(Millis(0)));
  const ForwardDecision decision = Send(high.Key(Millis(10)));
  EXPECT_FALSE(decision.forward);
  EXPECT_EQ(decision.reason, DropReason::kLayerNotWanted);
}

TEST_F(Vp8Subscription, ANackForAnUnknownNumberIsNotAnswered) {
  EXPECT_EQ(subscription.OnNack(At(Millis(0)), kRtt, 5).reason, DropReason::kRtxNotInHistory);
  (void)Send(low.Key(Millis(0)));
  EXPECT_EQ(subscription.OnNack(At(Millis(0)), kRtt, 65529).kind, NackAnswer::Kind::kNothing);
  EXPECT_EQ(subscription.OnNack(At(Millis(0)), kRtt, 65531).kind, NackAnswer::Kind::kNothing);
}

TEST_F(Vp8Subscription, NothingBeforeTheLastKeyFrameIsSentAgain) {
  const std::uint16_t old = Send(low.Key(Millis(0))).header.seq;
  const std::uint16_t key = Send(low.Key(Millis(33))).header.seq;
  EXPECT_EQ(subscription.OnNack(At(Millis(50)), kRtt, old).kind, NackAnswer::Kind::kNothing);
  EXPECT_EQ(subscription.OnNack(At(Millis(50)), kRtt, key).kind, NackAnswer::Kind::kResend);
}

TEST_F(Vp8Subscription, ANackForAHoleIsForwardedFromTheHistory) {
  (void)Send(low.Key(Millis(0)));
  const PacketMeta missing = low.Delta(Millis(33));
  (void)Send(low.Delta(Millis(66)));
  const NackAnswer answer = subscription.OnNack(At(Millis(100)), kRtt, 65531);
  ASSERT_EQ(answer.kind, NackAnswer::Kind::kForward);
  EXPECT_EQ(answer.source, missing.seq);
  EXPECT_EQ(Send(missing).header.seq, 65531);
}

TEST_F(Vp8Subscription, CatchesUpFromTheHistoryWhenAKeyFrameBeganLate) {
  TrackHistory history(TrackHistory::kVideo);
  const PacketMeta first = low.Key(Millis(0));
  const PacketMeta second = low.More();
  const PacketMeta third = low.More();
  for (const PacketMeta& meta : {second, third}) {
    ASSERT_TRUE(history.Store(meta, {}, {}));
    EXPECT_FALSE(Send(meta).forward);
  }
  const ForwardDecision key = Send(first);
  ASSERT_TRUE(key.forward && key.must_catch_up);
  std::uint16_t expected = key.header.seq;
  for (std::int64_t seq = first.seq.value() + 1;; ++seq) {
    const auto stored = history.Find(0, ExtSeq{seq});
    if (!stored) break;
    const ForwardDecision decision = Send(stored->meta);
    ASSERT_TRUE(decision.forward);
    EXPECT_EQ(decision.header.seq, ++expected);
  }
  EXPECT_EQ(expected, static_cast<std::uint16_t>(key.header.seq + 2));
}

TEST_F(Vp8Subscription, TellsOnceThatItNeedsAKeyFrameAndRemindsWhileItDoes) {
  const auto start = subscription.PollKeyFrameNeed(At(Millis(0)));
  ASSERT_TRUE(start);
  EXPECT_EQ(start->layer, 0);
  EXPECT_EQ(start->cause, KeyFrameThrottle::Cause::kStart);
  EXPECT_FALSE(subscription.PollKeyFrameNeed(At(Millis(499))));
  const auto reminder = subscription.PollKeyFrameNeed(At(Millis(500)));
  ASSERT_TRUE(reminder);
  EXPECT_EQ(reminder->cause, KeyFrameThrottle::Cause::kRepair);
  (void)Send(low.Key(Millis(510)));
  EXPECT_FALSE(subscription.PollKeyFrameNeed(At(Seconds(2))));
  EXPECT_EQ(subscription.LayerToRepair(), 0);
}

TEST_F(Vp8Subscription, ReportsTheCaptureClockOfThePublisher) {
  low.Report();
  (void)Send(low.Key(Millis(0)));
  (void)Send(low.More());
  const auto report = subscription.SenderReportAt(At(Millis(100)), WallMicros{5});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->packets, 2U);
  EXPECT_EQ(report->octets, 2000U);
  EXPECT_EQ(report->timestamp, RtpTimestamp{777 + 9000});
  EXPECT_EQ(report->ntp, ToNtp(WallMicros{1'700'000'000'100'000}));
  EXPECT_FALSE(subscription.SenderReportAt(At(Millis(2100)), WallMicros{5})) << "idle";
}

TEST_F(Vp8Subscription, AnUnknownCaptureClockIsReplacedOnlyAfterAWhile) {
  EXPECT_FALSE(subscription.SenderReportAt(At(Millis(0)), WallMicros{5'000'000}));
  (void)Send(low.Key(Millis(0)));
  EXPECT_FALSE(subscription.SenderReportAt(At(Millis(100)), WallMicros{5'000'000}));
  (void)Send(low.Delta(Seconds(6)));
  const auto report = subscription.SenderReportAt(At(Seconds(6)), WallMicros{5'000'000});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->ntp, ToNtp(WallMicros{5'000'000}));
}

TEST(AudioSubscription, ForwardsEverythingWithoutEverNeedingAKeyFrame) {
  Subscription subscription({.codec = rtp::Codec::kOpus, .mode = LayerMode::kAudio});
  subscription.SetTarget(kAllLayers);
  for (int i = 0; i < 300; ++i) {
    PacketMeta meta;
    meta.seq = ExtSeq{70000 + i};
    meta.timestamp = RtpTimestamp{static_cast<std::uint32_t>(960 * i)};
    meta.payload_bytes = 80;
    meta.arrived_at = At(Millis(20 * i));
    const ForwardDecision decision = subscription.Forward(meta.arrived_at, meta);
    ASSERT_TRUE(decision.forward);
    ASSERT_EQ(decision.header.seq, i);
    ASSERT_EQ(decision.header.timestamp, meta.timestamp);
  }
  EXPECT_FALSE(subscription.PollKeyFrameNeed(At(Seconds(9))));
  EXPECT_FALSE(subscription.LayerToRepair());
  EXPECT_EQ(subscription.OnNack(At(Seconds(9)), kRtt, 299).kind, NackAnswer::Kind::kResend);
}

TEST(AudioSubscription, ANackOfANumberThatIsTooFarBackIsNotAnswered) {
  Subscription subscription({.codec = rtp::Codec::kOpus, .mode = LayerMode::kAudio});
  subscription.SetTarget(kAllLayers);
  constexpr int kPackets = 2 * limits::kOutgoingLogAudio;
  for (int i = 0; i < kPackets; ++i) {  // all within the second that is kept if there is room
    PacketMeta meta;
    meta.seq = ExtSeq{70000 + i};
    meta.timestamp = RtpTimestamp{static_cast<std::uint32_t>(120 * i)};
    meta.payload_bytes = 80;
    meta.arrived_at = At(Micros(2500 * i));
    ASSERT_TRUE(subscription.Forward(meta.arrived_at, meta).forward);
  }
  constexpr std::uint16_t kForgotten = kPackets - 1 - limits::kOutgoingLogAudio;
  EXPECT_EQ(subscription.OnNack(At(Seconds(1)), kRtt, kForgotten + 1).kind,
            NackAnswer::Kind::kResend);
  EXPECT_EQ(subscription.OnNack(At(Seconds(1)), kRtt, kForgotten).reason,
            DropReason::kRtxNotInHistory);
}

// A receiver of everything that one subscription sends, on a path without loss behind the SFU. The
// path before it loses and reorders; lost packets come later, as after a NACK. Targets change.
class CallWorld {
 public:
  explicit CallWorld(std::uint64_t seed)
      : rng_(seed), subscription_(VideoSubscription(static_cast<std::uint16_t>(65500 + seed))) {
    publishers_ = {Publisher(0, 65530), Publisher(1, 20), Publisher(2, 40000)};
  }

  void Run(int pictures) {
    for (picture_ = 0; picture_ < pictures && !::testing::Test::HasFatalFailure(); ++picture_) {
      if (rng_.Below(60) == 0) SetRandomTarget();
      for (std::uint8_t layer = 0; layer < 3; ++layer) SendPicture(layer);
      if (const auto need = subscription_.PollKeyFrameNeed(At(Now())))
        key_wanted_.insert(need->layer);
      Redeliver(false);
    }
    Redeliver(true);
    EXPECT_GT(received_.size(), 500U);
    EXPECT_GT(runs_, 5);
    // Every packet came in the end, so almost every number must have been used; what is missing
    // came while the subscription was paused or after its layer had been left and begun again.
    const std::int64_t numbers = *received_.rbegin() - *received_.begin() + 1;
    EXPECT_LT(numbers - static_cast<std::int64_t>(received_.size()), numbers / 100);
  }

 private:
  Duration Now() const { return Millis(33 * picture_); }

  void SetRandomTarget() {
    const std::uint32_t choice = rng_.Below(8);
    subscription_.SetTarget(choice == 0 ? kNoLayers
                                        : Layers{static_cast<std::int8_t>(choice % 3),
                                                 static_cast<std::int8_t>(rng_.Below(3))});
  }

  void SendPicture(std::uint8_t layer) {
    static constexpr std::uint8_t kPattern[4] = {0, 2, 1, 2};
    Publisher& publisher = publishers_[layer];
    const std::uint8_t temporal = kPattern[picture_ % 4];
    const bool is_key = picture_ == 0 || (temporal == 0 && key_wanted_.erase(layer) > 0);
    PacketMeta meta = is_key ? publisher.Key(Now()) : publisher.Delta(Now(), temporal);
    meta.frame.layer_sync = temporal > 0 && rng_.Below(2) == 0;
    Travel(meta);
    const std::uint32_t more = rng_.Below(is_key ? 8 : 3);
    for (std::uint32_t i = 0; i < more; ++i) Travel(publisher.More());
  }

  void Travel(const PacketMeta& meta) {
    if (rng_.Below(50) == 0) {
      late_.push_back(meta);
    } else {
      Deliver(meta);
    }
  }

  void Redeliver(bool all) {
    while (!late_.empty() && (all || rng_.Below(3) == 0)) {
      const std::size_t index = rng_.Below(static_cast<std::uint32_t>(late_.size()));
      const PacketMeta meta = late_[index];
      late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(index));
      Deliver(meta);
    }
  }

  void Deliver(const PacketMeta& meta) {
    const ForwardDecision decision = subscription_.Forward(At(Now()), meta);
    if (!decision.forward) return;
    runs_ += decision.starts_run ? 1 : 0;
    const std::int64_t seq = unwrapper_.Unwrap(decision.header.seq).value();
    ASSERT_TRUE(received_.insert(seq).second) << "one number, two packets";
    if (decision.header.is_blank) return;
    // One picture of the source is one picture id and one timestamp.
    const std::uint16_t id = decision.header.has_picture_ids
                                 ? decision.header.picture_ids.picture_id
                                 : meta.frame.ids.picture_id;
    const auto key = std::pair{meta.layer, meta.timestamp.value()};
    const auto known = pictures_.find(key);
    if (known != pictures_.end()) {
      ASSERT_EQ(known->second.id, id);
      ASSERT_EQ(known->second.timestamp, decision.header.timestamp.value());
    } else {
      pictures_[key] = {id, decision.header.timestamp.value()};
    }
    if (seq > newest_seq_) {
      if (newest_seq_ != 0) {
        ASSERT_GE(static_cast<std::int32_t>(decision.header.timestamp.value() - newest_timestamp_),
                  0);
        ASSERT_LE(static_cast<std::uint16_t>((id - newest_id_) & 0x7fff), 40) << "ids go forward";
      }
      newest_seq_ = seq;
      newest_id_ = id;
      newest_timestamp_ = decision.header.timestamp.value();
    }
  }

  struct Picture {
    std::uint16_t id;
    std::uint32_t timestamp;
  };

  Rng rng_;
  Subscription subscription_;
  SeqUnwrapper unwrapper_;
  std::vector<Publisher> publishers_;
  int picture_ = 0;
  int runs_ = 0;
  std::set<std::uint8_t> key_wanted_;
  std::vector<PacketMeta> late_;
  std::set<std::int64_t> received_;
  std::map<std::pair<std::uint8_t, std::uint32_t>, Picture> pictures_;
  std::int64_t newest_seq_ = 0;
  std::uint16_t newest_id_ = 0;
  std::uint32_t newest_timestamp_ = 0;
};

TEST(Vp8Subscriptions, GiveTheReceiverOneUnbrokenStreamInRandomCalls) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    CallWorld(seed).Run(1500);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace fovea::router
