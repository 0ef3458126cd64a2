// Every scenario with a range of seeds, with all checks on. What a failure says repeats it.
#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/sim/scenarios.h"

namespace fovea::test {
namespace {

constexpr std::uint64_t kSeeds = 50;

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

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

// As many worlds as it takes for FOVEA_SIM_EVICTIONS evictions, 10 000 without it, from seed
// FOVEA_SIM_FIRST on.
TEST(Simulator, SendsNothingToOrFromEvictedMembersAfterTheFence) {
  constexpr std::uint64_t kPerSeed = 10'000;
  const std::uint64_t wanted = FromEnvironment("FOVEA_SIM_EVICTIONS", kPerSeed);
  const Scenario& scenario = *FindScenario("eviction");
  std::uint64_t evictions = 0;
  std::uint64_t sent_by_evicted = 0;
  std::uint64_t after_fence = 0;
  std::uint64_t seed = FromEnvironment("FOVEA_SIM_FIRST", 3);
  for (; evictions < wanted; ++seed) {
    const ScenarioRun run{.seed = seed, .duration = Seconds(0), .evictions_min = kPerSeed};
    const ScenarioResult result = scenario.run(run);
    ASSERT_EQ(result.failures, "") << "again: " << ReproCommand(scenario, run);
    evictions += result.evictions;
    sent_by_evicted += result.sent_by_evicted;
    after_fence += result.after_fence;
  }
  std::printf("%" PRIu64 " evictions up to seed %" PRIu64 ", %" PRIu64
              " datagrams sent by the evicted after the fence, %" PRIu64
              " packets to or from them\n",
              evictions, seed - 1, sent_by_evicted, after_fence);
  EXPECT_EQ(after_fence, 0U);
  EXPECT_GT(sent_by_evicted, evictions);
}

}  // namespace
}  // namespace fovea::test
