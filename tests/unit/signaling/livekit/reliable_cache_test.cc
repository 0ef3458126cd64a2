// What is kept of reliable data for those who could not take it.
#include "signaling/livekit/reliable_cache.h"
#include "sfu/core/limits.h"

#include <gtest/gtest.h>

namespace fovea::livekit {
namespace {

constexpr Instant kStart = Instant{} + Seconds(100);

ReliableCache::Message Message(Instant at, const std::string& sender, std::uint32_t sequence,
                               std::size_t bytes = 10) {
  return {at, sender, sequence, pb::DataPacket{}, std::string(bytes, 'x')};
}

TEST(ReliableCache, GivesASendersMessagesFromANumberOnInOrder) {
  ReliableCache cache;
  for (std::uint32_t i = 1; i <= 4; ++i) {
    cache.Add(Message(kStart, "PA_a", i));
    cache.Add(Message(kStart, "PA_b", i));
  }
  const auto found = cache.From(kStart, "PA_a", 3);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0]->sequence, 3U);
  EXPECT_EQ(found[1]->sequence, 4U);
  EXPECT_EQ(found[0]->sender_sid, "PA_a");
  EXPECT_TRUE(cache.From(kStart, "PA_a", 5).empty());
}

TEST(ReliableCache, ForgetsAfterTwoSeconds) {
  ReliableCache cache;
  cache.Add(Message(kStart, "PA_a", 1));
  EXPECT_EQ(cache.From(kStart + ReliableCache::kKept, "PA_a", 1).size(), 1U);
  EXPECT_TRUE(cache.From(kStart + ReliableCache::kKept + Millis(1), "PA_a", 1).empty());
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(ReliableCache, DropsTheOldestBeyondItsSize) {
  ReliableCache cache;
  for (std::uint32_t i = 1; i <= 5; ++i)
    cache.Add(Message(kStart, "PA_a", i, limits::kReliableCacheBytesMax / 4));
  EXPECT_LE(cache.bytes(), limits::kReliableCacheBytesMax);
  const auto found = cache.From(kStart, "PA_a", 0);
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0]->sequence, 2U);
  cache.Add(Message(kStart, "PA_a", 6, limits::kReliableCacheBytesMax + 1));
  EXPECT_TRUE(cache.From(kStart, "PA_a", 0).empty());
}

}  // namespace
}  // namespace fovea::livekit
