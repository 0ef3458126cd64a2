#include "sfu/router/track_history.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/core/rng.h"

namespace fovea::router {
namespace {

using Bytes = std::vector<std::uint8_t>;

PacketMeta Meta(std::uint8_t layer, std::int64_t seq, Duration at = {}) {
  PacketMeta meta;
  meta.arrived_at = Instant{} + Seconds(100) + at;
  meta.layer = layer;
  meta.seq = ExtSeq{seq};
  meta.timestamp = RtpTimestamp{static_cast<std::uint32_t>(seq * 3000)};
  return meta;
}

Bytes Filled(std::size_t size, std::int64_t seed) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::uint8_t>(seed + static_cast<std::int64_t>(i));
  return bytes;
}

bool Equal(ByteSpan a, const Bytes& b) { return Bytes(a.begin(), a.end()) == b; }

TEST(TrackHistory, GivesBackWhatWasStored) {
  TrackHistory history(TrackHistory::kVideo);
  ASSERT_TRUE(history.Store(Meta(1, 70000), Filled(900, 3), Filled(20, 9)));
  const auto found = history.Find(1, ExtSeq{70000});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->meta.timestamp, Meta(1, 70000).timestamp);
  EXPECT_TRUE(Equal(found->payload, Filled(900, 3)));
  EXPECT_TRUE(Equal(found->dependency_descriptor, Filled(20, 9)));
  EXPECT_FALSE(history.Find(0, ExtSeq{70000})) << "layers are apart";
  EXPECT_FALSE(history.Find(1, ExtSeq{70001}));
  EXPECT_FALSE(history.Find(1, ExtSeq{70000 + 65536})) << "one wrap of the wire number further";
}

TEST(TrackHistory, TheOldestGiveWay) {
  TrackHistory history({4096, 1, 128});
  for (std::int64_t seq = 70000; seq < 70020; ++seq) {
    ASSERT_TRUE(history.Store(Meta(0, seq), Filled(500, seq), {}));
  }
  EXPECT_FALSE(history.Find(0, ExtSeq{70000}));
  for (std::int64_t seq = 70016; seq < 70020; ++seq) {
    const auto found = history.Find(0, ExtSeq{seq});
    ASSERT_TRUE(found) << seq;
    EXPECT_TRUE(Equal(found->payload, Filled(500, seq)));
  }
}

TEST(TrackHistory, WhateverIsFoundIsWhatWasStored) {
  TrackHistory history({8192, 3, 16});
  Rng rng(42);
  std::map<std::pair<int, std::int64_t>, Bytes> truth;
  std::int64_t seq[3] = {65530, 131000, 70000};
  for (int i = 0; i < 5000; ++i) {
    const auto layer = static_cast<std::uint8_t>(rng.Below(3));
    const Bytes payload = Filled(rng.Below(1200), static_cast<std::int64_t>(rng.Below(256)));
    const std::int64_t number = ++seq[layer];
    ASSERT_TRUE(history.Store(Meta(layer, number), payload, Filled(rng.Below(200), 1)));
    truth[{layer, number}] = payload;
    const auto newest = history.Find(layer, ExtSeq{number});
    ASSERT_TRUE(newest);
    for (std::int64_t back = 0; back < 20; ++back) {
      const auto found = history.Find(layer, ExtSeq{number - back});
      if (!found) continue;
      ASSERT_TRUE(Equal(found->payload, truth[{layer, number - back}]));
      ASSERT_EQ(found->meta.seq.value(), number - back);
    }
  }
}

// 1000 bytes every 10 ms, 100 KB a second: the ring grows to 128 KiB and stays there.
TEST(TrackHistory, GrowsToASecondOfTheBitrateAndNoFurther) {
  TrackHistory history(TrackHistory::kVideo);
  EXPECT_EQ(history.footprint(), 0U) << "nothing for a track that sends nothing";
  std::size_t after_two_seconds = 0;
  for (std::int64_t i = 0; i < 1000; ++i) {
    const std::int64_t seq = 70000 + i;
    ASSERT_TRUE(history.Store(Meta(0, seq, Millis(10 * i)), Filled(1000, seq), {}));
    if (i == 200) after_two_seconds = history.footprint();
    if (i < 200) continue;
    for (const std::int64_t back : {0, 50, 99}) {
      const auto found = history.Find(0, ExtSeq{seq - back});
      ASSERT_TRUE(found) << i << " - " << back;
      ASSERT_TRUE(Equal(found->payload, Filled(1000, seq - back)));
    }
  }
  EXPECT_EQ(history.footprint(), after_two_seconds);
  EXPECT_LE(history.footprint(), std::size_t{132 * 1024});
}

TEST(TrackHistory, StaysSmallWhileLittleIsSent) {
  TrackHistory history(TrackHistory::kAudio);
  for (std::int64_t i = 0; i < 500; ++i) {  // silence: a packet of 8 bytes every 400 ms
    ASSERT_TRUE(history.Store(Meta(0, 70000 + i, Millis(400 * i)), Filled(8, i), {}));
  }
  EXPECT_LE(history.footprint(), 2 * TrackHistory::kBytesStart);
}

// What was stored before a growth is found behind it, whole, though the ring was wrapped.
TEST(TrackHistory, KeepsEverythingWhenItGrows) {
  TrackHistory history(TrackHistory::kVideo);
  Rng rng(7);
  std::map<std::int64_t, Bytes> young;
  Duration at{};
  for (std::int64_t seq = 70000; seq < 74000; ++seq) {
    // Quiet and busy stretches, so that it grows from every state.
    at += Micros(seq / 400 % 2 == 0 ? 20'000 : 2'000);
    const Bytes payload = Filled(rng.Below(1200), seq);
    ASSERT_TRUE(history.Store(Meta(2, seq, at), payload, Filled(rng.Below(100), 1)));
    young[seq] = payload;
    if (young.size() > 40) young.erase(young.begin());
    for (const auto& [number, bytes] : young) {
      const auto found = history.Find(2, ExtSeq{number});
      ASSERT_TRUE(found) << number << " at " << seq;
      ASSERT_TRUE(Equal(found->payload, bytes));
    }
  }
}

TEST(TrackHistory, RefusesWhatItCannotHold) {
  TrackHistory history(TrackHistory::kAudio);
  EXPECT_FALSE(history.Store(Meta(1, 70000), Filled(10, 0), {})) << "audio has one layer";
  EXPECT_FALSE(history.Store(Meta(0, 70000), Filled(limits::kDatagramBytesMax + 1, 0), {}));
  EXPECT_FALSE(
      history.Store(Meta(0, 70000), {}, Filled(limits::kDependencyDescriptorBytesMax + 1, 0)));
  EXPECT_FALSE(history.Find(0, ExtSeq{70000}));
  ASSERT_TRUE(history.Store(Meta(0, 70000), Filled(limits::kDatagramBytesMax, 1),
                            Filled(limits::kDependencyDescriptorBytesMax, 2)));
  const auto longest = history.Find(0, ExtSeq{70000});
  ASSERT_TRUE(longest);
  EXPECT_TRUE(
      Equal(longest->dependency_descriptor, Filled(limits::kDependencyDescriptorBytesMax, 2)));
  TrackHistory video(TrackHistory::kVideo);
  EXPECT_TRUE(video.Store(Meta(limits::kSpatialLayersMax - 1, 70000), {}, {}));
  EXPECT_FALSE(video.Store(Meta(limits::kSpatialLayersMax, 70000), {}, {}));
}

// Both bounds at their full case: packets of one moment, so that age makes no room.
struct Bounds {
  TrackHistory::Config config;
  std::size_t bytes;
  std::size_t packets;
};
constexpr Bounds kBounds[] = {
    {TrackHistory::kVideo, limits::kHistoryBytesVideo, limits::kHistoryPacketsPerLayerVideo},
    {TrackHistory::kAudio, limits::kHistoryBytesAudio, limits::kHistoryPacketsPerLayerAudio},
};

TEST(TrackHistory, ABurstOfMoreBytesThanItKeepsPushesItsOldestOut) {
  constexpr std::size_t kPayload = 1000;
  constexpr std::size_t kWithMeta = kPayload + 200;  // at most
  for (const Bounds& bounds : kBounds) {
    TrackHistory history(bounds.config);
    std::int64_t seq = 70000;
    const auto store = [&] {
      ASSERT_TRUE(history.Store(Meta(0, seq, {}), Filled(kPayload, seq), {}));
      ++seq;
    };
    for (std::size_t i = 0; i < bounds.bytes / kWithMeta; ++i) store();
    EXPECT_TRUE(history.Find(0, ExtSeq{70000}));
    for (std::size_t i = 0; i < bounds.bytes / kWithMeta; ++i) store();
    EXPECT_FALSE(history.Find(0, ExtSeq{70000}));
    EXPECT_TRUE(history.Find(0, ExtSeq{seq - 1}));
    std::size_t found = 0;
    for (std::int64_t at = 70000; at < seq; ++at) found += history.Find(0, ExtSeq{at}) ? 1 : 0;
    EXPECT_GE(found, bounds.bytes / kWithMeta);
    EXPECT_LE(found * kPayload, bounds.bytes);
    EXPECT_GE(history.footprint(), bounds.bytes);
    EXPECT_LE(history.footprint(), bounds.bytes + bounds.packets * sizeof(std::uint64_t));
  }
}

TEST(TrackHistory, MorePacketsOfALayerThanItKeepsPushTheOldestOut) {
  for (const Bounds& bounds : kBounds) {
    TrackHistory history(bounds.config);
    const auto end = 70000 + static_cast<std::int64_t>(bounds.packets);
    for (std::int64_t seq = 70000; seq < end; ++seq) {
      ASSERT_TRUE(history.Store(Meta(0, seq, {}), {}, {}));
    }
    for (std::int64_t seq = 70000; seq < end; ++seq) ASSERT_TRUE(history.Find(0, ExtSeq{seq}));
    ASSERT_TRUE(history.Store(Meta(0, end, {}), {}, {}));
    EXPECT_FALSE(history.Find(0, ExtSeq{70000}));
    EXPECT_TRUE(history.Find(0, ExtSeq{70001}));
    EXPECT_TRUE(history.Find(0, ExtSeq{end}));
  }
}

TEST(TrackHistory, AudioHoldsOverASecond) {
  TrackHistory history(TrackHistory::kAudio);
  for (std::int64_t seq = 70000; seq < 70050; ++seq) {
    ASSERT_TRUE(history.Store(Meta(0, seq), Filled(120, seq), {}));
  }
  EXPECT_TRUE(history.Find(0, ExtSeq{70000}));
}

}  // namespace
}  // namespace fovea::router
