// How many calls are remembered.
// Thread: test.
#include "signaling/focus/call_facts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sfu/core/limits.h"

namespace fovea::focus {
namespace {

matrix::MintedIdentity SomebodyIn(const std::string& room_name) {
  matrix::MintedIdentity somebody;
  somebody.room_name = room_name;
  somebody.identity = "alice";
  return somebody;
}

// A call that began and ended.
void Hold(CallLedger& ledger, const std::string& room_name, std::int64_t ended_ms) {
  std::vector<CallChangeKind> changes;
  ledger.HandleConnected(ended_ms - 1, SomebodyIn(room_name));
  ledger.HandleLeft(ended_ms, room_name, "alice", DepartureReason::kClientLeft, changes);
}

TEST(CallLedger, ForgetsTheCallThatEndedFirst) {
  CallLedger ledger;
  ledger.HandleConnected(1, SomebodyIn("on since long"));
  Hold(ledger, "second", 20);
  Hold(ledger, "first", 10);
  for (std::size_t i = 3; i < limits::kCallsRememberedMax; ++i) {
    Hold(ledger, std::to_string(i), 30);
  }
  EXPECT_EQ(ledger.size(), limits::kCallsRememberedMax);
  EXPECT_TRUE(ledger.Facts("first", {}).has_value());
  Hold(ledger, "one more", 40);
  EXPECT_EQ(ledger.size(), limits::kCallsRememberedMax);
  EXPECT_FALSE(ledger.Facts("first", {}).has_value());
  EXPECT_TRUE(ledger.Facts("second", {}).has_value());
  EXPECT_TRUE(ledger.Facts("on since long", {}).has_value());
  Hold(ledger, "one more", 50);
  EXPECT_TRUE(ledger.Facts("second", {}).has_value()) << "a call that it knows needs no room";
}

}  // namespace
}  // namespace fovea::focus
