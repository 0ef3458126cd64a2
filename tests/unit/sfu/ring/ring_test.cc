#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <semaphore>
#include <thread>
#include <vector>

#include "sfu/ring/packet_slab.h"
#include "sfu/ring/parker.h"
#include "sfu/ring/spsc_ring.h"

namespace fovea::ring {
namespace {

TEST(SpscRing, RefusesWhenFullAndCountsIt) {
  SpscRing<int> ring(4);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.TryPush(i));
  EXPECT_FALSE(ring.TryPush(4));
  EXPECT_EQ(ring.full_count(), 1U);
  int sum = 0;
  EXPECT_EQ(ring.Drain(2, [&](int v) { sum += v; }), 2U);
  EXPECT_EQ(sum, 1);
  EXPECT_TRUE(ring.TryPush(4));
  EXPECT_EQ(ring.SizeGuess(), 3U);
}

TEST(SpscRing, DrainRespectsItsBudgetAndOrder) {
  SpscRing<int> ring(8);
  std::vector<int> out;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(ring.TryPush(round * 5 + i));
    while (ring.Drain(3, [&](int v) { out.push_back(v); }) > 0) {
    }
  }
  ASSERT_EQ(out.size(), 500U);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(out[static_cast<std::size_t>(i)], i);
  EXPECT_TRUE(ring.Empty());
}

TEST(SpscRing, EveryValueCrossesThreadsOnceAndInOrder) {
  constexpr std::uint64_t kValues = 200'000;
  SpscRing<std::uint64_t> ring(64);
  std::thread producer([&] {
    for (std::uint64_t i = 0; i < kValues;) {
      if (ring.TryPush(i))
        ++i;
      else
        std::this_thread::yield();
    }
  });
  std::uint64_t expected = 0;
  bool ordered = true;
  while (expected < kValues) {
    if (ring.Drain(32, [&](std::uint64_t v) { ordered = ordered && v == expected++; }) == 0) {
      std::this_thread::yield();
    }
  }
  producer.join();
  EXPECT_TRUE(ordered);
}

TEST(Parker, NoWakeUpIsLostBetweenTheLastLookAndTheSleep) {
  constexpr std::uint64_t kValues = 50'000;
  SpscRing<std::uint64_t> ring(16);
  Parker parker;
  std::counting_semaphore<> signal(0);
  std::uint64_t wakes = 0;
  std::thread producer([&] {
    for (std::uint64_t i = 0; i < kValues;) {
      if (!ring.TryPush(i)) {
        std::this_thread::yield();
        continue;
      }
      ++i;
      if (parker.TakeWake()) {
        ++wakes;
        signal.release();
      }
    }
  });
  std::uint64_t seen = 0;
  while (seen < kValues) {
    seen += ring.Drain(16, [](std::uint64_t) {});
    parker.Park();
    if (!ring.Empty() || seen == kValues) {
      parker.Unpark();
      continue;
    }
    signal.acquire();  // a lost wake-up would hang here until the test's timeout
  }
  producer.join();
  EXPECT_LE(wakes, kValues);
}

struct Meta {
  int value = 0;
};

TEST(PacketSlab, ASlotReturnsWhenItsLastHolderReleasesIt) {
  PacketSlab<Meta> slab(2);
  const SlotIndex a = slab.Acquire();
  const SlotIndex b = slab.Acquire();
  EXPECT_NE(a, b);
  EXPECT_EQ(slab.Acquire(), kNoSlot);
  slab.Share(a);
  slab.Release(a);
  EXPECT_EQ(slab.free_count(), 0U);
  slab.Release(a);
  EXPECT_EQ(slab.free_count(), 1U);
  slab.Release(b);
  EXPECT_EQ(slab.free_count(), slab.capacity());
}

}  // namespace
}  // namespace fovea::ring
