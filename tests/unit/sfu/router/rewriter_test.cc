#include "sfu/router/rewriter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "sfu/core/rng.h"
#include "sfu/core/seq.h"
#include "tests/unit/sfu/router/packets.h"

namespace fovea::router {
namespace {

using Order = RtpRewriter::Order;

RtpRewriter Fresh(std::uint16_t first_seq = 65530) {
  return RtpRewriter(
      {.clock_rate = 90000, .first_seq = first_seq, .first_timestamp = RtpTimestamp{5000}});
}

PacketMeta Packet(std::uint8_t layer, std::int64_t seq, std::uint32_t timestamp,
                  Duration at = Duration::zero()) {
  PacketMeta meta;
  meta.layer = layer;
  meta.seq = ExtSeq{seq};
  meta.timestamp = RtpTimestamp{timestamp};
  meta.arrived_at = At(at);
  return meta;
}

TEST(RtpRewriter, BeginsWhereItIsToldAndWraps) {
  RtpRewriter rewriter = Fresh(65534);
  EXPECT_EQ(rewriter.Forward(Packet(0, 70000, 900), true).seq, 65534);
  EXPECT_EQ(rewriter.Forward(Packet(0, 70001, 900), false).seq, 65535);
  const OutgoingSlot& third = rewriter.Forward(Packet(0, 70002, 3900), false);
  EXPECT_EQ(third.seq, 0);
  EXPECT_EQ(third.timestamp, 8000U);
}

TEST(RtpRewriter, WhatIsLeftOutTakesNoNumber) {
  RtpRewriter rewriter = Fresh(100);
  (void)rewriter.Forward(Packet(0, 70000, 0), true);
  rewriter.Drop(Packet(0, 70001, 3000));
  rewriter.Drop(Packet(0, 70002, 3000));
  EXPECT_EQ(rewriter.Forward(Packet(0, 70003, 6000), false).seq, 101);
  EXPECT_EQ(rewriter.Classify(0, ExtSeq{70001}), Order::kNoPlace);
}

TEST(RtpRewriter, WhatWasLostKeepsItsPlaceAndALatePacketTakesIt) {
  RtpRewriter rewriter = Fresh(100);
  (void)rewriter.Forward(Packet(0, 70000, 0), true);
  EXPECT_EQ(rewriter.Forward(Packet(0, 70003, 3000), false).seq, 103);
  EXPECT_EQ(rewriter.Classify(0, ExtSeq{70002}), Order::kHole);
  const OutgoingSlot& late = rewriter.Fill(Packet(0, 70002, 3000));
  EXPECT_EQ(late.seq, 102);
  EXPECT_EQ(late.timestamp, 8000U);
  EXPECT_EQ(rewriter.Classify(0, ExtSeq{70002}), Order::kDuplicate);
  EXPECT_EQ(rewriter.Classify(0, ExtSeq{70001}), Order::kHole);
}

TEST(RtpRewriter, ALossInsideAFrameThatIsLeftOutLeavesNoHole) {
  RtpRewriter rewriter = Fresh(100);
  (void)rewriter.Forward(Packet(0, 70000, 0), true);
  rewriter.Drop(Packet(0, 70001, 3000));
  rewriter.Drop(Packet(0, 70004, 3000));
  EXPECT_EQ(rewriter.Forward(Packet(0, 70005, 6000), false).seq, 101);
}

TEST(RtpRewriter, ALossBeforeAPacketThatIsLeftOutKeepsItsPlaceToo) {
  RtpRewriter rewriter = Fresh(100);
  (void)rewriter.Forward(Packet(0, 70000, 0), true);
  rewriter.Drop(Packet(0, 70002, 3000));
  EXPECT_EQ(rewriter.Forward(Packet(0, 70003, 6000), false).seq, 102);
  EXPECT_EQ(rewriter.Classify(0, ExtSeq{70001}), Order::kHole);
}

TEST(RtpRewriter, APacketFromBeforeTheRunHasNoPlace) {
  RtpRewriter rewriter = Fresh();
  (void)rewriter.Forward(Packet(0, 70000, 0), true);
  EXPECT_EQ(rewriter.Classify(0, ExtSeq{69999}), Order::kNoPlace);
}

TEST(RtpRewriter, AnOutageBecomesOneMissingNumber) {
  RtpRewriter rewriter = Fresh(100);
  (void)rewriter.Forward(Packet(0, 70000, 0), true);
  EXPECT_EQ(rewriter.Forward(Packet(0, 80000, 90000), false).seq, 102);
  EXPECT_EQ(rewriter.Classify(0, ExtSeq{79999}), Order::kNoPlace);
  EXPECT_EQ(rewriter.Find(101), nullptr);
}

TEST(RtpRewriter, ALayerSwitchContinuesTheNumbers) {
  RtpRewriter rewriter = Fresh(100);
  (void)rewriter.Forward(Packet(0, 70000, 0), true);
  const OutgoingSlot& next = rewriter.Forward(Packet(2, 1000, 777, Millis(40)), true);
  EXPECT_EQ(next.seq, 101);
  EXPECT_EQ(next.timestamp, 5000U + 3600U) << "placed by arrival";
}

TEST(RtpRewriter, AHoleOfTheLayerThatWasLeftCanStillBeFilled) {
  RtpRewriter rewriter = Fresh(100);
  (void)rewriter.Forward(Packet(0, 70000, 0), true);
  (void)rewriter.Forward(Packet(0, 70002, 3000), false);
  (void)rewriter.Forward(Packet(2, 1000, 777, Millis(40)), true);
  ASSERT_EQ(rewriter.Classify(0, ExtSeq{70001}), Order::kHole);
  const OutgoingSlot& late = rewriter.Fill(Packet(0, 70001, 3000));
  EXPECT_EQ(late.seq, 101);
  EXPECT_EQ(late.timestamp, 8000U) << "with the clock of its own layer";
}

PacketMeta Captured(PacketMeta meta, Duration captured) {
  meta.captured_at = WallMicros{1'700'000'000'000'000 + ToMicros(captured)};
  return meta;
}

TEST(RtpRewriter, ASwitchIsPlacedByCaptureTimeWhenItIsKnown) {
  RtpRewriter rewriter = Fresh();
  (void)rewriter.Forward(Captured(Packet(0, 70000, 0, Millis(30)), Millis(0)), true);
  // Arrives 300 ms later because key frames take long, but was captured only 33 ms later.
  const auto& next =
      rewriter.Forward(Captured(Packet(2, 1000, 777, Millis(330)), Millis(33)), true);
  EXPECT_EQ(next.timestamp, 5000U + 2970U);
}

TEST(RtpRewriter, ASwitchNeverGoesBackAndTheNextOneTakesTheDelayBack) {
  RtpRewriter rewriter = Fresh();
  (void)rewriter.Forward(Captured(Packet(0, 70000, 0, Millis(100)), Millis(100)), true);
  // The same instant, seen again in another layer: one tick later instead of equal.
  const auto& same =
      rewriter.Forward(Captured(Packet(2, 1000, 777, Millis(110)), Millis(60)), true);
  EXPECT_EQ(same.timestamp, 5001U);
  const auto& back =
      rewriter.Forward(Captured(Packet(0, 70010, 9000, Millis(200)), Millis(200)), true);
  EXPECT_EQ(back.timestamp, 5000U + 9000U) << "exactly the capture distance to the first frame";
}

TEST(RtpRewriter, CaptureTimesThatCannotBeTrueAreNotBelieved) {
  for (const Duration wrong : {Seconds(50), Seconds(-50), Millis(-500)}) {
    RtpRewriter rewriter = Fresh();
    (void)rewriter.Forward(Captured(Packet(0, 70000, 0, Millis(100)), Millis(100)), true);
    const auto& next =
        rewriter.Forward(Captured(Packet(2, 1000, 777, Millis(140)), Millis(140) + wrong), true);
    EXPECT_EQ(next.timestamp, 5000U + 3600U);
  }
  RtpRewriter rewriter = Fresh();
  PacketMeta first = Packet(0, 70000, 0);
  first.captured_at = WallMicros{-4'000'000'000'000'000};
  PacketMeta second = Packet(1, 1000, 0, Millis(10));
  second.captured_at = WallMicros{4'000'000'000'000'000};
  (void)rewriter.Forward(first, true);
  EXPECT_EQ(rewriter.Forward(second, true).timestamp, 5900U);
}

TEST(RtpRewriter, AfterAPauseTheClockHasGoneOn) {
  RtpRewriter rewriter = Fresh();
  (void)rewriter.Forward(Packet(1, 70000, 1000, Seconds(0)), true);
  const auto& resumed = rewriter.Forward(Packet(1, 70300, 901000, Seconds(10)), true);
  EXPECT_EQ(resumed.timestamp, 5000U + 900000U);
  EXPECT_EQ(resumed.seq, 65531);
}

// A publisher with three layers, packets lost, reordered and left out, layers switched at random.
// Everything the header promises is checked against a simple record of what happened.
class RewriterWorld {
 public:
  explicit RewriterWorld(std::uint64_t seed) : rng_(seed), rewriter_(Fresh()) {}

  void Run(int packets) {
    for (int i = 0; i < packets; ++i) Step();
  }

 private:
  void Step() {
    now_ += Millis(1 + rng_.Below(12));  // every packet is a frame of its own
    if (rng_.Below(200) == 0) starts_run_ = true;
    if (starts_run_ && rng_.Below(2) == 0) layer_ = static_cast<std::uint8_t>(rng_.Below(3));
    seq_[layer_] += starts_run_ ? 1 + rng_.Below(50) : 1;  // other layers went on meanwhile
    const PacketMeta meta =
        Packet(layer_, seq_[layer_],
               static_cast<std::uint32_t>(ToMicros(now_) * 9 / 100) + 1'000'000U * layer_, now_);
    const std::uint32_t fate = rng_.Below(100);
    if (starts_run_) {
      Forward(meta, true);
      starts_run_ = false;
    } else if (fate < 4) {
      late_.push_back(meta);
    } else if (fate < 8) {
      lost_.insert({layer_, meta.seq.value()});
    } else if (fate < 30) {
      rewriter_.Drop(meta);
      dropped_.insert({layer_, meta.seq.value()});
    } else {
      Forward(meta, false);
    }
    if (!late_.empty() && rng_.Below(6) == 0)
      Arrive(rng_.Below(static_cast<std::uint32_t>(late_.size())));
    CheckSome();
  }

  void Forward(const PacketMeta& meta, bool starts_run) {
    ASSERT_EQ(rewriter_.Classify(meta.layer, meta.seq), Order::kNext);
    const OutgoingSlot slot = rewriter_.Forward(meta, starts_run);
    const std::int64_t out = unwrapper_.Unwrap(slot.seq).value();
    if (any_) {
      ASSERT_GT(out, newest_out_);
      // Contiguous but for packets of this run that did not come yet.
      std::int64_t missing = 0;
      if (!starts_run) {
        for (std::int64_t s = newest_seq_ + 1; s < meta.seq.value(); ++s) {
          if (!dropped_.contains({meta.layer, s})) ++missing;
        }
      }
      if (starts_run) {
        ASSERT_LE(out - newest_out_ - 1, MissingSince(newest_seq_));
      } else {
        ASSERT_EQ(out - newest_out_ - 1, missing);
      }
      if (starts_run) {
        ASSERT_GT(static_cast<std::int32_t>(slot.timestamp - newest_timestamp_), 0);
      } else {
        ASSERT_GE(static_cast<std::int32_t>(slot.timestamp - newest_timestamp_), 0);
      }
    }
    any_ = true;
    newest_out_ = out;
    newest_seq_ = meta.seq.value();
    newest_layer_ = meta.layer;
    newest_timestamp_ = slot.timestamp;
    sent_[out] = {meta.layer, meta.seq.value()};
    sent_at_[out] = slot.timestamp;
  }

  // Numbers behind the newest one sent that a drop may have kept free before the run ended.
  std::int64_t MissingSince(std::int64_t seq) const {
    std::int64_t count = 0;
    for (std::int64_t s = seq + 1; s <= seq_[newest_layer_]; ++s) {
      if (!dropped_.contains({newest_layer_, s})) ++count;
    }
    return count;
  }

  void Arrive(std::size_t index) {
    const PacketMeta meta = late_[index];
    late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(index));
    const Order order = rewriter_.Classify(meta.layer, meta.seq);
    ASSERT_NE(order, Order::kDuplicate);
    if (order != Order::kHole) return;  // newest of its run, in an unwanted frame, or too old
    const OutgoingSlot slot = rewriter_.Fill(meta);
    const std::int64_t out = unwrapper_.Peek(slot.seq).value();
    ASSERT_FALSE(sent_.contains(out)) << "a number given twice";
    // Its neighbours in the output are its neighbours in the source.
    const auto after = sent_.upper_bound(out);
    if (after != sent_.end() && after->second.first == meta.layer) {
      ASSERT_GT(after->second.second, meta.seq.value());
    }
    if (after != sent_.begin()) {
      const auto before = std::prev(after);
      if (before->second.first == meta.layer) {
        ASSERT_LT(before->second.second, meta.seq.value());
      }
    }
    sent_[out] = {meta.layer, meta.seq.value()};
    sent_at_[out] = slot.timestamp;
  }

  // The reverse map, for NACKs, knows the last numbers, at least those of the last second.
  void CheckSome() {
    if (sent_.empty()) return;
    const std::int64_t asked = newest_out_ - rng_.Below(200);
    OutgoingSlot* slot = rewriter_.Find(static_cast<std::uint16_t>(asked));
    const auto truth = sent_.find(asked);
    if (truth == sent_.end()) {
      ASSERT_TRUE(slot == nullptr || slot->state == OutgoingSlot::State::kHole);
      return;
    }
    if (slot == nullptr) {
      ASSERT_GE(newest_timestamp_ - sent_at_[asked], 90000U);
      return;
    }
    ASSERT_EQ(slot->state, OutgoingSlot::State::kSent);
    ASSERT_EQ(slot->layer, truth->second.first);
    ASSERT_EQ(rewriter_.SourceOf(*slot).value(), truth->second.second);
  }

  Rng rng_;
  RtpRewriter rewriter_;
  SeqUnwrapper unwrapper_;
  Duration now_{};
  std::uint8_t layer_ = 0;
  std::int64_t seq_[3] = {65530, 131060, 70000};
  bool starts_run_ = true;
  bool any_ = false;
  std::int64_t newest_out_ = 0;
  std::int64_t newest_seq_ = 0;
  std::uint8_t newest_layer_ = 0;
  std::uint32_t newest_timestamp_ = 0;
  std::vector<PacketMeta> late_;
  std::set<std::pair<int, std::int64_t>> lost_;
  std::set<std::pair<int, std::int64_t>> dropped_;
  std::map<std::int64_t, std::pair<int, std::int64_t>> sent_;
  std::map<std::int64_t, std::uint32_t> sent_at_;  // their outgoing timestamps
};

TEST(RtpRewriter, KeepsItsPromisesForRandomCalls) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    RewriterWorld(seed).Run(3000);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace fovea::router
