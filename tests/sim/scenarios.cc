#include "tests/sim/scenarios.h"

#include <algorithm>
#include <array>
#include <vector>

#include "tests/support/world/world.h"

namespace fovea::test {
namespace {

template <class T>
const T& OneOf(Rng& rng, const std::vector<T>& items) {
  return items[rng.Below(static_cast<std::uint32_t>(items.size()))];
}

ScenarioResult Finish(World& world, std::size_t workers) {
  world.Settle();
  ScenarioResult result;
  result.failures = world.Failures();
  result.event_hash = world.event_hash();
  result.datagrams = world.datagrams();
  const Checker::Counters& counters = world.checker().counters();
  result.rtp_sent = counters.rtp;
  result.retransmitted = counters.rtx + counters.repeats;
  result.nacks_checked = counters.nacks_checked;
  result.key_frame_waits = counters.waits_for_key_frame;
  result.longest_key_frame_wait = counters.longest_wait;
  result.evictions = world.evictions();
  result.sent_by_evicted = world.sent_by_evicted();
  result.after_fence = counters.after_fence;
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    const auto reason = static_cast<DropReason>(i);
    std::uint64_t count = 0;
    for (std::size_t worker = 0; worker < workers; ++worker) {
      count += world.worker(worker).drops().Get(reason);
    }
    if (count == 0) continue;
    result.drops += std::string(ToString(reason)) + "=" + std::to_string(count) + " ";
  }
  return result;
}

// Everybody publishes camera and microphone, and gets those of everybody else.
void JoinRoom(World& world, std::size_t worker) {
  const World::ClientId id = world.Join(worker);
  for (const control::PublicationHandle publication : world.live_publications()) {
    (void)world.Subscribe(id, publication);
  }
  const std::array published = {world.PublishVideo(id), world.PublishAudio(id)};
  for (const World::ClientId other : world.live_clients()) {
    if (other == id) continue;
    for (const control::PublicationHandle publication : published) {
      (void)world.Subscribe(other, publication);
    }
  }
}

void MuteSomething(World& world) {
  const auto publications = world.live_publications();
  if (publications.empty()) return;
  world.SetMuted(OneOf(world.rng(), publications), world.rng().Below(2) == 0);
}

void PauseSomething(World& world) {
  const auto subscriptions = world.live_subscriptions();
  if (subscriptions.empty()) return;
  world.SetPaused(OneOf(world.rng(), subscriptions), world.rng().Below(2) == 0);
}

void SwitchSomeLayer(World& world) {
  const auto subscriptions = world.live_subscriptions();
  if (subscriptions.empty()) return;
  Rng& rng = world.rng();
  const auto spatial = static_cast<std::uint8_t>(rng.Below(3));
  const auto temporal = static_cast<std::uint8_t>(rng.Below(2));
  world.SetLayer(OneOf(rng, subscriptions), spatial, temporal);
}

// `act` at random moments, `interval` apart on average.
template <class F>
void ActUntil(World& world, Instant end, Duration interval, F&& act) {
  while (world.now() < end) {
    act();
    world.Run(Micros(1 + world.rng().Below(static_cast<std::uint32_t>(2 * ToMicros(interval)))));
  }
}

ScenarioResult RunChurn(const ScenarioRun& run) {
  const std::size_t workers = 2 + run.seed % 3;
  World world({.seed = run.seed, .workers = workers, .stall_max = Millis(3)});
  ActUntil(world, world.now() + run.duration, Millis(150), [&] {
    const auto& live = world.live_clients();
    if (live.size() < 3 || (live.size() < 7 && world.rng().Below(2) == 0)) {
      JoinRoom(world, world.rng().Below(static_cast<std::uint32_t>(workers)));
    } else if (world.rng().Below(3) == 0) {
      world.Evict(OneOf(world.rng(), live));
    } else if (world.rng().Below(2) == 0) {
      PauseSomething(world);
    } else {
      SwitchSomeLayer(world);
    }
  });
  return Finish(world, workers);
}

ScenarioResult RunMute(const ScenarioRun& run) {
  World world({.seed = run.seed, .workers = 2});
  for (std::size_t i = 0; i < 4; ++i) JoinRoom(world, i % 2);
  ActUntil(world, world.now() + run.duration, Millis(200), [&] { MuteSomething(world); });
  return Finish(world, 2);
}

ScenarioResult RunLayerFlap(const ScenarioRun& run) {
  World world({.seed = run.seed, .workers = 1, .first_seq = 65500});
  for (std::size_t i = 0; i < 4; ++i) JoinRoom(world, 0);
  ActUntil(world, world.now() + run.duration, Millis(50), [&] {
    if (world.rng().Below(5) == 0)
      PauseSomething(world);
    else
      SwitchSomeLayer(world);
  });
  return Finish(world, 1);
}

// One room; members come and go as fast as they connect, and go on sending when they are out.
ScenarioResult RunEviction(const ScenarioRun& run) {
  World world(
      {.seed = run.seed, .workers = 2, .stall_max = Millis(5), .evicted_send_for = Millis(100)});
  JoinRoom(world, 0);
  JoinRoom(world, 1);
  const Instant end = world.now() + run.duration;
  while (world.now() < end || world.evictions() < run.evictions_min) {
    for (int i = 0; i < 4; ++i) {
      const std::size_t worker = world.rng().Below(2);
      const World::ClientId id = world.Join(worker);
      const auto publications = world.live_publications();
      (void)world.Subscribe(id, OneOf(world.rng(), publications));
      const auto mine = world.rng().Below(2) == 0 ? world.PublishVideo(id) : world.PublishAudio(id);
      (void)world.Subscribe(OneOf(world.rng(), world.live_clients()), mine);
    }
    world.Run(Micros(world.rng().Below(120'000)));
    while (world.live_clients().size() > 4) world.Evict(OneOf(world.rng(), world.live_clients()));
  }
  return Finish(world, 2);
}

ScenarioResult RunTwoWorkers(const ScenarioRun& run) {
  World world({.seed = run.seed, .workers = 2, .stall_max = Millis(10)});
  const World::ClientId publisher = world.Join(0);
  const std::array published = {world.PublishVideo(publisher), world.PublishAudio(publisher)};
  std::vector<World::ClientId> watchers;
  for (std::size_t i = 0; i < 6; ++i) watchers.push_back(world.Join(i % 2));
  std::vector<Ssrc> subscriptions;
  ActUntil(world, world.now() + run.duration, Millis(100), [&] {
    if (subscriptions.size() < 6 || world.rng().Below(2) == 0) {
      subscriptions.push_back(
          world.Subscribe(OneOf(world.rng(), watchers), published[world.rng().Below(2)]));
    } else {
      const std::size_t which = world.rng().Below(static_cast<std::uint32_t>(subscriptions.size()));
      world.Unsubscribe(subscriptions[which]);
      subscriptions.erase(subscriptions.begin() + static_cast<std::ptrdiff_t>(which));
    }
  });
  return Finish(world, 2);
}

ScenarioResult RunLossy(const ScenarioRun& run) {
  const LinkQuality link{
      .loss_percent = 4, .repeat_percent = 2, .delay = Millis(15), .jitter = Millis(8)};
  World world({.seed = run.seed, .workers = 2, .uplink = link, .downlink = link});
  for (std::size_t i = 0; i < 4; ++i) JoinRoom(world, i % 2);
  ActUntil(world, world.now() + run.duration, Millis(300), [&] {
    if (world.rng().Below(2) == 0)
      PauseSomething(world);
    else
      SwitchSomeLayer(world);
  });
  return Finish(world, 2);
}

constexpr std::array<Scenario, 6> kScenarios = {{
    {"churn", "a room whose members come, go, pause and switch layers", &RunChurn},
    {"mute", "publications are muted and unmuted", &RunMute},
    {"layer_flap", "subscribers change their wanted layer without rest", &RunLayerFlap},
    {"eviction", "members are thrown out as fast as they connect, and do not notice", &RunEviction},
    {"two_workers", "subscriptions across workers come and go", &RunTwoWorkers},
    {"lossy", "links lose, repeat and reorder, both ways", &RunLossy},
}};

}  // namespace

std::span<const Scenario> Scenarios() { return kScenarios; }

const Scenario* FindScenario(std::string_view name) {
  const auto it = std::find_if(kScenarios.begin(), kScenarios.end(),
                               [name](const Scenario& known) { return known.name == name; });
  return it == kScenarios.end() ? nullptr : &*it;
}

std::string ReproCommand(const Scenario& scenario, const ScenarioRun& run) {
  std::string command = "sim --scenario " + std::string(scenario.name) + " --seed " +
                        std::to_string(run.seed) + " --millis " +
                        std::to_string(ToMillis(run.duration));
  if (run.evictions_min > 0) command += " --evictions " + std::to_string(run.evictions_min);
  return command;
}

}  // namespace fovea::test
