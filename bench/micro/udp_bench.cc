// One send of 64 packets to 8 loopback destinations that drop them. Equal sizes make runs of eight,
// which leave as one segmented message each; growing sizes make none, and leave as 64 messages.
#include <benchmark/benchmark.h>

#include "bench/fanout/receivers.h"
#include "sfu/core/check.h"
#include "sfu/io/udp_port.h"

namespace fovea::bench {
namespace {

constexpr std::size_t kDestinations = 8;
constexpr std::size_t kPackets = 64;

void SendAll(benchmark::State& state, bool makes_runs) {
  Receivers receivers(kDestinations);
  for (std::size_t i = 0; i < kDestinations; ++i) receivers[i].StopReading();
  const auto port = io::UdpPort::Open({.bind = NetAddress::V4(0x7f000001, 0)});
  FOVEA_CHECK(port.ok());
  worker::TxBatch batch;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kPackets; ++i) {
      (void)batch.Reserve();
      const std::size_t size = static_cast<std::size_t>(state.range(0)) + (makes_runs ? 0 : i);
      batch.Commit(receivers[i % kDestinations].address(), size);
    }
    (*port)->Send(batch);
  }
  const auto packets = static_cast<double>(state.iterations() * static_cast<int>(kPackets));
  if (static_cast<double>((*port)->packets_sent()) != packets) state.SkipWithError("lost packets");
  if (!(*port)->segmentation_enabled()) state.SetLabel("segmentation refused");
  state.counters["per_packet"] =
      benchmark::Counter(packets, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void UdpSendSegmented(benchmark::State& state) { SendAll(state, true); }
void UdpSendOneByOne(benchmark::State& state) { SendAll(state, false); }
BENCHMARK(UdpSendSegmented)->Arg(1200)->Arg(172);
BENCHMARK(UdpSendOneByOne)->Arg(1200)->Arg(172);

}  // namespace
}  // namespace fovea::bench
