// Forwarding decisions of one subscription. See subscription.h.
#include "sfu/router/subscription.h"

#include <algorithm>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "sfu/core/seq.h"

namespace fovea::router {
namespace {

RtpRewriter::Config RewriterConfig(const SubscriptionConfig& config) {
  return {.clock_rate = rtp::ClockRate(config.codec),
          .first_seq = config.first_seq,
          .first_timestamp = config.first_timestamp,
          .log_slots =
              rtp::IsVideo(config.codec) ? limits::kOutgoingLogVideo : limits::kOutgoingLogAudio};
}

// In a scalable stream the source's own counters run on; only VP8, whose temporal layers are
// numbered through, and simulcast, whose layers count separately, need new ones.
bool MungesPictures(const SubscriptionConfig& config) {
  return rtp::IsVideo(config.codec) && config.mode == LayerMode::kSimulcast;
}

ForwardDecision DropFor(DropReason reason) {
  ForwardDecision decision;
  decision.reason = reason;
  return decision;
}

}  // namespace

Subscription::Subscription(const SubscriptionConfig& config)
    : config_(config),
      munges_pictures_(MungesPictures(config)),
      selector_(config.mode),
      rewriter_(RewriterConfig(config)),
      munger_(config.codec == rtp::Codec::kVp8 ? PictureMunger::Gaps::kClose
                                               : PictureMunger::Gaps::kKeep),
      next_rtx_seq_(config.first_rtx_seq) {}

bool Subscription::IsCurrentRun(const PacketMeta& meta) const {
  return rewriter_.started() && !selector_.current().is_none() && meta.layer == rewriter_.layer();
}

void Subscription::SetPictureIds(OutgoingSlot& slot, const PacketMeta& meta,
                                 const rtp::PictureIds& ids) const {
  slot.ids = ids;
  // Most subscribers get one layer whole, from its start: their ids are the source's.
  const bool same =
      ids.picture_id == meta.frame.ids.picture_id &&
      (!meta.frame.has_tl0_pic_idx || ids.tl0_pic_idx == meta.frame.ids.tl0_pic_idx) &&
      (!meta.frame.has_key_idx || ids.key_idx == meta.frame.ids.key_idx);
  slot.patched = same ? 0 : 1;
}

OutgoingHeader Subscription::HeaderOf(const OutgoingSlot& slot) {
  OutgoingHeader header;
  header.seq = slot.seq;
  header.timestamp = RtpTimestamp{slot.timestamp};
  header.marker = slot.marker != 0;
  header.is_blank = slot.state == OutgoingSlot::State::kBlanked;
  header.has_picture_ids = slot.patched != 0;
  header.picture_ids = slot.ids;
  return header;
}

void Subscription::CountSent(Instant now, const PacketMeta& meta, const OutgoingSlot& slot) {
  if (packets_ == 0) first_sent_at_ = now;
  ++packets_;
  if (slot.state == OutgoingSlot::State::kSent) octets_ += meta.payload_bytes;
}

ForwardDecision Subscription::Forward(Instant now, const PacketMeta& meta) {
  switch (rewriter_.Classify(meta.layer, meta.seq)) {
    case RtpRewriter::Order::kNext:
      return ForwardNext(now, meta);
    case RtpRewriter::Order::kHole:
      return ForwardLate(now, meta);
    case RtpRewriter::Order::kDuplicate:
      return DropFor(DropReason::kDuplicate);
    case RtpRewriter::Order::kNoPlace:
      return DropFor(DropReason::kTooOld);
  }
  return DropFor(DropReason::kTooOld);
}

ForwardDecision Subscription::ForwardNext(Instant now, const PacketMeta& meta) {
  if (meta.payload_bytes == 0) {
    if (IsCurrentRun(meta)) rewriter_.Drop(meta);
    return DropFor(DropReason::kPaddingOnly);
  }
  const LayerChoice choice = selector_.Select(meta);
  if (!choice.forward) {
    if (IsCurrentRun(meta)) {
      rewriter_.Drop(meta);
      if (munges_pictures_) munger_.Drop(meta.layer, meta.frame);
    }
    return DropFor(choice.reason);
  }
  OutgoingSlot& slot = rewriter_.Forward(meta, choice.starts_run);
  if (choice.sets_marker) slot.marker = 1;
  if (munges_pictures_) {
    const auto ids = munger_.Forward(meta.layer, meta.frame, choice.starts_run);
    if (ids) SetPictureIds(slot, meta, *ids);
  }
  NoteKeyFrame(meta, slot);
  CountSent(now, meta, slot);
  last_arrived_at_ = meta.arrived_at;
  last_timestamp_ = RtpTimestamp{slot.timestamp};
  last_captured_at_ = meta.captured_at;

  ForwardDecision decision;
  decision.forward = true;
  decision.header = HeaderOf(slot);
  decision.starts_run = choice.starts_run;
  decision.must_catch_up = choice.must_catch_up;
  return decision;
}

// Remembers where the last key frame began, while its number can still be told from newer ones.
void Subscription::NoteKeyFrame(const PacketMeta& meta, const OutgoingSlot& slot) {
  if (config_.mode == LayerMode::kAudio) return;
  if (meta.frame.is_key_frame_start) {
    // H.264 has several packets that can start one: the first counts.
    if (has_key_frame_ && key_frame_timestamp_ == slot.timestamp) return;
    has_key_frame_ = true;
    key_frame_seq_ = slot.seq;
    key_frame_timestamp_ = slot.timestamp;
  } else if (static_cast<std::uint16_t>(slot.seq - key_frame_seq_) > limits::kOutgoingLogVideo) {
    has_key_frame_ = false;
  }
}

ForwardDecision Subscription::ForwardLate(Instant now, const PacketMeta& meta) {
  if (selector_.target().is_none()) return DropFor(DropReason::kMuted);
  OutgoingSlot& slot = rewriter_.Fill(meta);
  bool wanted = meta.payload_bytes > 0 && selector_.WantsLate(meta);
  if (wanted && munges_pictures_ && !PictureMunger::CarriesNone(meta.frame)) {
    const auto ids = munger_.MapLate(meta.layer, meta.frame);
    if (ids) SetPictureIds(slot, meta, *ids);
    wanted = ids.has_value();
  }
  if (!wanted) {
    slot.state = OutgoingSlot::State::kBlanked;
    slot.marker = 0;
  } else if (config_.mode == LayerMode::kSvc && meta.frame.ends_frame &&
             static_cast<std::int8_t>(meta.frame.spatial) == selector_.current().spatial) {
    slot.marker = 1;
  }
  CountSent(now, meta, slot);
  ForwardDecision decision;
  decision.forward = true;
  decision.header = HeaderOf(slot);
  return decision;
}

NackAnswer Subscription::OnNack(Instant now, Duration rtt, std::uint16_t seq) {
  FOVEA_CHECK(rtt > Duration::zero());
  NackAnswer answer;
  OutgoingSlot* slot = rewriter_.Find(seq);
  if (slot == nullptr || selector_.current().is_none()) return answer;
  answer.layer = slot->layer;
  answer.source = rewriter_.SourceOf(*slot);
  answer.reason = DropReason::kRtxThrottled;
  if (has_key_frame_ && IsNewer(key_frame_seq_, seq)) return answer;
  if (slot->state == OutgoingSlot::State::kHole) {
    answer.kind = NackAnswer::Kind::kForward;
    return answer;
  }
  if (slot->resends >= limits::kResendsPerPacketMax) return answer;
  // The last copy may still be on its way.
  const auto tick = static_cast<std::uint8_t>(now.time_since_epoch() / OutgoingSlot::kResendTick);
  const auto ticks_since = static_cast<std::uint8_t>(tick - slot->resent_at);
  if (slot->resends > 0 && ticks_since * OutgoingSlot::kResendTick < rtt) return answer;
  slot->resent_at = tick;
  slot->resends = static_cast<std::uint8_t>((slot->resends + 1) & 3);
  answer.kind = NackAnswer::Kind::kResend;
  answer.header = HeaderOf(*slot);
  return answer;
}

std::optional<KeyFrameNeed> Subscription::PollKeyFrameNeed(Instant now) {
  const std::optional<std::uint8_t> layer = selector_.NeedsKeyFrame();
  const bool is_new = layer != needed_layer_;
  needed_layer_ = layer;
  if (!layer) return std::nullopt;
  if (!is_new && now - need_told_at_ < kKeyFrameReminder) return std::nullopt;
  need_told_at_ = now;
  return KeyFrameNeed{*layer,
                      is_new ? KeyFrameThrottle::Cause::kStart : KeyFrameThrottle::Cause::kRepair};
}

std::optional<std::uint8_t> Subscription::LayerToRepair() const {
  if (config_.mode == LayerMode::kAudio || selector_.current().is_none()) return std::nullopt;
  return rewriter_.layer();
}

std::optional<SenderReportNumbers> Subscription::SenderReportAt(Instant now,
                                                                WallMicros wall) const {
  if (packets_ == 0 || now - last_arrived_at_ > kReportIdleMax) return std::nullopt;
  const Duration since = std::max(now - last_arrived_at_, Duration::zero());
  WallMicros moment = wall;
  if (last_captured_at_.value != 0) {
    moment = WallMicros{last_captured_at_.value + ToMicros(since)};
  } else if (now - first_sent_at_ < kReportPatience) {
    return std::nullopt;
  }
  SenderReportNumbers out;
  out.ntp = ToNtp(moment);
  const std::int64_t ticks =
      ToMicros(since) * std::int64_t{rtp::ClockRate(config_.codec)} / 1'000'000;
  out.timestamp = RtpTimestamp{last_timestamp_.value() + static_cast<std::uint32_t>(ticks)};
  out.packets = packets_;
  out.octets = octets_;
  return out;
}

}  // namespace fovea::router
