// How much of the past of a state key is remembered.
// Thread: test.
#include "signaling/matrix/state_version.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sfu/core/limits.h"

namespace fovea::matrix {
namespace {

// The `number`th version of one state key. Nobody tells what it replaces.
Event VersionOf(std::size_t number) {
  Event event;
  event.event_id = "$" + std::to_string(number);
  event.origin_server_ts_ms = static_cast<std::int64_t>(number);
  return event;
}

TEST(StateVersion, RemembersTheLatestOfThePast) {
  StateVersion version;
  const std::size_t standing = limits::kPastVersionsMax;
  for (std::size_t i = 0; i <= standing; ++i) version.Set(Instant{}, VersionOf(i));
  for (std::size_t i = 0; i < standing; ++i) {
    EXPECT_EQ(version.Compare(VersionOf(i)), StateOrder::kOlder) << i;
  }
  version.Set(Instant{}, VersionOf(standing + 1));
  EXPECT_EQ(version.Compare(VersionOf(1)), StateOrder::kOlder);
  EXPECT_FALSE(version.IsPast("$0"));
}

TEST(StateVersion, TellsWhatItForgotByTheTimestamp) {
  StateVersion version;
  const std::size_t standing = limits::kPastVersionsMax + 1;
  for (std::size_t i = 0; i <= standing; ++i) version.Set(Instant{}, VersionOf(i));
  Event repeated = VersionOf(0);
  EXPECT_EQ(version.Compare(repeated), StateOrder::kDoubtful);
  repeated.origin_server_ts_ms = static_cast<std::int64_t>(standing + 1);  // a clock that is ahead
  EXPECT_EQ(version.Compare(repeated), StateOrder::kPlausible);
}

}  // namespace
}  // namespace fovea::matrix
