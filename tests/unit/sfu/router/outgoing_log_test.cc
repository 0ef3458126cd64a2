#include "sfu/router/outgoing_log.h"

#include <gtest/gtest.h>

#include "sfu/core/limits.h"

namespace fovea::router {
namespace {

constexpr std::uint32_t kSecond = 90000;
constexpr OutgoingLog::Config kConfig{limits::kOutgoingLogVideo, kSecond};

// Claims `count` numbers after `position`, `ticks` apart.
std::int64_t Send(OutgoingLog& log, std::int64_t position, int count, std::uint32_t ticks) {
  for (int i = 0; i < count; ++i) {
    ++position;
    OutgoingSlot& slot = log.Claim(position, static_cast<std::uint32_t>(position) * ticks);
    slot.state = OutgoingSlot::State::kSent;
    slot.source_low = static_cast<std::uint32_t>(position + 7);
  }
  return position;
}

bool Knows(OutgoingLog& log, std::int64_t position) {
  const OutgoingSlot* slot = log.Find(static_cast<std::uint16_t>(position));
  return slot != nullptr && slot->source_low == static_cast<std::uint32_t>(position + 7);
}

TEST(OutgoingLog, StaysSmallForASlowStream) {
  OutgoingLog log(kConfig);
  const std::int64_t newest = Send(log, 70000, 5000, kSecond / 20);
  EXPECT_EQ(log.capacity(), OutgoingLog::kSlotsStart);
  EXPECT_TRUE(Knows(log, newest - 19));
}

TEST(OutgoingLog, GrowsToASecondOfTheStream) {
  OutgoingLog log(kConfig);
  const std::int64_t newest = Send(log, 70000, 5000, kSecond / 100);
  EXPECT_EQ(log.capacity(), 128U);
  EXPECT_TRUE(Knows(log, newest - 99));
}

TEST(OutgoingLog, KeepsWhatItKnewWhenItGrows) {
  OutgoingLog log(kConfig);
  std::int64_t newest = 65530;  // wire numbers wrap meanwhile
  for (int i = 0; i < 400; ++i) {
    newest = Send(log, newest, 1, 1);
    for (std::int64_t back = 0; back <= i; ++back) ASSERT_TRUE(Knows(log, newest - back));
  }
}

TEST(OutgoingLog, ForgetsTheOldestBeyondItsLimit) {
  OutgoingLog log(kConfig);
  const std::int64_t newest = Send(log, 70000, 2000, 1);
  EXPECT_EQ(log.capacity(), log.capacity_max());
  constexpr auto kLimit = std::int64_t{limits::kOutgoingLogVideo};
  EXPECT_TRUE(Knows(log, newest - kLimit + 1));
  EXPECT_FALSE(Knows(log, newest - kLimit));
}

TEST(OutgoingLog, FindsASourceThatCameBeforeItGrew) {
  OutgoingLog log(kConfig);
  const std::int64_t newest = Send(log, 70000, 100, 1);
  OutgoingSlot* slot = log.FindSource(newest, 0, ExtSeq{70010 + 7});
  ASSERT_NE(slot, nullptr);
  EXPECT_EQ(slot->seq, static_cast<std::uint16_t>(70010));
}

}  // namespace
}  // namespace fovea::router
