// sim: one scenario of the simulator, for as long as wished.
//
//   sim --scenario NAME [--seed N] [--seeds COUNT] [--minutes N | --millis N] [--evictions N]
//
// Without --scenario, all of them. Prints a line per run; exits 1 after a failure, with the command
// that repeats it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/sim/scenarios.h"

namespace {

using fovea::test::Scenario;
using fovea::test::ScenarioResult;
using fovea::test::ScenarioRun;

int Usage() {
  std::fprintf(stderr,
               "usage: sim [--scenario NAME] [--seed N] [--seeds COUNT] [--minutes N | --millis N] "
               "[--evictions N]\nscenarios:\n");
  for (const Scenario& scenario : fovea::test::Scenarios()) {
    std::fprintf(stderr, "  %-12s %s\n", std::string(scenario.name).c_str(),
                 std::string(scenario.what).c_str());
  }
  return 2;
}

bool RunOne(const Scenario& scenario, const ScenarioRun& run) {
  const ScenarioResult result = scenario.run(run);
  std::printf(
      "%-12s seed %llu: %llu datagrams, %llu RTP sent, %llu resent, %llu NACKs checked, %llu key "
      "frame waits (longest %lld ms), %llu evictions (%llu datagrams sent by the evicted after the "
      "fence, %llu packets to or from them), hash %016llx\n  drops: %s\n",
      std::string(scenario.name).c_str(), static_cast<unsigned long long>(run.seed),
      static_cast<unsigned long long>(result.datagrams),
      static_cast<unsigned long long>(result.rtp_sent),
      static_cast<unsigned long long>(result.retransmitted),
      static_cast<unsigned long long>(result.nacks_checked),
      static_cast<unsigned long long>(result.key_frame_waits),
      static_cast<long long>(fovea::ToMillis(result.longest_key_frame_wait)),
      static_cast<unsigned long long>(result.evictions),
      static_cast<unsigned long long>(result.sent_by_evicted),
      static_cast<unsigned long long>(result.after_fence),
      static_cast<unsigned long long>(result.event_hash), result.drops.c_str());
  if (result.failures.empty()) return true;
  std::printf("%s\nagain: %s\n", result.failures.c_str(),
              fovea::test::ReproCommand(scenario, run).c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<const Scenario*> scenarios;
  ScenarioRun run;
  std::uint64_t seeds = 1;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 == argc) return Usage();
    const char* value = argv[i + 1];
    if (name == "--scenario") {
      scenarios.push_back(fovea::test::FindScenario(value));
      if (scenarios.back() == nullptr) return Usage();
    } else if (name == "--seed") {
      run.seed = std::strtoull(value, nullptr, 0);
    } else if (name == "--seeds") {
      seeds = std::strtoull(value, nullptr, 0);
    } else if (name == "--minutes") {
      run.duration = fovea::Seconds(60 * std::strtoll(value, nullptr, 0));
    } else if (name == "--millis") {
      run.duration = fovea::Millis(std::strtoll(value, nullptr, 0));
    } else if (name == "--evictions") {
      run.evictions_min = std::strtoull(value, nullptr, 0);
    } else {
      return Usage();
    }
  }
  if (scenarios.empty()) {
    for (const Scenario& scenario : fovea::test::Scenarios()) scenarios.push_back(&scenario);
  }
  for (std::uint64_t i = 0; i < seeds; ++i, ++run.seed) {
    for (const Scenario* scenario : scenarios) {
      if (!RunOne(*scenario, run)) return 1;
    }
  }
  return 0;
}
