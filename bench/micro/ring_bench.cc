// The rings between threads, with the packet references that cross them.
#include <benchmark/benchmark.h>

#include "sfu/ring/spsc_ring.h"
#include "sfu/worker/lanes.h"

namespace fovea::bench {
namespace {

void RingPushThenDrainOneThread(benchmark::State& state) {
  ring::SpscRing<worker::PacketRef> ring(limits::kMediaLane);
  const auto batch = static_cast<std::size_t>(state.range(0));
  std::uint64_t sum = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < batch; ++i) {
      benchmark::DoNotOptimize(ring.TryPush({nullptr, {}, static_cast<std::uint32_t>(i), 0}));
    }
    ring.Drain(batch, [&](const worker::PacketRef& ref) { sum += ref.index; });
  }
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(RingPushThenDrainOneThread)->Arg(1)->Arg(32);

// Thread 0 pushes, thread 1 drains; one iteration is one packet on both. Wants a second idle core.
void RingAcrossThreads(benchmark::State& state) {
  static ring::SpscRing<worker::PacketRef> ring(limits::kMediaLane);
  if (state.thread_index() == 0) {
    for (auto _ : state) {
      while (!ring.TryPush({})) {
      }
    }
    state.SetItemsProcessed(state.iterations());
    return;
  }
  std::uint64_t waiting = 0;  // drained ahead of the iterations that count them
  for (auto _ : state) {
    while (waiting == 0) waiting = ring.Drain(32, [](const worker::PacketRef&) {});
    --waiting;
  }
}
BENCHMARK(RingAcrossThreads)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace fovea::bench
