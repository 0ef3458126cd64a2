#include "sfu/worker/uplink.h"

#include <algorithm>

#include "sfu/rtp/dependency_descriptor.h"
#include "sfu/rtp/frame_info.h"

namespace fovea::worker {
namespace {

std::uint32_t ClockOf(const control::AddPublication& description) {
  if (description.kind == control::MediaKind::kVideo) return 90000;
  const std::uint32_t clock =
      description.codecs.empty() ? 0 : rtp::ClockRate(description.codecs[0].codec);
  return clock == 0 ? 48000 : clock;
}

}  // namespace

Uplink::Uplink(const control::AddPublication& description, const UplinkTuning& tuning)
    : key_frames(tuning.key_frame_intervals),
      speaker(tuning.speaker),
      handle_(description.publication),
      session_(description.session),
      kind_(description.kind),
      clock_rate_(ClockOf(description)) {
  muted = description.muted;
  for (const control::LayerSource& source : description.layers) {
    Layer layer;
    layer.source = source;
    layer.stats.emplace(clock_rate_);
    layer.clock = router::SourceClock(clock_rate_);
    (void)layers_.TryPush(layer);  // same capacity as the command's list
  }
  if (layers_.empty()) {
    Layer layer;
    layer.stats.emplace(clock_rate_);
    layer.clock = router::SourceClock(clock_rate_);
    layers_.Push(layer);
  }
  Update(description);
}

void Uplink::Update(const control::AddPublication& description) {
  mid_ = description.mid;
  codecs_ = description.codecs;
  extensions_ = description.extensions;
  muted = description.muted;
  for (const control::LayerSource& source : description.layers) {
    const std::optional<std::uint8_t> known = LayerByRid(source.rid.view());
    if (!known.has_value()) continue;  // a track does not gain layers while it lives
    control::LayerSource& have = layers_[*known].source;
    if (source.ssrc != Ssrc{}) have.ssrc = source.ssrc;
    if (source.rtx_ssrc != Ssrc{}) have.rtx_ssrc = source.rtx_ssrc;
  }
}

std::optional<std::uint8_t> Uplink::LayerByRid(std::string_view rid) const {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (layers_[i].source.rid == rid) return static_cast<std::uint8_t>(i);
  }
  return std::nullopt;
}

bool Uplink::owns(Ssrc ssrc) const {
  for (const Layer& layer : layers_) {
    if (layer.source.ssrc == ssrc || layer.source.rtx_ssrc == ssrc) return ssrc != Ssrc{};
  }
  return false;
}

const control::CodecMapping* Uplink::CodecOf(PayloadType pt) const {
  for (const control::CodecMapping& codec : codecs_) {
    if (codec.pt == pt) return &codec;
  }
  return nullptr;
}

std::optional<PayloadType> Uplink::OriginalOf(PayloadType rtx_pt) const {
  for (const control::CodecMapping& codec : codecs_) {
    if (codec.has_rtx && codec.rtx_pt == rtx_pt) return codec.pt;
  }
  return std::nullopt;
}

std::optional<Uplink::Claim> Uplink::TryClaim(Ssrc ssrc, PayloadType pt,
                                              const rtp::ParsedExtensions& extensions) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (layers_[i].source.ssrc == ssrc) return Claim{static_cast<std::uint8_t>(i), false};
    if (layers_[i].source.rtx_ssrc == ssrc) return Claim{static_cast<std::uint8_t>(i), true};
  }
  // RFC 8843 section 9.2: the MID extension tells the section of an unknown SSRC.
  if (extensions.mid.empty() || extensions.mid != mid_.view()) return std::nullopt;
  const bool is_rtx = OriginalOf(pt).has_value();
  if (!is_rtx && CodecOf(pt) == nullptr) return std::nullopt;
  const std::string_view rid =
      is_rtx && !extensions.rrid.empty() ? extensions.rrid : extensions.rid;
  std::optional<std::uint8_t> layer;
  if (!rid.empty())
    layer = LayerByRid(rid);
  else if (layers_.size() == 1)
    layer = std::uint8_t{0};
  if (!layer.has_value()) return std::nullopt;
  Layer& claimed = layers_[*layer];
  if (is_rtx)
    claimed.source.rtx_ssrc = ssrc;
  else
    ChangeSsrc(claimed, ssrc);
  return Claim{*layer, is_rtx};
}

// Another SSRC on the same layer is another stream: the browser restarted its encoder. Its numbers
// go on behind the old ones, because a number that went back would look like a straggler.
void Uplink::ChangeSsrc(Layer& layer, Ssrc ssrc) {
  constexpr std::int64_t kCycle = 1 << 16;
  if (layer.unwrapper.started()) {
    layer.cycles = (layer.highest.value() / kCycle + 1) * kCycle;
    ++layer.epoch;
  }
  layer.source.ssrc = ssrc;
  layer.unwrapper.Reset();
  layer.nack = rtp::NackTracker{};
  layer.clock = router::SourceClock(clock_rate_);
  if (layer.stats.has_value()) layer.stats->Restart();
}

std::optional<DropReason> Uplink::ReadFrame(const Packet& packet, SlotMeta& meta) {
  if (kind_ == control::MediaKind::kAudio) {
    meta.packet.frame.is_key_frame_start = true;
    meta.packet.frame.starts_frame = true;
    meta.packet.frame.ends_frame = true;
    return std::nullopt;
  }
  std::optional<rtp::DependencyDescriptor> descriptor;
  if (!packet.extensions.dependency_descriptor.empty()) {
    if (structures_ == nullptr) {
      // Once per track that uses the extension, not per packet.
      structures_ =
          std::make_unique<std::array<rtp::DependencyStructure, limits::kSpatialLayersMax>>();
    }
    descriptor = rtp::ParseDependencyDescriptor(packet.extensions.dependency_descriptor,
                                                (*structures_)[packet.layer]);
    if (descriptor.has_value() && (*structures_)[packet.layer].spatial_count > 1) svc_ = true;
  }
  const std::optional<rtp::FrameInfo> frame =
      rtp::ParseFrameInfo(meta.packet.codec, packet.view.Payload(packet.bytes),
                          descriptor.has_value() ? &*descriptor : nullptr, packet.view.marker);
  if (!frame.has_value()) return DropReason::kDescriptorMalformed;
  meta.packet.frame = *frame;
  if (frame->spatial > 0) svc_ = true;
  return std::nullopt;
}

std::optional<DropReason> Uplink::Accept(Instant now, const Packet& packet, SlotMeta& meta) {
  Layer& layer = layers_[packet.layer];
  const control::CodecMapping* codec = CodecOf(packet.view.pt);
  if (codec == nullptr) return DropReason::kUnknownPayloadType;

  const ExtSeq unwrapped = layer.unwrapper.Unwrap(packet.view.seq);
  if (!packet.recovered && layer.stats.has_value()) {
    layer.stats->OnPacket(now, unwrapped, packet.view.ts, packet.bytes.size());
  }
  const ExtSeq seq{unwrapped.value() + layer.cycles};
  layer.highest = std::max(layer.highest, seq);
  switch (layer.nack.OnPacket(now, seq)) {
    case rtp::NackTracker::Verdict::kNew:
    case rtp::NackTracker::Verdict::kRecovered:
      break;
    case rtp::NackTracker::Verdict::kLost:
      if (kind_ == control::MediaKind::kVideo) {
        key_frames.Request(now, packet.layer, router::KeyFrameThrottle::Cause::kRepair);
      }
      break;
    case rtp::NackTracker::Verdict::kDuplicate:
      return DropReason::kDuplicate;
    case rtp::NackTracker::Verdict::kTooOld:
      return DropReason::kTooOld;
  }
  layer.last_packet_at = now;

  meta.publication = handle_;
  meta.epoch = layer.epoch;
  meta.payload_offset = packet.view.payload_offset;
  meta.descriptor_size = 0;
  meta.packet = {};
  meta.packet.seq = seq;
  meta.packet.arrived_at = now;
  meta.packet.captured_at = layer.clock.CapturedAt(packet.view.ts).value_or(WallMicros{0});
  meta.packet.timestamp = packet.view.ts;
  meta.packet.payload_bytes = packet.view.payload_length;
  meta.packet.layer = packet.layer;
  meta.packet.codec = codec->codec;
  meta.packet.marker = packet.view.marker;
  if (packet.extensions.audio_level.has_value()) {
    meta.packet.has_audio_level = true;
    meta.packet.voice_activity = packet.extensions.audio_level->voice;
    meta.packet.audio_level = packet.extensions.audio_level->minus_dbov;
  }
  if (packet.view.is_padding_only()) return std::nullopt;  // takes part in numbering only
  if (const auto reason = ReadFrame(packet, meta)) return reason;
  if (!packet.extensions.dependency_descriptor.empty()) {
    const auto offset = packet.extensions.dependency_descriptor.data() - packet.bytes.data();
    meta.descriptor_offset = static_cast<std::uint16_t>(offset);
    meta.descriptor_size =
        static_cast<std::uint16_t>(packet.extensions.dependency_descriptor.size());
  }
  if (meta.packet.frame.is_key_frame_start && kind_ == control::MediaKind::kVideo) {
    key_frames.OnKeyFrame(packet.layer);
  }
  return std::nullopt;
}

void Uplink::OnSenderReport(Instant now, const rtp::SenderReport& report) {
  for (Layer& layer : layers_) {
    if (layer.source.ssrc != report.sender || report.sender == Ssrc{}) continue;
    layer.clock.OnSenderReport(report.ntp, report.rtp_timestamp);
    if (layer.stats.has_value()) layer.stats->OnSenderReport(now, report);
  }
}

}  // namespace fovea::worker
