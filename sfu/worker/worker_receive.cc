// Worker: a datagram's way from the socket to the forwarding table.
#include <algorithm>
#include <cstring>

#include "sfu/rtp/rtx.h"
#include "sfu/stun/message.h"
#include "sfu/transport/demux.h"
#include "sfu/worker/worker.h"

namespace fovea::worker {
namespace {

// The original of an RTX packet, in place; `view` follows it.
Result<MutableByteSpan, DropReason> Restore(const Uplink& uplink, std::uint8_t layer,
                                            MutableByteSpan packet, rtp::RtpView& view) {
  const std::optional<PayloadType> original = uplink.OriginalOf(view.pt);
  if (!original.has_value() || uplink.ssrc_of(layer) == Ssrc{})
    return Failure{DropReason::kRtxMalformed};
  const Result<MutableByteSpan, DropReason> restored =
      rtp::RestoreFromRtx(packet, view, {*original, uplink.ssrc_of(layer)});
  if (!restored.ok()) return restored;
  const Result<rtp::RtpView, DropReason> parsed = rtp::RtpView::Parse(*restored);
  if (!parsed.ok()) return Failure{parsed.error()};
  view = *parsed;
  return restored;
}

void NoteOrientation(const rtp::ParsedExtensions& extensions, router::PacketMeta& meta) {
  meta.has_orientation = extensions.video_orientation.has_value();
  if (!meta.has_orientation) return;
  const rtp::VideoOrientation& orientation = *extensions.video_orientation;
  meta.orientation =
      static_cast<std::uint8_t>((orientation.back_camera ? 8 : 0) | (orientation.flip ? 4 : 0) |
                                (orientation.quarter_turns & 3));
}

}  // namespace

Peer* Worker::FindPeer(const NetAddress& remote, ByteSpan datagram, DropReason& reason) {
  // STUN goes by its user name: a browser may use one local port for an old and a new connection.
  if (transport::Demultiplex(datagram) == transport::Protocol::kStun) {
    const std::optional<std::string_view> ufrag = stun::PeekUfrag(datagram);
    if (ufrag.has_value()) {
      const auto it = by_ufrag_.find(*ufrag);
      if (it != by_ufrag_.end()) return it->second;
    }
    reason = DropReason::kUnknownUfrag;
    return nullptr;
  }
  const auto it = by_tuple_.find(remote);
  if (it != by_tuple_.end()) return it->second.peer;
  reason = DropReason::kUnknownPeer;
  return nullptr;
}

// An answer leaves from where the question came to: a client checks several of our addresses from
// one port of its own. Everything else leaves from where its last packet came to.
LocalAddressId Worker::LocalFor(const NetAddress& remote) const {
  if (remote == receiving_.remote) return receiving_.local;
  const auto it = by_tuple_.find(remote);
  return it != by_tuple_.end() ? it->second.local : LocalAddressId::kAny;
}

// REQUIRES: the datagram in hand is authentic, or anybody could turn a peer's media elsewhere.
void Worker::NoteLocal(Peer& peer) {
  if (peer.local == receiving_.local || peer.remote != receiving_.remote) return;
  peer.local = receiving_.local;
  const auto it = by_tuple_.find(receiving_.remote);
  if (it != by_tuple_.end() && it->second.peer == &peer) it->second.local = receiving_.local;
}

void Worker::SelectRemote(Peer& peer, const std::optional<NetAddress>& remote) {
  peer.remote = remote;
  peer.local = remote.has_value() ? LocalFor(*remote) : LocalAddressId::kAny;
}

std::optional<DropReason> Worker::HandleDatagram(Instant now, const RxBatch::Entry& entry) {
  const MutableByteSpan bytes(entry.data, entry.size);
  receiving_ = {entry.remote, entry.local};
  DropReason reason = DropReason::kUnknownPeer;
  Peer* peer = FindPeer(entry.remote, bytes, reason);
  if (peer == nullptr) return reason;
  output_.Clear();
  peer->session.HandleDatagram(now, Datagram{entry.remote, bytes}, *this, output_);
  if (output_.kind != transport::PacketKind::kNone) NoteLocal(*peer);
  switch (output_.kind) {
    case transport::PacketKind::kNone:
      DrainSessionEvents(now, *peer);
      break;
    case transport::PacketKind::kRtp:
      return HandleRtp(now, *peer, entry.slot, output_.packet);
    case transport::PacketKind::kRtcp:
      return HandleRtcp(now, *peer, output_.packet);
    case transport::PacketKind::kAppData:
      PassAppData(*peer, output_.app_data);
      DrainSessionEvents(now, *peer);
      break;
  }
  return output_.drop;  // of the whole, or of a part: then the rest was used all the same
}

void Worker::DrainSessionEvents(Instant now, Peer& peer) {
  using Kind = transport::SessionEventKind;
  while (const std::optional<transport::SessionEvent> event = peer.session.PollEvent()) {
    switch (event->kind) {
      case Kind::kTupleAdded:
        by_tuple_[event->remote] = {&peer, receiving_.local};
        break;
      case Kind::kTupleRemoved: {
        const auto it = by_tuple_.find(event->remote);
        // Another session may have taken the tuple over.
        if (it != by_tuple_.end() && it->second.peer == &peer) by_tuple_.erase(it);
        break;
      }
      case Kind::kSelectedChanged:
        SelectRemote(peer, event->remote);
        break;
      case Kind::kIceRestarted:
        break;
      case Kind::kConnected:
        peer.connected = true;
        SelectRemote(peer, peer.session.selected_remote());
        for (Downlink* downlink : peer.downlinks) UpdateTarget(*downlink, peer);
        PostLifeCycle(control::SessionConnected{peer.handle});
        key_frame_needs_at_ = std::min(key_frame_needs_at_, now);
        break;
      case Kind::kDisconnected:
        HandleDisconnected(peer, event->reason);
        break;
    }
  }
  UpdateDue(peer);
}

void Worker::HandleDisconnected(Peer& peer, transport::DisconnectReason reason) {
  using Reason = transport::DisconnectReason;
  peer.connected = false;
  for (Downlink* downlink : peer.downlinks) UpdateTarget(*downlink, peer);
  if (reason == Reason::kClosedByUs) return;
  auto cause = control::DisconnectCause::kDtlsFailed;
  if (reason == Reason::kConsentLost) cause = control::DisconnectCause::kConsentLost;
  if (reason == Reason::kPeerClosed) cause = control::DisconnectCause::kDtlsClosed;
  if (reason == Reason::kFingerprintMismatch) {
    cause = control::DisconnectCause::kFingerprintMismatch;
  }
  PostLifeCycle(control::SessionDisconnected{peer.handle, cause});
}

void Worker::PassAppData(const Peer& peer, const crypto::AppData& app_data) {
  for (const MutableByteSpan& record : app_data) {
    control::AppData data;
    if (record.size() > data.bytes.size()) {
      copy_drops_.Add(DropReason::kSctpMalformed);
      continue;
    }
    data.session = peer.handle;
    data.size = static_cast<std::uint16_t>(record.size());
    std::memcpy(data.bytes.data(), record.data(), record.size());
    wake_signaling_ = true;
    if (!links_.channel.app_data_up.TryPush(data)) copy_drops_.Add(DropReason::kAppDataRingFull);
  }
}

const Peer::Route* Worker::RouteOf(Peer& peer, const rtp::RtpView& view,
                                   const rtp::ParsedExtensions& extensions) {
  if (const Peer::Route* known = peer.FindRoute(view.ssrc)) return known;
  for (Uplink* uplink : peer.uplinks) {
    const std::optional<Uplink::Claim> claim = uplink->TryClaim(view.ssrc, view.pt, extensions);
    if (!claim.has_value()) continue;
    // The layer has one media stream at a time; a former one is not heard any more.
    std::erase_if(peer.routes, [&](const Peer::Route& old) {
      return old.uplink == uplink && old.layer == claim->layer && old.is_rtx == claim->is_rtx;
    });
    if (peer.routes.size() >= limits::kSsrcsPerSessionMax) peer.routes.erase(peer.routes.begin());
    peer.routes.push_back({view.ssrc, uplink, claim->layer, claim->is_rtx});
    return &peer.routes.back();
  }
  return nullptr;
}

std::optional<DropReason> Worker::HandleRtp(Instant now, Peer& peer, ring::SlotIndex slot_index,
                                            MutableByteSpan packet) {
  ++stats_.rtp_received;
  stats_.rtp_bytes_received += packet.size();
  const Result<rtp::RtpView, DropReason> parsed = rtp::RtpView::Parse(packet);
  if (!parsed.ok()) return parsed.error();
  rtp::RtpView view = *parsed;
  rtp::ParsedExtensions extensions = rtp::ParsedExtensions::Parse(packet, view, peer.extensions);
  if (extensions.transport_cc.has_value()) {
    peer.arrivals.OnPacket(now, *extensions.transport_cc, view.marker);
    peer.last_media_ssrc = view.ssrc;
    due_.Lower(peer, peer.arrivals.NextDeadline().at);
  }
  const Peer::Route* route = RouteOf(peer, view, extensions);
  if (route == nullptr) return DropReason::kUnknownSsrc;
  Uplink& uplink = *route->uplink;
  if (route->is_rtx) {
    ++stats_.rtx_received;
    stats_.rtx_bytes_received += packet.size();
    const Result<MutableByteSpan, DropReason> original =
        Restore(uplink, route->layer, packet, view);
    if (!original.ok()) return original.error();
    packet = *original;
    extensions = rtp::ParsedExtensions::Parse(packet, view, peer.extensions);
  }
  if (extensions.audio_level.has_value())
    uplink.speaker.Observe(now, extensions.audio_level->minus_dbov);
  SlotMeta& meta = slab_[slot_index].meta;
  const auto reason =
      uplink.Accept(now, {packet, view, extensions, route->layer, route->is_rtx}, meta);
  due_.Lower(peer, uplink.layers()[route->layer].nack.NextDeadline().at);
  due_.Lower(peer, uplink.key_frames.NextDeadline().at);
  if (reason.has_value()) return reason;
  NoteOrientation(extensions, meta.packet);
  // Offsets are from the slot's first byte; a restored packet begins a little behind it.
  const auto shift = static_cast<std::uint16_t>(packet.data() - slab_[slot_index].bytes.data());
  meta.payload_offset = static_cast<std::uint16_t>(meta.payload_offset + shift);
  meta.descriptor_offset = static_cast<std::uint16_t>(meta.descriptor_offset + shift);
  return Route(now, uplink, slot_index);
}

}  // namespace fovea::worker
