// What is read of every packet that a publisher sends.
#include <benchmark/benchmark.h>

#include <array>

#include "bench/fanout/vp8_source.h"
#include "sfu/rtp/extensions.h"
#include "sfu/rtp/frame_info.h"
#include "sfu/rtp/header.h"

namespace fovea::bench {
namespace {

rtp::ExtensionMap Extensions() {
  rtp::ExtensionMap map;
  FOVEA_CHECK(map.TrySet(rtp::ExtensionUri::kTransportCc, Vp8Source::kTransportCcId));
  return map;
}

void RtpParseHeader(benchmark::State& state) {
  Vp8Source source;
  const ByteSpan packet = source.Next().bytes;
  for (auto _ : state) benchmark::DoNotOptimize(rtp::RtpView::Parse(packet));
}
BENCHMARK(RtpParseHeader);

void RtpParseHeaderAndExtensions(benchmark::State& state) {
  Vp8Source source;
  const ByteSpan packet = source.Next().bytes;
  const rtp::ExtensionMap map = Extensions();
  for (auto _ : state) {
    const auto view = rtp::RtpView::Parse(packet);
    benchmark::DoNotOptimize(rtp::ParsedExtensions::Parse(packet, *view, map));
  }
}
BENCHMARK(RtpParseHeaderAndExtensions);

void RtpParseVp8Frame(benchmark::State& state) {
  Vp8Source source;
  const ByteSpan packet = source.Next().bytes;
  const auto view = rtp::RtpView::Parse(packet);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        rtp::ParseFrameInfo(rtp::Codec::kVp8, view->Payload(packet), nullptr, view->marker));
  }
}
BENCHMARK(RtpParseVp8Frame);

}  // namespace
}  // namespace fovea::bench
