// Layer selection. See layer_selector.h.
#include "sfu/router/layer_selector.h"

#include <algorithm>

#include "sfu/core/check.h"

namespace fovea::router {
namespace {

LayerChoice DropFor(DropReason reason) {
  LayerChoice choice;
  choice.reason = reason;
  return choice;
}

LayerChoice ForwardIf(bool wanted) {
  LayerChoice choice;
  choice.forward = wanted;
  return choice;
}

}  // namespace

void LayerSelector::SetTarget(Layers target) {
  target_ = target;
  // A pause ends the run; going on needs a new key frame, because the decoder missed frames.
  if (target.is_none()) current_ = kNoLayers;
}

void LayerSelector::NoteAlive(std::uint8_t layer, Instant last_packet_at) {
  FOVEA_CHECK(layer < sources_.size());
  sources_[layer].last_packet_at = std::max(sources_[layer].last_packet_at, last_packet_at);
  newest_packet_at_ = std::max(newest_packet_at_, last_packet_at);
}

bool LayerSelector::IsAlive(std::size_t layer) const {
  const Instant last = sources_[layer].last_packet_at;
  return last != Instant::min() && newest_packet_at_ - last <= kSilentAfter;
}

// The living layer closest below the target, else the closest above it: too good a picture is
// better than none. The target itself while nothing lives.
std::int8_t LayerSelector::WantedLayer() const {
  for (int layer = static_cast<int>(target_.spatial); layer >= 0; --layer) {
    if (IsAlive(static_cast<std::size_t>(layer))) return static_cast<std::int8_t>(layer);
  }
  for (int layer = target_.spatial + 1; layer < static_cast<int>(sources_.size()); ++layer) {
    if (IsAlive(static_cast<std::size_t>(layer))) return static_cast<std::int8_t>(layer);
  }
  return target_.spatial;
}

// Is a key frame of `candidate` a reason to move there, on the way to `wanted`?
bool LayerSelector::IsBetter(std::int8_t candidate, std::int8_t wanted) const {
  if (candidate == wanted) return true;
  const bool has_picture =
      !current_.is_none() && IsAlive(static_cast<std::size_t>(current_.spatial));
  if (!has_picture) return candidate < wanted;
  return (current_.spatial < candidate && candidate < wanted) ||
         (wanted < candidate && candidate < current_.spatial);
}

void LayerSelector::Change(const PacketMeta& meta, Layers to) {
  if (to == current_) return;
  previous_ = current_;
  changed_at_ = meta.seq;
  current_ = to;
}

LayerChoice LayerSelector::Start(const PacketMeta& meta, Source before, std::int8_t spatial) {
  Change(meta, {spatial, target_.temporal});
  picture_ = meta.timestamp;
  LayerChoice choice = ForwardIf(true);
  choice.starts_run = true;
  choice.must_catch_up = meta.seq < before.newest_seq;
  return choice;
}

// Temporal layers may be left at any picture; they may be entered behind a frame that promises it,
// at one that refers to the base layer only, and at key frames.
void LayerSelector::OnNewPicture(const PacketMeta& meta) {
  picture_ = meta.timestamp;
  Layers next = current_;
  const auto temporal = static_cast<std::int8_t>(meta.frame.temporal);
  if (meta.frame.is_key_frame_start) {
    next.temporal = target_.temporal;
    if (mode_ == LayerMode::kSvc) next.spatial = target_.spatial;
  } else {
    next.temporal = std::min(next.temporal, target_.temporal);
    if (mode_ == LayerMode::kSvc) next.spatial = std::min(next.spatial, target_.spatial);
    if (meta.frame.starts_frame && next.temporal < target_.temporal) {
      if (meta.frame.temporal_up_ok && temporal <= next.temporal) {
        next.temporal = target_.temporal;
      } else if (meta.frame.layer_sync && temporal == next.temporal + 1) {
        next.temporal = temporal;  // one at a time: it does not speak for the layers between
      }
    }
  }
  Change(meta, next);
}

LayerChoice LayerSelector::SelectSimulcast(const PacketMeta& meta, Source before) {
  const auto layer = static_cast<std::int8_t>(meta.layer);
  if (layer == current_.spatial) {
    if (meta.timestamp != picture_) OnNewPicture(meta);
    return ForwardIf(static_cast<std::int8_t>(meta.frame.temporal) <= current_.temporal);
  }
  const std::int8_t wanted = WantedLayer();
  if (!IsBetter(layer, wanted)) return DropFor(DropReason::kLayerNotWanted);
  // A key frame whose first packet comes late still serves if the frame is the newest there is.
  const bool is_late = meta.seq < before.newest_seq;
  const bool is_usable = !is_late || meta.timestamp == before.newest_timestamp;
  if (meta.frame.is_key_frame_start && is_usable) return Start(meta, before, layer);
  return DropFor(layer == wanted && current_.is_none() ? DropReason::kWaitingForKeyFrame
                                                       : DropReason::kLayerNotWanted);
}

LayerChoice LayerSelector::SelectSvc(const PacketMeta& meta, Source before) {
  if (current_.is_none()) {
    const bool is_late = meta.seq < before.newest_seq;
    const bool is_usable = !is_late || meta.timestamp == before.newest_timestamp;
    if (!meta.frame.is_key_frame_start || !is_usable) {
      return DropFor(DropReason::kWaitingForKeyFrame);
    }
    LayerChoice choice = Start(meta, before, target_.spatial);
    choice.sets_marker = meta.frame.ends_frame && current_.spatial == 0;
    return choice;
  }
  if (meta.timestamp != picture_) OnNewPicture(meta);
  const auto spatial = static_cast<std::int8_t>(meta.frame.spatial);
  const auto temporal = static_cast<std::int8_t>(meta.frame.temporal);
  LayerChoice choice = ForwardIf(spatial <= current_.spatial && temporal <= current_.temporal);
  choice.sets_marker = choice.forward && spatial == current_.spatial && meta.frame.ends_frame;
  return choice;
}

LayerChoice LayerSelector::Select(const PacketMeta& meta) {
  FOVEA_CHECK(meta.layer < sources_.size());
  Source& source = sources_[meta.layer];
  const Source before = source;
  source.last_packet_at = meta.arrived_at;
  newest_packet_at_ = std::max(newest_packet_at_, meta.arrived_at);
  if (meta.seq > source.newest_seq) {
    source.newest_seq = meta.seq;
    source.newest_timestamp = meta.timestamp;
  }
  if (target_.is_none()) return DropFor(DropReason::kMuted);
  switch (mode_) {
    case LayerMode::kAudio: {
      LayerChoice choice = ForwardIf(true);
      choice.starts_run = current_.is_none();
      current_ = target_;
      return choice;
    }
    case LayerMode::kSimulcast:
      return SelectSimulcast(meta, before);
    case LayerMode::kSvc:
      return SelectSvc(meta, before);
  }
  return DropFor(DropReason::kLayerNotWanted);
}

bool LayerSelector::WantsLate(const PacketMeta& meta) const {
  if (target_.is_none()) return false;
  if (mode_ == LayerMode::kAudio) return true;
  Layers then = current_;
  if (mode_ == LayerMode::kSimulcast && static_cast<std::int8_t>(meta.layer) != current_.spatial) {
    then = previous_;  // the layer that was left; the rewriter knows which of its packets are due
  } else if (meta.seq < changed_at_) {
    then = previous_;
  }
  const auto temporal = static_cast<std::int8_t>(meta.frame.temporal);
  const auto spatial =
      static_cast<std::int8_t>(mode_ == LayerMode::kSvc ? meta.frame.spatial : meta.layer);
  return mode_ == LayerMode::kSvc ? spatial <= then.spatial && temporal <= then.temporal
                                  : spatial == then.spatial && temporal <= then.temporal;
}

std::optional<std::uint8_t> LayerSelector::NeedsKeyFrame() const {
  if (mode_ == LayerMode::kAudio || target_.is_none()) return std::nullopt;
  if (mode_ == LayerMode::kSvc) {
    if (current_.is_none() || current_.spatial < target_.spatial) return std::uint8_t{0};
    return std::nullopt;
  }
  const std::int8_t wanted = WantedLayer();
  if (wanted == current_.spatial) return std::nullopt;
  return static_cast<std::uint8_t>(wanted);
}

}  // namespace fovea::router
