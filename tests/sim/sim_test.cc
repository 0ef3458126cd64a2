// Every scenario with a range of seeds, with all checks on. What a failure says repeats it.
#include <gtest/gtest.h>

#include <string>

#include "tests/sim/scenarios.h"

namespace fovea::test {
namespace {

constexpr std::uint64_t kSeeds = 50;

class Simulation : public ::testing::TestWithParam<Scenario> {};

INSTANTIATE_TEST_SUITE_P(Scenarios, Simulation,
                         ::testing::ValuesIn(Scenarios().begin(), Scenarios().end()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(Simulation, HoldsForFiftySeeds) {
  std::uint64_t rtp_sent = 0;
  std::uint64_t key_frame_waits = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const ScenarioRun run{.seed = seed, .duration = Seconds(1)};
    const ScenarioResult result = GetParam().run(run);
    ASSERT_EQ(result.failures, "") << "again: " << ReproCommand(GetParam(), run);
    rtp_sent += result.rtp_sent;
    key_frame_waits += result.key_frame_waits;
  }
  // A world in which nothing happens would pass every check.
  EXPECT_GT(rtp_sent, kSeeds * 100);
  EXPECT_GT(key_frame_waits, kSeeds);
}

TEST_P(Simulation, RepeatsItselfToTheByte) {
  const ScenarioRun run{.seed = 7, .duration = Seconds(2)};
  const ScenarioResult first = GetParam().run(run);
  const ScenarioResult second = GetParam().run(run);
  EXPECT_EQ(first.event_hash, second.event_hash);
  EXPECT_EQ(first.datagrams, second.datagrams);
  const ScenarioResult other = GetParam().run({.seed = 8, .duration = Seconds(2)});
  EXPECT_NE(first.event_hash, other.event_hash);
}

TEST(Simulator, ChecksSomeNacksInALossyWorld) {
  const ScenarioResult result = FindScenario("lossy")->run({.seed = 1, .duration = Seconds(5)});
  EXPECT_GT(result.nacks_checked, 50U);
  EXPECT_GT(result.retransmitted, result.nacks_checked / 2);
}

TEST(Simulator, SendsNothingToTenThousandEvictedMembers) {
  const ScenarioRun run{.seed = 3, .duration = Seconds(0), .evictions_min = 10'000};
  const Scenario& scenario = *FindScenario("eviction");
  const ScenarioResult result = scenario.run(run);
  EXPECT_EQ(result.failures, "") << "again: " << ReproCommand(scenario, run);
  EXPECT_GE(result.evictions, 10'000U);
}

}  // namespace
}  // namespace fovea::test
