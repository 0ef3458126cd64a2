#include "sfu/core/due_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>

#include "sfu/core/rng.h"

namespace fovea {
namespace {

struct Item {
  Instant due = kNever;
  std::size_t due_place = 0;
};

Instant At(std::int64_t ms) { return Instant{} + Millis(ms); }

TEST(DueQueue, HasNobodyDueWhenItIsEmpty) {
  DueQueue<Item> queue;
  std::vector<Item*> due;
  queue.Collect(At(1000), due);
  EXPECT_TRUE(due.empty());
  EXPECT_EQ(queue.soonest(), kNever);
}

TEST(DueQueue, LowersButDoesNotRaise) {
  DueQueue<Item> queue;
  Item item;
  queue.Add(item);
  queue.Lower(item, At(20));
  queue.Lower(item, At(30));
  EXPECT_EQ(queue.soonest(), At(20));
  queue.Set(item, At(40));
  EXPECT_EQ(queue.soonest(), At(40));
  queue.Remove(item);
}

// Against a plain scan, through thousands of changes.
TEST(DueQueue, AgreesWithAScan) {
  Rng rng(9);
  DueQueue<Item> queue;
  std::vector<std::unique_ptr<Item>> items;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint32_t what = rng.Below(10);
    if (items.empty() || (what == 0 && items.size() < 300)) {
      queue.Add(*items.emplace_back(std::make_unique<Item>()));
    } else if (what == 1 && items.size() > 100) {
      const std::size_t at = rng.Below(static_cast<std::uint32_t>(items.size()));
      queue.Remove(*items[at]);
      items.erase(items.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      const std::size_t at = rng.Below(static_cast<std::uint32_t>(items.size()));
      queue.Set(*items[at], rng.Below(5) == 0 ? kNever : At(rng.Below(1000)));
    }
    ASSERT_TRUE(queue.IsConsistent());
    const Instant now = At(rng.Below(100));
    Instant soonest = kNever;
    std::set<Item*> expected;
    for (const auto& item : items) {
      soonest = std::min(soonest, item->due);
      if (item->due <= now) expected.insert(item.get());
    }
    ASSERT_EQ(queue.soonest(), soonest);
    std::vector<Item*> due;
    queue.Collect(now, due);
    ASSERT_EQ(due.size(), expected.size());
    ASSERT_EQ((std::set<Item*>(due.begin(), due.end())), expected);
  }
}

}  // namespace
}  // namespace fovea
