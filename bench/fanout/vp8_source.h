// A VP8 publisher's RTP packets before SRTP: one key frame, then delta frames of eight packets,
// with picture ids as Chromium writes them, and a transport-wide sequence number.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "bench/fanout/fan_out.h"
#include "sfu/core/bytes.h"
#include "sfu/core/check.h"
#include "sfu/core/strong_id.h"
#include "sfu/rtp/extensions.h"
#include "sfu/rtp/header.h"

namespace fovea::bench {

class Vp8Source {
 public:
  static constexpr Ssrc kSsrc{0x5eed};
  static constexpr PayloadType kPayloadType{96};
  static constexpr std::uint8_t kTransportCcId = 3;

  struct Packet {
    ExtSeq seq;
    std::size_t header_bytes = 0;
    ByteSpan bytes;  // valid until the next call
  };

  // The payload is as long as it takes for a packet without extensions to have kRtpPacketBytes.
  [[nodiscard]] Packet Next() {
    const bool first = packet_in_frame_ == 0;
    const bool last = packet_in_frame_ == kPacketsPerFrame - 1;
    const ExtSeq seq{(std::int64_t{1} << 16) + sent_};
    rtp::ExtensionWriter extensions;
    (void)extensions.AddTransportCc(kTransportCcId, static_cast<std::uint16_t>(sent_));
    std::array<std::uint8_t, 16> block_bytes;
    ByteWriter block(block_bytes);
    ByteWriter packet(bytes_);
    const rtp::RtpHeaderFields fields{.marker = last,
                                      .pt = kPayloadType,
                                      .seq = static_cast<std::uint16_t>(seq.value()),
                                      .ts = RtpTimestamp{static_cast<std::uint32_t>(frame_ * 3000)},
                                      .ssrc = kSsrc};
    FOVEA_CHECK(extensions.Write(block));
    FOVEA_CHECK(rtp::WriteRtpHeader(fields, block.written(), packet));
    const std::size_t header_bytes = packet.size();
    const std::size_t payload_bytes = kRtpPacketBytes - rtp::kFixedHeaderBytes;
    WritePayload(&bytes_[header_bytes], first);
    ++sent_;
    packet_in_frame_ = last ? 0 : packet_in_frame_ + 1;
    if (last) ++frame_;
    return {seq, header_bytes, ByteSpan(bytes_).first(header_bytes + payload_bytes)};
  }

 private:
  static constexpr int kPacketsPerFrame = 8;

  // RFC 7741 section 4.2 (X, I, L and T set) and, in a frame's first packet, section 4.3.
  void WritePayload(std::uint8_t* at, bool first) {
    at[0] = first ? 0x90 : 0x80;
    at[1] = 0xe0;
    StoreBe16(&at[2], static_cast<std::uint16_t>(0x8000 | (frame_ & 0x7fff)));
    at[4] = static_cast<std::uint8_t>(frame_);  // every frame is of temporal layer 0
    at[5] = 0;
    if (!first) return;
    const bool is_key_frame = frame_ == 0;
    at[6] = is_key_frame ? 0x10 : 0x11;
    if (!is_key_frame) return;
    constexpr std::array<std::uint8_t, 9> kTagAndSize = {0,    0,    0x9d, 0x01, 0x2a,
                                                         0x00, 0x05, 0xd0, 0x02};  // 1280 x 720
    std::copy(kTagAndSize.begin(), kTagAndSize.end(), &at[7]);
  }

  std::array<std::uint8_t, 1500> bytes_{};
  std::int64_t sent_ = 0;
  std::int64_t frame_ = 0;
  int packet_in_frame_ = 0;
};

}  // namespace fovea::bench
