// Worker: what happens because time passed.
#include <algorithm>

#include "sfu/worker/worker.h"

namespace fovea::worker {
namespace {

// How often subscriptions are asked whether they still miss a key frame. Smaller: the first frame
// after a switch comes sooner; larger: fewer scans.
constexpr Duration kKeyFrameNeedInterval = Millis(30);
constexpr Duration kSpeakerInterval = Millis(200);
constexpr Duration kQualityInterval = Seconds(1);

}  // namespace

void Worker::HandleTimers(Instant now) {
  if (downlinks_.size() > 0 && now >= key_frame_needs_at_) {
    key_frame_needs_at_ = now + kKeyFrameNeedInterval;
    PollKeyFrameNeeds(now);
  }
  if (peers_.size() > 0 && now >= speakers_at_) {
    speakers_at_ = now + kSpeakerInterval;
    SampleSpeakers(now);
  }
  if (peers_.size() > 0 && now >= quality_at_) {
    quality_at_ = now + kQualityInterval;
    SampleQuality(now);
  }
  due_now_.clear();
  due_.Collect(now, due_now_);
  for (Peer* peer : due_now_) HandlePeerTimeout(now, *peer);
}

void Worker::HandlePeerTimeout(Instant now, Peer& peer) {
  if (peer.session.NextDeadline().IsDue(now)) {
    peer.session.HandleTimeout(now, *this);
    DrainSessionEvents(now, peer);
  }
  if (peer.connected) {
    SendFeedback(now, peer);
    if (now >= peer.report_at) SendReceiverReport(now, peer);
    SendSenderReports(now, peer);
  } else if (now >= peer.report_at) {
    peer.report_at = now + Seconds(1);
  }
  UpdateDue(peer);
}

void Worker::UpdateDue(Peer& peer) {
  Instant due = std::min(peer.session.NextDeadline().at, peer.report_at);
  if (peer.connected) {
    due = std::min(due, peer.arrivals.NextDeadline().at);
    for (Uplink* uplink : peer.uplinks) {
      due = std::min(due, uplink->key_frames.NextDeadline().at);
      for (const Uplink::Layer& layer : uplink->layers())
        due = std::min(due, layer.nack.NextDeadline().at);
    }
    for (const Downlink* downlink : peer.downlinks) due = std::min(due, downlink->sender_report_at);
  }
  due_.Set(peer, due);
}

void Worker::PollKeyFrameNeeds(Instant now) {
  downlinks_.ForEach([&](Downlink& downlink) {
    if (downlink.kind != control::MediaKind::kVideo) return;
    const auto need = downlink.subscription.PollKeyFrameNeed(now);
    if (need.has_value()) AskKeyFrame(now, downlink.publication, need->layer, need->cause);
  });
}

void Worker::SampleSpeakers(Instant now) {
  uplinks_.ForEach([&](Uplink& uplink) {
    if (uplink.kind() != control::MediaKind::kAudio) return;
    const float level = uplink.muted ? 0.0F : uplink.speaker.Level(now);
    const bool active = level > 0;
    if (active == uplink.speaker_was_active && level == uplink.speaker_level) return;
    uplink.speaker_was_active = active;
    uplink.speaker_level = level;
    PostSample(control::SpeakerLevel{uplink.handle(), level, active});
  });
}

void Worker::SampleQuality(Instant now) {
  (void)now;
  uplinks_.ForEach([&](Uplink& uplink) {
    const Peer* peer = peers_.Find(uplink.session());
    control::UplinkQuality quality;
    quality.publication = uplink.handle();
    for (Uplink::Layer& layer : uplink.layers()) {
      if (!layer.stats.has_value() || !layer.stats->started()) continue;
      const std::uint64_t packets = layer.stats->packets_total() - layer.reported_packets;
      const std::int64_t lost =
          std::max<std::int64_t>(0, layer.stats->cumulative_lost() - layer.reported_lost);
      quality.bytes += layer.stats->bytes_total() - layer.reported_bytes;
      layer.reported_packets = layer.stats->packets_total();
      layer.reported_lost = layer.stats->cumulative_lost();
      layer.reported_bytes = layer.stats->bytes_total();
      if (packets == 0) continue;  // muted or paused by dynacast: not a loss
      quality.packets_expected +=
          static_cast<std::uint32_t>(packets) + static_cast<std::uint32_t>(lost);
      quality.packets_lost += static_cast<std::uint32_t>(lost);
      quality.jitter_us = std::max(quality.jitter_us,
                                   static_cast<std::uint32_t>(ToMicros(layer.stats->JitterTime())));
    }
    if (peer != nullptr && peer->rtt.has_sample()) {
      quality.rtt_us = static_cast<std::uint32_t>(ToMicros(peer->rtt.value()));
    }
    if (quality.packets_expected > 0) PostSample(quality);
  });
  downlinks_.ForEach([&](Downlink& downlink) {
    if (downlink.packets_sent == 0 && downlink.packets_lost == 0) return;
    const Peer* peer = peers_.Find(downlink.session);
    control::DownlinkQuality quality;
    quality.subscription = downlink.handle;
    quality.packets_sent = downlink.packets_sent;
    quality.packets_lost = std::min(downlink.packets_lost, downlink.packets_sent);
    quality.jitter_us = downlink.jitter_us;
    quality.bytes = downlink.bytes_sent;
    if (peer != nullptr && peer->rtt.has_sample()) {
      quality.rtt_us = static_cast<std::uint32_t>(ToMicros(peer->rtt.value()));
    }
    downlink.packets_sent = 0;
    downlink.packets_lost = 0;
    downlink.bytes_sent = 0;
    PostSample(quality);
  });
}

}  // namespace fovea::worker
