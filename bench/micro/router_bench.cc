// One subscription's work for one packet: choose, number, note for NACKs and reports.
#include <benchmark/benchmark.h>

#include "sfu/router/packet_meta.h"
#include "sfu/router/subscription.h"

namespace fovea::bench {
namespace {

constexpr Instant kStart{Seconds(1000)};

// The next packet of a VP8 stream with eight packets to the frame, the first frame a key frame.
void Advance(router::PacketMeta& meta) {
  const std::int64_t number = meta.seq.value() + 1 - (std::int64_t{1} << 16);
  meta.seq = ExtSeq{meta.seq.value() + 1};
  meta.arrived_at = kStart + Micros(number * 400);
  meta.frame.starts_frame = number % 8 == 0;
  meta.frame.is_key_frame_start = number == 0;
  meta.marker = number % 8 == 7;
  if (!meta.frame.starts_frame) return;
  const auto frame = static_cast<std::uint32_t>(number / 8);
  meta.timestamp = RtpTimestamp{frame * 3000};
  meta.frame.ids = {static_cast<std::uint16_t>(frame & 0x7fff), static_cast<std::uint8_t>(frame),
                    0};
}

void RouterForwardVp8(benchmark::State& state) {
  router::Subscription subscription({.ssrc = Ssrc{1},
                                     .rtx_ssrc = Ssrc{2},
                                     .payload_type = PayloadType{96},
                                     .rtx_payload_type = PayloadType{97},
                                     .codec = rtp::Codec::kVp8,
                                     .mode = router::LayerMode::kSimulcast,
                                     .first_seq = 100});
  subscription.SetTarget(router::kAllLayers);
  router::PacketMeta meta;
  meta.seq = ExtSeq{(std::int64_t{1} << 16) - 1};
  meta.payload_bytes = 1188;
  meta.codec = rtp::Codec::kVp8;
  meta.frame.picture_id_bits = 15;
  meta.frame.has_tl0_pic_idx = true;
  std::uint64_t forwarded = 0;
  std::uint64_t packets = 0;
  for (auto _ : state) {
    Advance(meta);
    forwarded += subscription.Forward(meta.arrived_at, meta).forward ? 1 : 0;
    ++packets;
  }
  if (forwarded != packets) state.SkipWithError("packets were left out");
}
BENCHMARK(RouterForwardVp8);

void RouterForwardOpus(benchmark::State& state) {
  router::Subscription subscription({.ssrc = Ssrc{1},
                                     .payload_type = PayloadType{111},
                                     .codec = rtp::Codec::kOpus,
                                     .mode = router::LayerMode::kAudio,
                                     .first_seq = 100});
  subscription.SetTarget(router::kAllLayers);
  router::PacketMeta meta;
  meta.payload_bytes = 160;
  meta.codec = rtp::Codec::kOpus;
  meta.frame.is_key_frame_start = meta.frame.starts_frame = meta.frame.ends_frame = true;
  std::int64_t number = std::int64_t{1} << 16;
  for (auto _ : state) {
    meta.seq = ExtSeq{++number};
    meta.arrived_at = kStart + Millis(number * 20);
    meta.timestamp = RtpTimestamp{static_cast<std::uint32_t>(number * 960)};
    benchmark::DoNotOptimize(subscription.Forward(meta.arrived_at, meta));
  }
}
BENCHMARK(RouterForwardOpus);

}  // namespace
}  // namespace fovea::bench
