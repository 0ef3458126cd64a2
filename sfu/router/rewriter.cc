// Sequence numbers and timestamps of a subscription. See rewriter.h.
#include "sfu/router/rewriter.h"

#include <algorithm>

#include "sfu/core/check.h"

namespace fovea::router {
namespace {

// A run may be placed this much later than its capture time says, so as not to go backwards: 75 ms,
// beyond which lips and voice are seen to part, and one frame at 30 Hz. Larger: worse
// synchronisation after a layer switch. Smaller: more runs placed by arrival, which has jitter.
constexpr Duration kLatenessMax = Millis(75 + 33);

// Capture times (or the source's own timestamps) that disagree with arrival by more are not
// believed: a sender that restarts its clock must not throw the receiver's off.
constexpr Duration kDisagreementMax = Seconds(2);

// Outgoing numbers of this time are remembered, if the log's limit allows. Larger: memory for each
// subscription. Smaller: late NACKs are not understood. The track's packets are kept as long.
constexpr Duration kLogKept = Seconds(1);

}  // namespace

RtpRewriter::RtpRewriter(const Config& config)
    : config_(config),
      log_({config.log_slots, static_cast<std::uint32_t>(Ticks(kLogKept))}),
      out_(std::int64_t{config.first_seq} + 0xffff) {}

std::int64_t RtpRewriter::Ticks(Duration elapsed) const {
  return ToMicros(elapsed) * std::int64_t{config_.clock_rate} / 1'000'000;
}

std::int64_t RtpRewriter::CaptureDistance(WallMicros to, WallMicros from) const {
  // Senders write what they like into reports; an hour is far beyond kDisagreementMax.
  constexpr std::int64_t kHour = std::int64_t{3600} * 1'000'000;
  return Ticks(Micros(std::clamp(to.value - from.value, -kHour, kHour)));
}

RtpRewriter::Order RtpRewriter::Classify(std::uint8_t layer, ExtSeq seq) {
  FOVEA_CHECK(layer < runs_.size());
  const Run& run = runs_[layer];
  if (seq.value() > run.newest_source) return Order::kNext;
  if (seq.value() < run.first_source) return Order::kNoPlace;
  const OutgoingSlot* slot = log_.FindSource(out_, layer, seq);
  if (slot == nullptr) return Order::kNoPlace;
  return slot->state == OutgoingSlot::State::kHole ? Order::kHole : Order::kDuplicate;
}

void RtpRewriter::KeepHoles(std::int64_t count) {
  // More than the log can hold is an outage, not loss to be repaired: one missing number tells the
  // receiver that something is gone.
  if (count >= static_cast<std::int64_t>(log_.capacity_max())) {
    ++out_;
    log_.Claim(out_, reference_.out);
    return;
  }
  const std::int64_t newest = runs_[layer_].newest_source;
  for (std::int64_t i = 1; i <= count; ++i) {
    OutgoingSlot& slot = log_.Claim(++out_, reference_.out);
    slot.state = OutgoingSlot::State::kHole;
    slot.layer = layer_ & 3U;
    slot.source_low = static_cast<std::uint32_t>(newest + i);
  }
}

std::uint32_t RtpRewriter::PlaceRun(const PacketMeta& meta) {
  if (!started_) return config_.first_timestamp.value();
  const std::int64_t by_arrival =
      Ticks(std::max(meta.arrived_at - reference_.arrived_at, Duration::zero()));
  std::int64_t distance = by_arrival;
  std::int64_t carried = 0;  // lateness that this placement keeps
  if (meta.captured_at.value != 0 && reference_.captured_at.value != 0) {
    distance = CaptureDistance(meta.captured_at, reference_.captured_at) - lateness_;
  } else if (meta.layer == layer_) {
    distance = static_cast<std::int32_t>(meta.timestamp.value() - reference_.source.value());
    carried = lateness_;
  }
  const std::int64_t disagreement = distance - by_arrival;
  if (disagreement > Ticks(kDisagreementMax) || disagreement < -Ticks(kDisagreementMax) ||
      1 - distance > Ticks(kLatenessMax)) {
    distance = std::max<std::int64_t>(by_arrival, 1);
    carried = 0;
  }
  const std::int64_t placed = std::max<std::int64_t>(distance, 1);
  lateness_ = carried + placed - distance;
  return reference_.out + static_cast<std::uint32_t>(placed);
}

OutgoingSlot& RtpRewriter::Forward(const PacketMeta& meta, bool starts_run) {
  FOVEA_CHECK(starts_run || (started_ && meta.layer == layer_));
  if (starts_run) {
    const std::uint32_t placed = PlaceRun(meta);
    layer_ = meta.layer;
    started_ = true;
    runs_[layer_].first_source = meta.seq.value();
    runs_[layer_].timestamp_offset = placed - meta.timestamp.value();
  } else {
    KeepHoles(meta.seq.value() - runs_[layer_].newest_source - 1);
  }
  runs_[layer_].newest_source = meta.seq.value();
  last_was_dropped_ = false;

  OutgoingSlot& slot = log_.Claim(++out_, meta.timestamp.value() + runs_[layer_].timestamp_offset);
  slot.state = OutgoingSlot::State::kSent;
  slot.layer = layer_ & 3U;
  slot.source_low = static_cast<std::uint32_t>(meta.seq.value());
  slot.marker = meta.marker ? 1 : 0;
  if (starts_run || slot.timestamp != reference_.out) {
    reference_ = {meta.timestamp, slot.timestamp, meta.arrived_at, meta.captured_at};
  }
  return slot;
}

void RtpRewriter::Drop(const PacketMeta& meta) {
  FOVEA_CHECK(started_ && meta.layer == layer_);
  const bool same_unwanted_frame = last_was_dropped_ && last_dropped_timestamp_ == meta.timestamp;
  const std::int64_t missing = meta.seq.value() - runs_[layer_].newest_source - 1;
  if (!same_unwanted_frame && missing > 0) KeepHoles(missing);
  runs_[layer_].newest_source = meta.seq.value();
  last_was_dropped_ = true;
  last_dropped_timestamp_ = meta.timestamp;
}

OutgoingSlot& RtpRewriter::Fill(const PacketMeta& meta) {
  OutgoingSlot* slot = log_.FindSource(out_, meta.layer, meta.seq);
  FOVEA_CHECK(slot != nullptr && slot->state == OutgoingSlot::State::kHole);
  slot->state = OutgoingSlot::State::kSent;
  slot->timestamp = meta.timestamp.value() + runs_[meta.layer].timestamp_offset;
  slot->marker = meta.marker ? 1 : 0;
  return *slot;
}

ExtSeq RtpRewriter::SourceOf(const OutgoingSlot& slot) const {
  const std::int64_t newest = runs_[slot.layer].newest_source;
  const auto behind =
      static_cast<std::int32_t>(slot.source_low - static_cast<std::uint32_t>(newest));
  return ExtSeq{newest + behind};
}

}  // namespace fovea::router
