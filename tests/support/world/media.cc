#include "tests/support/world/media.h"

#include <algorithm>
#include <array>

#include "sfu/core/check.h"
#include "sfu/rtp/header.h"

namespace fovea::test {
namespace {

constexpr std::size_t kVp8DescriptorBytes = 6;
constexpr std::size_t kVp8KeyFrameHeaderBytes = 10;
constexpr std::size_t kVideoStampAt = kVp8DescriptorBytes + kVp8KeyFrameHeaderBytes;
constexpr std::uint32_t kVideoTicksPerFrame = 90000 / 15;
constexpr std::uint32_t kAudioTicksPerFrame = 48000 / 50;
constexpr std::size_t kHistoryPackets = 512;
constexpr std::uint32_t kMagic = 0xf0f1;

}  // namespace

rtp::ExtensionMap TestExtensions() {
  rtp::ExtensionMap map;
  std::uint8_t id = 1;
  for (const rtp::ExtensionUri uri :
       {rtp::ExtensionUri::kMid, rtp::ExtensionUri::kRid, rtp::ExtensionUri::kRrid,
        rtp::ExtensionUri::kAudioLevel, rtp::ExtensionUri::kTransportCc}) {
    FOVEA_CHECK(map.TrySet(uri, id++));
  }
  return map;
}

std::optional<Stamp> ReadStamp(control::MediaKind kind, ByteSpan payload) {
  const std::size_t at = kind == control::MediaKind::kVideo ? kVideoStampAt : 0;
  if (payload.size() < at + Stamp::kBytes + 2) return std::nullopt;
  ByteReader in(payload.subspan(at));
  Stamp stamp;
  stamp.publication = in.U64();
  stamp.layer = in.U8();
  const std::uint8_t flags = in.U8();
  stamp.is_key_frame = (flags & 1) != 0;
  stamp.temporal = static_cast<std::uint8_t>(flags >> 1);
  stamp.packet = in.U8();
  in.Skip(1);
  stamp.frame = in.U32();
  stamp.seq = static_cast<std::int64_t>(in.U64());
  if (in.U16() != kMagic) return std::nullopt;
  return stamp;
}

MediaStream::MediaStream(const Options& options, std::uint64_t seed)
    : options_(options),
      rng_(seed),
      next_seq_(std::int64_t{options.first_seq} + 65536),
      next_rtx_seq_(std::int64_t{rng_.Next16()} + 65536),
      timestamp_(rng_.Next32()),
      picture_id_(static_cast<std::uint16_t>(rng_.Next16() & 0x7fff)),
      tl0_(static_cast<std::uint8_t>(rng_.Next16())) {}

void MediaStream::ChangeSsrc(Ssrc ssrc, std::uint16_t first_seq) {
  options_.ssrc = ssrc;
  next_seq_ = std::int64_t{first_seq} + 65536;
  timestamp_ = rng_.Next32();
  wants_key_frame_ = true;
  history_.clear();
}

std::vector<std::uint8_t> MediaStream::Payload(const Stamp& stamp) {
  const bool is_video = options_.kind == control::MediaKind::kVideo;
  const std::size_t size = is_video ? 100 + rng_.Below(900) : 40 + rng_.Below(80);
  std::vector<std::uint8_t> bytes(size);
  ByteWriter out(bytes);
  if (is_video) {
    out.U8(static_cast<std::uint8_t>(0x80 | (stamp.packet == 0 ? 0x10 : 0)));
    out.U8(0xe0);  // picture id, TL0PICIDX and TID follow
    out.U16(static_cast<std::uint16_t>(0x8000 | picture_id_));
    out.U8(tl0_);
    // The upper temporal layer refers to the base layer only.
    out.U8(static_cast<std::uint8_t>((stamp.temporal << 6) | (stamp.temporal > 0 ? 0x20 : 0)));
    // RFC 7741 section 4.3: the P bit is clear in key frames; start code; 320x180.
    out.U8(stamp.is_key_frame ? 0x10 : 0x11);
    out.U16(0);
    out.U24(0x9d012a);
    out.U32(0x4001b400);
  }
  out.U64(stamp.publication);
  out.U8(stamp.layer);
  out.U8(static_cast<std::uint8_t>((stamp.temporal << 1) | (stamp.is_key_frame ? 1 : 0)));
  out.U8(stamp.packet);
  out.U8(0);
  out.U32(stamp.frame);
  out.U64(static_cast<std::uint64_t>(stamp.seq));
  out.U16(kMagic);
  FOVEA_CHECK(!out.failed());
  return bytes;
}

MadePacket MediaStream::Wrap(const Sent& sent, ExtSeq seq, bool is_rtx, std::uint16_t& wide_seq) {
  const rtp::ExtensionMap map = TestExtensions();
  rtp::ExtensionWriter extensions;
  extensions.AddText(map.IdOf(rtp::ExtensionUri::kMid), options_.mid);
  extensions.AddText(map.IdOf(is_rtx ? rtp::ExtensionUri::kRrid : rtp::ExtensionUri::kRid),
                     options_.rid);
  if (options_.kind == control::MediaKind::kAudio) {
    extensions.AddAudioLevel(map.IdOf(rtp::ExtensionUri::kAudioLevel), {dbov_, dbov_ < 60});
  }
  extensions.AddTransportCc(map.IdOf(rtp::ExtensionUri::kTransportCc), wide_seq++);
  std::array<std::uint8_t, 64> block_bytes;
  ByteWriter block(block_bytes);
  FOVEA_CHECK(extensions.Write(block));
  const bool is_video = options_.kind == control::MediaKind::kVideo;
  const PayloadType pt = is_rtx ? kVp8RtxPt : is_video ? kVp8Pt : kOpusPt;
  const std::int64_t number = is_rtx ? next_rtx_seq_++ : seq.value();
  MadePacket packet;
  packet.seq = ExtSeq{number};
  packet.bytes.resize(limits::kDatagramBytesMax);
  ByteWriter out(packet.bytes);
  FOVEA_CHECK(rtp::WriteRtpHeader({.marker = sent.marker,
                                   .pt = pt,
                                   .seq = static_cast<std::uint16_t>(number),
                                   .ts = RtpTimestamp{sent.timestamp},
                                   .ssrc = is_rtx ? options_.rtx_ssrc : options_.ssrc},
                                  block.written(), out));
  packet.header_bytes = out.size();
  if (is_rtx) out.U16(static_cast<std::uint16_t>(seq.value()));
  out.Bytes(sent.payload);
  FOVEA_CHECK(!out.failed());
  packet.bytes.resize(out.size());
  return packet;
}

std::vector<MadePacket> MediaStream::NextFrame(std::uint16_t& wide_seq) {
  const bool is_video = options_.kind == control::MediaKind::kVideo;
  const bool is_key = is_video && wants_key_frame_;
  wants_key_frame_ = false;
  timestamp_ += is_video ? kVideoTicksPerFrame : kAudioTicksPerFrame;
  Stamp stamp{.publication = options_.publication.bits(), .layer = options_.layer};
  stamp.is_key_frame = is_key;
  stamp.temporal = is_video && !is_key && frame_ % 2 == 1 ? 1 : 0;
  stamp.frame = frame_++;
  picture_id_ = static_cast<std::uint16_t>((picture_id_ + 1) & 0x7fff);
  if (stamp.temporal == 0) ++tl0_;
  if (is_key) ++key_frames_;
  std::vector<MadePacket> packets;
  const int count = options_.packets_per_frame * (is_key ? 2 : 1);
  for (int i = 0; i < count; ++i) {
    stamp.packet = static_cast<std::uint8_t>(i);
    stamp.seq = next_seq_++;
    Sent sent{timestamp_, is_video && i + 1 == count, Payload(stamp)};
    packets.push_back(Wrap(sent, ExtSeq{stamp.seq}, false, wide_seq));
    ++packets_;
    if (!is_video) continue;
    history_[static_cast<std::uint16_t>(stamp.seq)] = std::move(sent);
    history_.erase(static_cast<std::uint16_t>(stamp.seq - static_cast<int>(kHistoryPackets)));
  }
  return packets;
}

std::optional<MadePacket> MediaStream::Retransmit(std::uint16_t seq, std::uint16_t& wide_seq) {
  const auto sent = history_.find(seq);
  if (sent == history_.end() || options_.rtx_ssrc == Ssrc{}) return std::nullopt;
  return Wrap(sent->second, ExtSeq{seq}, true, wide_seq);
}

}  // namespace fovea::test
