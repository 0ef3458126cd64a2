// Builds packets as the router sees them. Shared by the router's unit tests.
#pragma once

#include <cstdint>

#include "sfu/router/packet_meta.h"

namespace fovea::router {

constexpr Instant At(Duration since_start) { return Instant{Seconds(1000)} + since_start; }

// A VP8 simulcast publisher: each layer has its own numbers, like Chrome's.
class Publisher {
 public:
  explicit Publisher(std::uint8_t layer, std::uint16_t first_seq = 1000)
      : layer_(layer),
        seq_(65536 + first_seq),
        picture_id_(static_cast<std::uint16_t>(1000 * layer + 100)),
        tl0_(static_cast<std::uint8_t>(50 * layer)),
        timestamp_(100000U * (layer + 1U)) {}

  // The first packet of a new picture, captured at `at`.
  PacketMeta Key(Duration at) {
    PacketMeta meta = Picture(at, 0);
    meta.frame.is_key_frame_start = true;
    return meta;
  }
  PacketMeta Delta(Duration at, std::uint8_t temporal = 0) { return Picture(at, temporal); }
  // A further packet of the same picture.
  PacketMeta More() {
    PacketMeta meta = last_;
    meta.seq = ExtSeq{++seq_};
    meta.frame.starts_frame = false;
    meta.frame.is_key_frame_start = false;
    last_ = meta;
    return meta;
  }
  // Capture times are known from now on.
  void Report() { reports_ = true; }

 private:
  PacketMeta Picture(Duration at, std::uint8_t temporal) {
    if (temporal == 0) ++tl0_;
    PacketMeta meta;
    meta.seq = ExtSeq{++seq_};
    meta.arrived_at = At(at);
    if (reports_) meta.captured_at = WallMicros{1'700'000'000'000'000 + ToMicros(at)};
    meta.timestamp = RtpTimestamp{timestamp_ + static_cast<std::uint32_t>(ToMicros(at) * 9 / 100)};
    meta.payload_bytes = 1000;
    meta.layer = layer_;
    meta.codec = rtp::Codec::kVp8;
    meta.frame.starts_frame = true;
    meta.frame.temporal = temporal;
    meta.frame.picture_id_bits = 15;
    meta.frame.has_tl0_pic_idx = true;
    picture_id_ = (picture_id_ + 1) & 0x7fff;
    meta.frame.ids = {picture_id_, tl0_, 0};
    last_ = meta;
    return meta;
  }

  std::uint8_t layer_;
  std::int64_t seq_;
  std::uint16_t picture_id_;
  std::uint8_t tl0_;
  std::uint32_t timestamp_;
  bool reports_ = false;
  PacketMeta last_;
};

}  // namespace fovea::router
