// Worker: from an accepted packet to the subscribers, here and on other workers.
#include <algorithm>
#include <array>

#include "sfu/worker/worker.h"

namespace fovea::worker {
namespace {

// Packets taken from one lane per Poll. Larger: one busy neighbour delays our own subscribers.
constexpr std::size_t kLaneBudget = 256;
constexpr std::size_t kFeedbackBudget = 256;

// Whether a subscriber leaves the packet out because it gets and wants other layers, or wants none;
// and whether all do. One that waits for the packet's layer to begin wants it.
bool HasOtherLayers(const Downlink& downlink, const router::PacketMeta& packet) {
  const router::Layers current = downlink.subscription.current();
  const router::Layers target = downlink.subscription.target();
  const router::LayerMode mode = downlink.subscription.config().mode;
  if (mode == router::LayerMode::kAudio) return false;
  if (target.is_none()) return true;
  if (current.is_none()) return false;
  const auto temporal = static_cast<std::int8_t>(packet.frame.temporal);
  if (temporal > std::max(current.temporal, target.temporal)) return true;
  if (mode == router::LayerMode::kSvc) {
    const auto spatial = static_cast<std::int8_t>(packet.frame.spatial);
    return packet.layer != 0 || spatial > std::max(current.spatial, target.spatial);
  }
  const auto layer = static_cast<std::int8_t>(packet.layer);
  return layer != current.spatial && layer != target.spatial;
}
bool HaveOtherLayers(const Track& track, const router::PacketMeta& packet) {
  return std::all_of(track.downlinks.begin(), track.downlinks.end(),
                     [&](const Downlink* downlink) { return HasOtherLayers(*downlink, packet); });
}

// Whether a subscriber gets the packet's layer. If none does, those who want it wait for it to
// begin with a key frame.
bool HasLayer(const Downlink& downlink, const router::PacketMeta& packet) {
  const router::Layers current = downlink.subscription.current();
  if (downlink.subscription.config().mode != router::LayerMode::kSimulcast) {
    return !current.is_none();
  }
  return static_cast<std::int8_t>(packet.layer) == current.spatial;
}
bool HasSomebodyLayer(const Track& track, const router::PacketMeta& packet) {
  return std::any_of(track.downlinks.begin(), track.downlinks.end(),
                     [&](const Downlink* downlink) { return HasLayer(*downlink, packet); });
}

}  // namespace

std::optional<DropReason> Worker::Route(Instant now, const Uplink& uplink,
                                        ring::SlotIndex slot_index) {
  Slab::Slot& slot = slab_[slot_index];
  slot.meta.muted = uplink.muted;
  const auto own_bit = static_cast<std::uint16_t>(1U << config_.index);
  const auto others = static_cast<std::uint16_t>(uplink.routes & ~own_bit);
  const auto track = tracks_.find(uplink.handle());
  for (std::size_t worker = 0; worker < links_.mesh.workers(); ++worker) {
    if ((others & (1U << worker)) != 0) ShareWith(now, worker, uplink, slot_index);
  }
  const std::uint64_t forwarded_before = stats_.rtp_forwarded;
  if (track != tracks_.end()) Deliver(now, *track->second, slot);
  // Muted packets and padding go on as far as the subscriptions, which leave them out of their
  // numbering; they are dropped all the same.
  if (uplink.muted) return DropReason::kMuted;
  if (slot.meta.packet.payload_bytes == 0) return DropReason::kPaddingOnly;
  if (others != 0 || stats_.rtp_forwarded != forwarded_before) return std::nullopt;
  if (track == tracks_.end()) return DropReason::kNoSubscriber;
  if (HaveOtherLayers(*track->second, slot.meta.packet)) return DropReason::kLayerNotWanted;
  if (!HasSomebodyLayer(*track->second, slot.meta.packet)) return DropReason::kWaitingForKeyFrame;
  return std::nullopt;
}

void Worker::ShareWith(Instant now, std::size_t worker, const Uplink& uplink,
                       ring::SlotIndex slot_index) {
  const Slab::Slot& slot = slab_[slot_index];
  // Never the last free slot, and less and less the more others hold: however many stand still, we
  // go on receiving, and those that run have slots to take in turn.
  const bool may_hold_more = held_by_[worker] < slab_.free_count();
  if (may_hold_more && links_.mesh.lane(config_.index, worker)
                           .media.TryPush({&slot, uplink.handle(), slot_index, 0})) {
    slab_.Share(slot_index);
    ++held_by_[worker];
    ++stats_.lane_packets_out;
    wake_workers_ |= 1U << worker;
    return;
  }
  copy_drops_.Add(DropReason::kLaneFull);
  if (uplink.kind() == control::MediaKind::kVideo) {
    AskKeyFrame(now, uplink.handle(), slot.meta.packet.layer,
                router::KeyFrameThrottle::Cause::kRepair);
  }
}

void Worker::ReturnSlot(std::uint8_t owner, ring::SlotIndex slot) {
  const bool pushed = links_.mesh.lane(config_.index, owner).returns.TryPush(slot);
  FOVEA_CHECK(pushed);  // as large as the slab: cannot fill
  wake_workers_ |= 1U << owner;
}

void Worker::DrainLanes(Instant now) {
  for (std::size_t other = 0; other < links_.mesh.workers(); ++other) {
    if (other == config_.index) continue;
    Lane& in = links_.mesh.lane(other, config_.index);
    in.returns.Drain(limits::kSlabSlots, [&](ring::SlotIndex slot) {
      slab_.Release(slot);
      --held_by_[other];
    });
    const std::size_t media = in.media.Drain(kLaneBudget, [&](const PacketRef& ref) {
      ++stats_.lane_packets_in;
      const auto track = tracks_.find(ref.publication);
      if (track == tracks_.end())
        copy_drops_.Add(DropReason::kStaleEpoch);
      else
        Deliver(now, *track->second, *ref.slot);
      ReturnSlot(static_cast<std::uint8_t>(other), ref.index);
    });
    const std::size_t feedback = in.feedback.Drain(kFeedbackBudget, [&](const Feedback& message) {
      using Kind = Feedback::Kind;
      const auto cause = message.kind == Kind::kKeyFrameStart
                             ? router::KeyFrameThrottle::Cause::kStart
                             : router::KeyFrameThrottle::Cause::kRepair;
      AskKeyFrame(now, message.publication, message.layer, cause);
    });
    if (media == kLaneBudget || feedback == kFeedbackBudget) more_work_ = true;
  }
}

void Worker::Deliver(Instant now, Track& track, const Slab::Slot& slot) {
  const SlotMeta& meta = slot.meta;
  const ByteSpan payload(&slot.bytes[meta.payload_offset], meta.packet.payload_bytes);
  const ByteSpan descriptor(&slot.bytes[meta.descriptor_offset], meta.descriptor_size);
  track.layer_seen_at[meta.packet.layer] = now;
  if (meta.packet.payload_bytes > 0) (void)track.history.Store(meta.packet, payload, descriptor);
  for (Downlink* downlink : track.downlinks) ForwardTo(now, *downlink, track, slot);
}

void Worker::ForwardTo(Instant now, Downlink& downlink, Track& track, const Slab::Slot& slot) {
  const SlotMeta& meta = slot.meta;
  // Audio and scalable video are one stream. A publisher may announce that and send simulcast.
  const bool has_layers = downlink.subscription.config().mode == router::LayerMode::kSimulcast;
  if (!has_layers && meta.packet.layer != 0) return;
  if (meta.muted != downlink.publication_muted) {
    downlink.publication_muted = meta.muted;
    if (const Peer* peer = peers_.Find(downlink.session)) UpdateTarget(downlink, *peer);
  }
  if (meta.epoch != downlink.epochs[meta.packet.layer]) NoteRestart(downlink, meta);
  const router::ForwardDecision decision = downlink.subscription.Forward(now, meta.packet);
  if (!decision.forward) return;  // one subscriber's choice, not a discarded packet
  const ByteSpan payload(&slot.bytes[meta.payload_offset], meta.packet.payload_bytes);
  const ByteSpan descriptor(&slot.bytes[meta.descriptor_offset], meta.descriptor_size);
  if (SendRtp(downlink, {decision.header, payload, descriptor, meta.packet})) {
    ++stats_.rtp_forwarded;
    if (!downlink.started) {
      downlink.started = true;
      PostSample(control::SubscriptionStarted{downlink.handle});
    }
  }
  if (decision.must_catch_up) CatchUp(now, downlink, track, meta.packet);
}

// The layer is another stream now, with a clock of its own. Who watches it starts anew.
void Worker::NoteRestart(Downlink& downlink, const SlotMeta& meta) {
  downlink.epochs[meta.packet.layer] = meta.epoch;
  const bool is_audio = downlink.kind == control::MediaKind::kAudio;
  if (!is_audio && downlink.subscription.LayerToRepair() != meta.packet.layer) return;
  const Peer* peer = peers_.Find(downlink.session);
  if (peer == nullptr) return;
  downlink.subscription.SetTarget(router::kNoLayers);
  UpdateTarget(downlink, *peer);
}

void Worker::CatchUp(Instant now, Downlink& downlink, Track& track,
                     const router::PacketMeta& from) {
  for (int i = 1; i <= limits::kCatchUpPacketsMax; ++i) {
    const auto stored = track.history.Find(from.layer, ExtSeq{from.seq.value() + i});
    if (!stored.has_value()) return;
    const router::ForwardDecision decision = downlink.subscription.Forward(now, stored->meta);
    if (!decision.forward) continue;
    if (SendRtp(downlink,
                {decision.header, stored->payload, stored->dependency_descriptor, stored->meta})) {
      ++stats_.rtp_forwarded;
    }
  }
}

bool Worker::SendRtp(Downlink& downlink, const Outgoing& out) {
  Peer* peer = peers_.Find(downlink.session);
  if (peer == nullptr || !peer->connected || !peer->remote.has_value()) return false;
  const ExtSeq seq = out.over_rtx()
                         ? downlink.out_rtx_seq.Unwrap(downlink.subscription.NextRtxSeq())
                         : downlink.out_seq.Unwrap(out.header.seq);
  std::array<std::uint8_t, kOutgoingHeaderBytesMax> header_bytes;
  ByteWriter header(header_bytes);
  const std::size_t payload_bytes = OutgoingPayloadBytes(out);
  if (!WriteOutgoingHeader(downlink, out, seq, header) ||
      header.size() + payload_bytes + limits::kSrtpTrailerBytesMax > TxBatch::kSlotBytes) {
    copy_drops_.Add(DropReason::kTxError);
    return false;
  }
  if (tx_.full()) FlushTransmit();
  const MutableByteSpan slot = tx_.Reserve();
  // Changed bytes are assembled in the outgoing slot and encrypted there.
  const ByteSpan plaintext = AssembleOutgoingPayload(downlink, out, slot.subspan(header.size()));
  const crypto::RtpPlaintext packet{seq, header.written(), plaintext};
  crypto::SrtpSender& sender = out.over_rtx() ? downlink.rtx : downlink.media;
  const Result<std::size_t, DropReason> size = out.way == Outgoing::Way::kRepeat
                                                   ? peer->session.RepeatRtp(sender, packet, slot)
                                                   : peer->session.ProtectRtp(sender, packet, slot);
  if (!size.ok()) {
    copy_drops_.Add(size.error());
    return false;
  }
  tx_.Commit(*peer->remote, *size, peer->local);
  ++downlink.packets_sent;
  downlink.bytes_sent += *size;
  stats_.bytes_sent += *size;
  const bool is_first = out.way == Outgoing::Way::kFirst;
  (is_first ? stats_.rtp_bytes_forwarded : stats_.rtp_bytes_retransmitted) +=
      header.size() + payload_bytes;
  return true;
}

void Worker::AskKeyFrame(Instant now, control::PublicationHandle publication, std::uint8_t layer,
                         router::KeyFrameThrottle::Cause cause) {
  if (publication.worker() != config_.index) {
    const auto kind = cause == router::KeyFrameThrottle::Cause::kStart
                          ? Feedback::Kind::kKeyFrameStart
                          : Feedback::Kind::kKeyFrameRepair;
    // A full lane loses the request; the need is told again by its timer.
    if (links_.mesh.lane(config_.index, publication.worker())
            .feedback.TryPush({publication, kind, layer})) {
      wake_workers_ |= 1U << publication.worker();
    }
    return;
  }
  Uplink* uplink = uplinks_.Find(publication);
  if (uplink == nullptr || uplink->kind() != control::MediaKind::kVideo) return;
  const auto known =
      static_cast<std::uint8_t>(std::min<std::size_t>(layer, uplink->layer_count() - 1));
  uplink->key_frames.Request(now, known, cause);
  if (Peer* peer = peers_.Find(uplink->session()))
    due_.Lower(*peer, uplink->key_frames.NextDeadline().at);
}

}  // namespace fovea::worker
