// How many rooms are watched at once.
// Thread: test.
#include "signaling/matrix/tracker.h"

#include <gtest/gtest.h>

#include <string>

#include "sfu/core/limits.h"

namespace fovea::matrix {
namespace {

TEST(Tracker, WatchesOnlySoManyRooms) {
  Tracker tracker("hs");
  for (std::size_t i = 0; i < limits::kWatchedRoomsMax; ++i) {
    ASSERT_NE(tracker.Watch("!" + std::to_string(i) + ":hs"), nullptr);
  }
  EXPECT_EQ(tracker.Watch("!more:hs"), nullptr);
  EXPECT_EQ(tracker.Find("!more:hs"), nullptr);
  EXPECT_NE(tracker.Watch("!0:hs"), nullptr) << "it is watched already";
  tracker.Unwatch("!0:hs");
  EXPECT_NE(tracker.Watch("!more:hs"), nullptr);
  EXPECT_EQ(tracker.size(), limits::kWatchedRoomsMax);
}

}  // namespace
}  // namespace fovea::matrix
