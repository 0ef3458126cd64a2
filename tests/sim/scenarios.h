// What may happen to a conference, as functions of a world. Each draws everything it does from the
// world's seed. Thread: functions of a test.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sfu/core/time.h"

namespace fovea::test {

class World;

struct ScenarioRun {
  std::uint64_t seed = 1;
  Duration duration = Seconds(10);
  std::uint64_t evictions_min = 0;  // of `eviction`: goes on until there were as many
};

struct ScenarioResult {
  std::string failures;  // empty: all is well
  std::uint64_t event_hash = 0;
  std::uint64_t datagrams = 0;
  std::uint64_t rtp_sent = 0;
  std::uint64_t retransmitted = 0;
  std::uint64_t nacks_checked = 0;
  std::uint64_t key_frame_waits = 0;
  Duration longest_key_frame_wait{0};
  std::uint64_t evictions = 0;
  std::uint64_t sent_by_evicted = 0;  // datagrams, after the fence
  std::uint64_t after_fence = 0;      // packets to or from the evicted; never any
  std::string drops;                  // by reason, of all workers
};

struct Scenario {
  std::string_view name;
  std::string_view what;
  ScenarioResult (*run)(const ScenarioRun& run);
};

[[nodiscard]] std::span<const Scenario> Scenarios();
// Null when there is none of that name.
[[nodiscard]] const Scenario* FindScenario(std::string_view name);
// The command that repeats a run exactly.
[[nodiscard]] std::string ReproCommand(const Scenario& scenario, const ScenarioRun& run);

}  // namespace fovea::test
