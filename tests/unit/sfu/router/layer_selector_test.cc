#include "sfu/router/layer_selector.h"

#include <gtest/gtest.h>

#include "sfu/core/limits.h"
#include "tests/unit/sfu/router/packets.h"

namespace fovea::router {
namespace {

class Simulcast : public ::testing::Test {
 protected:
  bool Forwards(const PacketMeta& meta) { return selector.Select(meta).forward; }
  // Both streams alive, the selector on layer `on`.
  void Begin(std::int8_t on) {
    selector.SetTarget({on, 2});
    selector.NoteAlive(0, At(Millis(0)));
    selector.NoteAlive(2, At(Millis(0)));
    ASSERT_TRUE(Forwards(on == 0 ? low.Key(Millis(1)) : high.Key(Millis(1))));
  }

  LayerSelector selector{LayerMode::kSimulcast};
  Publisher low{0};
  Publisher high{2};
};

TEST_F(Simulcast, ForwardsNothingWithoutATarget) {
  const LayerChoice choice = selector.Select(low.Key(Millis(0)));
  EXPECT_FALSE(choice.forward);
  EXPECT_EQ(choice.reason, DropReason::kMuted);
  EXPECT_FALSE(selector.NeedsKeyFrame());
}

TEST_F(Simulcast, WaitsForAKeyFrameAndSaysSo) {
  selector.SetTarget({0, 2});
  const LayerChoice delta = selector.Select(low.Delta(Millis(0)));
  EXPECT_FALSE(delta.forward);
  EXPECT_EQ(delta.reason, DropReason::kWaitingForKeyFrame);
  EXPECT_EQ(selector.NeedsKeyFrame(), 0);
  const LayerChoice key = selector.Select(low.Key(Millis(33)));
  EXPECT_TRUE(key.forward && key.starts_run);
  EXPECT_FALSE(selector.NeedsKeyFrame());
  const LayerChoice next = selector.Select(low.More());
  EXPECT_TRUE(next.forward && !next.starts_run);
}

TEST_F(Simulcast, AnyLowerLayerIsBetterThanNothing) {
  selector.SetTarget({2, 2});
  selector.NoteAlive(2, At(Millis(0)));
  EXPECT_TRUE(Forwards(low.Key(Millis(10))));
  EXPECT_EQ(selector.NeedsKeyFrame(), 2);
}

TEST_F(Simulcast, SwitchesUpOnlyAtAKeyFrameAndNeverInterrupts) {
  Begin(0);
  selector.SetTarget({2, 2});
  EXPECT_EQ(selector.NeedsKeyFrame(), 2);
  const LayerChoice unwanted = selector.Select(high.Delta(Millis(33)));
  EXPECT_FALSE(unwanted.forward);
  EXPECT_EQ(unwanted.reason, DropReason::kLayerNotWanted);
  EXPECT_TRUE(Forwards(low.Delta(Millis(33))));
  const LayerChoice key = selector.Select(high.Key(Millis(66)));
  EXPECT_TRUE(key.forward && key.starts_run);
  EXPECT_FALSE(Forwards(low.Delta(Millis(66))));
  EXPECT_FALSE(selector.NeedsKeyFrame());
}

TEST_F(Simulcast, SwitchesDownAtAKeyFrameToo) {
  Begin(2);
  selector.SetTarget({0, 2});
  EXPECT_EQ(selector.NeedsKeyFrame(), 0);
  EXPECT_TRUE(Forwards(high.Delta(Millis(33))));
  EXPECT_FALSE(Forwards(low.Delta(Millis(33))));
  EXPECT_TRUE(Forwards(low.Key(Millis(66))));
  EXPECT_FALSE(Forwards(high.Delta(Millis(66))));
}

TEST_F(Simulcast, ALayerOnTheWayIsTakenWhenItOffersItself) {
  Begin(0);
  Publisher middle{1};
  selector.SetTarget({2, 2});
  EXPECT_TRUE(Forwards(middle.Key(Millis(20))));
  EXPECT_EQ(selector.NeedsKeyFrame(), 2);
  EXPECT_FALSE(Forwards(low.Key(Millis(30)))) << "but never backwards";
}

TEST_F(Simulcast, FallsBackToTheBestLivingLayer) {
  Begin(2);
  for (int ms = 33; ms < 1400; ms += 33) EXPECT_FALSE(Forwards(low.Delta(Millis(ms))));
  EXPECT_FALSE(selector.NeedsKeyFrame()) << "a short silence is no reason";
  EXPECT_FALSE(Forwards(low.Delta(Millis(1600))));
  EXPECT_EQ(selector.NeedsKeyFrame(), 0);
  EXPECT_TRUE(Forwards(low.Key(Millis(1633))));
  EXPECT_FALSE(Forwards(high.Delta(Millis(1700)))) << "it comes back, and is wanted again";
  EXPECT_EQ(selector.NeedsKeyFrame(), 2);
  EXPECT_TRUE(Forwards(high.Key(Millis(1733))));
}

TEST_F(Simulcast, ASilentTrackIsNoReasonToSwitch) {
  Begin(2);
  EXPECT_TRUE(Forwards(high.Delta(Seconds(30))));
  EXPECT_FALSE(selector.NeedsKeyFrame());
}

TEST_F(Simulcast, TooGoodAPictureIsBetterThanNone) {
  selector.SetTarget({0, 2});
  EXPECT_TRUE(Forwards(high.Key(Millis(0))));
}

TEST_F(Simulcast, APauseNeedsANewKeyFrame) {
  Begin(0);
  selector.SetTarget(kNoLayers);
  EXPECT_FALSE(Forwards(low.Delta(Millis(33))));
  selector.SetTarget({0, 2});
  EXPECT_FALSE(Forwards(low.Delta(Millis(66))));
  const LayerChoice key = selector.Select(low.Key(Millis(99)));
  EXPECT_TRUE(key.forward && key.starts_run);
}

TEST_F(Simulcast, AKeyFrameWhoseFirstPacketIsLateStillServes) {
  selector.SetTarget({0, 2});
  const PacketMeta first = low.Key(Millis(0));
  const PacketMeta second = low.More();
  EXPECT_FALSE(Forwards(second));
  const LayerChoice late = selector.Select(first);
  EXPECT_TRUE(late.forward && late.must_catch_up);
}

TEST_F(Simulcast, AKeyFrameThatIsOverDoesNot) {
  selector.SetTarget({0, 2});
  const PacketMeta key = low.Key(Millis(0));
  EXPECT_FALSE(Forwards(low.Delta(Millis(33))));
  EXPECT_FALSE(Forwards(key));
}

TEST_F(Simulcast, HighTemporalLayersAreLeftAtAnyPicture) {
  Begin(0);
  EXPECT_TRUE(Forwards(low.Delta(Millis(33), 2)));
  selector.SetTarget({0, 1});
  EXPECT_TRUE(Forwards(low.More())) << "not in the middle of one";
  EXPECT_FALSE(Forwards(low.Delta(Millis(66), 2)));
  EXPECT_TRUE(Forwards(low.Delta(Millis(99), 1)));
  EXPECT_TRUE(Forwards(low.Delta(Millis(133), 0)));
}

TEST_F(Simulcast, TemporalLayersAreEnteredOneByOneAtSyncFrames) {
  Begin(0);
  selector.SetTarget({0, 0});
  EXPECT_TRUE(Forwards(low.Delta(Millis(10), 0)));
  selector.SetTarget({0, 2});
  EXPECT_FALSE(Forwards(low.Delta(Millis(20), 1)));
  PacketMeta sync2 = low.Delta(Millis(30), 2);
  sync2.frame.layer_sync = true;
  EXPECT_FALSE(Forwards(sync2)) << "layer 1 is not there yet";
  PacketMeta sync1 = low.Delta(Millis(40), 1);
  sync1.frame.layer_sync = true;
  EXPECT_TRUE(Forwards(sync1));
  EXPECT_FALSE(Forwards(low.Delta(Millis(50), 2)));
  EXPECT_TRUE(Forwards(low.Delta(Millis(60), 1)));
  sync2 = low.Delta(Millis(70), 2);
  sync2.frame.layer_sync = true;
  EXPECT_TRUE(Forwards(sync2));
}

TEST_F(Simulcast, LatePacketsAreJudgedByWhatWasForwardedThen) {
  Begin(0);
  const PacketMeta late = low.Delta(Millis(20), 2);
  EXPECT_TRUE(Forwards(low.Delta(Millis(33), 0)));
  selector.SetTarget({0, 0});
  EXPECT_TRUE(Forwards(low.Delta(Millis(66), 0)));
  EXPECT_TRUE(selector.WantsLate(late));
  EXPECT_FALSE(selector.WantsLate(low.Delta(Millis(70), 1)));
}

TEST(AudioSelector, EveryPacketCanBeTheFirst) {
  LayerSelector selector(LayerMode::kAudio);
  PacketMeta meta;
  meta.seq = ExtSeq{70000};
  EXPECT_FALSE(selector.Select(meta).forward);
  selector.SetTarget(kAllLayers);
  EXPECT_TRUE(selector.Select(meta).starts_run);
  EXPECT_FALSE(selector.Select(meta).starts_run);
  EXPECT_FALSE(selector.NeedsKeyFrame());
  selector.SetTarget(kNoLayers);
  EXPECT_FALSE(selector.Select(meta).forward);
  selector.SetTarget(kAllLayers);
  EXPECT_TRUE(selector.Select(meta).starts_run);
}

// A three-layer scalable stream; each layer frame is one packet.
class Svc : public ::testing::Test {
 protected:
  PacketMeta LayerFrame(std::uint32_t picture, std::uint8_t spatial, bool key = false,
                        std::uint8_t temporal = 0) {
    PacketMeta meta;
    meta.seq = ExtSeq{++seq_};
    meta.timestamp = RtpTimestamp{picture * 3000};
    meta.arrived_at = At(Millis(33 * picture));
    meta.payload_bytes = 500;
    meta.marker = spatial == 2;
    meta.frame.starts_frame = true;
    meta.frame.ends_frame = true;
    meta.frame.is_key_frame_start = key && spatial == 0;
    meta.frame.spatial = spatial;
    meta.frame.temporal = temporal;
    return meta;
  }
  LayerSelector selector{LayerMode::kSvc};
  std::int64_t seq_ = 70000;
};

TEST_F(Svc, LeavesHigherLayersOutAndEndsThePictureItself) {
  selector.SetTarget({1, 2});
  EXPECT_TRUE(selector.Select(LayerFrame(1, 0, true)).starts_run);
  const LayerChoice top = selector.Select(LayerFrame(1, 1, true));
  EXPECT_TRUE(top.forward && top.sets_marker);
  EXPECT_FALSE(selector.Select(LayerFrame(1, 2, true)).forward);
  const LayerChoice base = selector.Select(LayerFrame(2, 0));
  EXPECT_TRUE(base.forward && !base.sets_marker);
}

TEST_F(Svc, AllLayersAreAsManyAsThereMayBe) {
  constexpr std::uint8_t kSpatial = limits::kSpatialLayersMax;
  constexpr std::uint8_t kTemporal = limits::kTemporalLayersMax;
  selector.SetTarget(kAllLayers);
  EXPECT_TRUE(selector.Select(LayerFrame(1, 0, true)).starts_run);
  EXPECT_TRUE(selector.Select(LayerFrame(2, kSpatial - 1, false, kTemporal - 1)).forward);
  for (const PacketMeta& beyond : {LayerFrame(3, kSpatial, false, kTemporal - 1),
                                   LayerFrame(4, kSpatial - 1, false, kTemporal)}) {
    const LayerChoice choice = selector.Select(beyond);
    EXPECT_FALSE(choice.forward);
    EXPECT_EQ(choice.reason, DropReason::kLayerNotWanted);
  }
}

TEST_F(Svc, GoesDownAtTheNextPicture) {
  selector.SetTarget({2, 2});
  for (std::uint8_t s = 0; s < 2; ++s) (void)selector.Select(LayerFrame(1, s, true));
  selector.SetTarget({0, 2});
  EXPECT_TRUE(selector.Select(LayerFrame(1, 2, true)).forward) << "the picture is completed";
  EXPECT_TRUE(selector.Select(LayerFrame(2, 0)).sets_marker);
  EXPECT_FALSE(selector.Select(LayerFrame(2, 1)).forward);
  EXPECT_FALSE(selector.NeedsKeyFrame());
}

TEST_F(Svc, GoesUpAtAKeyPicture) {
  selector.SetTarget({0, 2});
  (void)selector.Select(LayerFrame(1, 0, true));
  selector.SetTarget({2, 2});
  EXPECT_EQ(selector.NeedsKeyFrame(), 0);
  EXPECT_TRUE(selector.Select(LayerFrame(2, 0)).forward);
  EXPECT_FALSE(selector.Select(LayerFrame(2, 1)).forward);
  EXPECT_TRUE(selector.Select(LayerFrame(3, 0, true)).forward);
  EXPECT_TRUE(selector.Select(LayerFrame(3, 1, true)).forward);
  EXPECT_TRUE(selector.Select(LayerFrame(3, 2, true)).forward);
  EXPECT_FALSE(selector.NeedsKeyFrame());
}

TEST_F(Svc, GoesUpInTimeBehindASwitchingPoint) {
  selector.SetTarget({0, 0});
  (void)selector.Select(LayerFrame(1, 0, true));
  EXPECT_FALSE(selector.Select(LayerFrame(2, 0, false, 1)).forward);
  selector.SetTarget({0, 2});
  EXPECT_FALSE(selector.Select(LayerFrame(3, 0, false, 1)).forward);
  PacketMeta point = LayerFrame(4, 0);
  point.frame.temporal_up_ok = true;
  EXPECT_TRUE(selector.Select(point).forward);
  EXPECT_TRUE(selector.Select(LayerFrame(5, 0, false, 2)).forward);
}

}  // namespace
}  // namespace fovea::router
