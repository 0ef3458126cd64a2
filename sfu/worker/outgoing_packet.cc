#include "sfu/worker/outgoing_packet.h"

#include <array>
#include <cstring>

#include "sfu/core/check.h"
#include "sfu/rtp/frame_info.h"
#include "sfu/rtp/rtx.h"

namespace fovea::worker {
namespace {

// First packets of an SSRC, which name their section (RFC 8843 section 9.2). They may arrive before
// the description that announces the SSRC was applied: Firefox then gives them to any section of
// their payload type, and never takes them back. 256 audio packets are five seconds.
constexpr std::int64_t kNamedPackets = 256;

// VP8 and VP9 number their pictures in the payload; the other codecs in the dependency descriptor.
bool NumbersPicturesInPayload(const Downlink& downlink) {
  const rtp::Codec codec = downlink.subscription.config().codec;
  return codec == rtp::Codec::kVp8 || codec == rtp::Codec::kVp9;
}

using DescriptorBuffer = std::array<std::uint8_t, limits::kDependencyDescriptorBytesMax>;

// `buffer` holds the changed descriptor until the extensions are written.
void AddDescriptor(const Downlink& downlink, const Outgoing& out, DescriptorBuffer& buffer,
                   rtp::ExtensionWriter& extensions) {
  const std::uint8_t id = downlink.extensions.IdOf(rtp::ExtensionUri::kDependencyDescriptor);
  // Where the payload has the numbers, those of the descriptor are not rewritten: it stays behind.
  if (id == 0 || NumbersPicturesInPayload(downlink)) return;
  if (out.descriptor.empty() || out.descriptor.size() > buffer.size()) return;
  std::memcpy(buffer.data(), out.descriptor.data(), out.descriptor.size());
  const MutableByteSpan copy(buffer.data(), out.descriptor.size());
  if (out.header.has_picture_ids)
    (void)rtp::RewriteFrameNumber(copy, out.header.picture_ids.picture_id);
  extensions.Add(id, copy);
}

void AddOrientation(const Downlink& downlink, const Outgoing& out,
                    rtp::ExtensionWriter& extensions) {
  if (!out.meta.has_orientation) return;
  const std::uint8_t raw = out.meta.orientation;
  extensions.AddVideoOrientation(
      downlink.extensions.IdOf(rtp::ExtensionUri::kVideoOrientation),
      {(raw & 8) != 0, (raw & 4) != 0, static_cast<std::uint8_t>(raw & 3)});
}

ByteSpan PayloadOf(const Outgoing& out) { return out.header.is_blank ? ByteSpan{} : out.payload; }

}  // namespace

bool WriteOutgoingHeader(const Downlink& downlink, const Outgoing& out, ExtSeq seq,
                         ByteWriter& writer) {
  const router::SubscriptionConfig& config = downlink.subscription.config();
  const ExtSeq first =
      SeqUnwrapper::First(out.over_rtx() ? config.first_rtx_seq : config.first_seq);
  rtp::ExtensionWriter extensions;
  if (seq.value() < first.value() + kNamedPackets) {
    extensions.AddText(downlink.extensions.IdOf(rtp::ExtensionUri::kMid), downlink.mid.view());
  }
  if (out.meta.has_audio_level) {
    extensions.AddAudioLevel(downlink.extensions.IdOf(rtp::ExtensionUri::kAudioLevel),
                             {out.meta.audio_level, out.meta.voice_activity});
  }
  DescriptorBuffer descriptor;
  AddDescriptor(downlink, out, descriptor, extensions);
  AddOrientation(downlink, out, extensions);
  std::array<std::uint8_t, kOutgoingHeaderBytesMax> block_bytes;
  ByteWriter block(block_bytes);
  if (!extensions.Write(block)) return false;

  const rtp::RtpHeaderFields fields{
      .marker = out.header.marker,
      .pt = out.over_rtx() ? config.rtx_payload_type : config.payload_type,
      .seq = ToWire(seq),
      .ts = out.header.timestamp,
      .ssrc = out.over_rtx() ? config.rtx_ssrc : config.ssrc,
  };
  return rtp::WriteRtpHeader(fields, block.written(), writer);
}

std::size_t OutgoingPayloadBytes(const Outgoing& out) {
  return PayloadOf(out).size() + (out.over_rtx() ? rtp::kOsnBytes : 0);
}

ByteSpan AssembleOutgoingPayload(const Downlink& downlink, const Outgoing& out,
                                 MutableByteSpan place) {
  const ByteSpan payload = PayloadOf(out);
  const bool patch =
      out.header.has_picture_ids && NumbersPicturesInPayload(downlink) && !payload.empty();
  if (!patch && !out.over_rtx()) return payload;
  const MutableByteSpan whole = place.first(OutgoingPayloadBytes(out));
  const MutableByteSpan copy = whole.last(payload.size());
  if (out.over_rtx()) StoreBe16(whole.data(), out.header.seq);
  if (!payload.empty()) std::memcpy(copy.data(), payload.data(), payload.size());
  if (patch) {
    (void)rtp::RewritePictureIds(downlink.subscription.config().codec, copy,
                                 out.header.picture_ids);
  }
  return whole;
}

}  // namespace fovea::worker
