// Worker: RTCP from publishers and subscribers, and what we report to both. RFC 3550, 4585, 5104.
#include <algorithm>
#include <array>

#include "sfu/rtp/rtcp/compound.h"
#include "sfu/rtp/rtcp/extended_report.h"
#include "sfu/rtp/rtcp/fir.h"
#include "sfu/rtp/rtcp/nack.h"
#include "sfu/rtp/rtcp/pli.h"
#include "sfu/rtp/rtcp/receiver_report.h"
#include "sfu/rtp/rtcp/sdes.h"
#include "sfu/rtp/rtcp/sender_report.h"
#include "sfu/rtp/rtcp/transport_feedback.h"
#include "sfu/worker/worker.h"

namespace fovea::worker {
namespace {

constexpr Duration kReportInterval = Seconds(1);

using RtcpBuffer = std::array<std::uint8_t, limits::kPathMtuBytes>;

}  // namespace

std::optional<DropReason> Worker::HandleRtcp(Instant now, Peer& peer, ByteSpan datagram) {
  ++stats_.rtcp_received;
  bool damaged = false;  // one packet inside a compound that is sound as a whole
  const bool sound = rtp::ForEachRtcp(datagram, [&](const rtp::RtcpPacket& packet) {
    using rtp::RtcpType;
    const rtp::RtcpHeader& header = packet.header;
    if (header.Is(RtcpType::kSenderReport)) {
      const auto report = rtp::SenderReport::Parse(packet);
      damaged = damaged || !report.has_value();
      if (!report.has_value()) return;
      for (Uplink* uplink : peer.uplinks) uplink->OnSenderReport(now, *report);
      for (const rtp::ReportBlock& block : report->blocks) HandleReportBlock(now, peer, block);
    } else if (header.Is(RtcpType::kReceiverReport)) {
      const auto report = rtp::ReceiverReport::Parse(packet);
      damaged = damaged || !report.has_value();
      if (!report.has_value()) return;
      for (const rtp::ReportBlock& block : report->blocks) HandleReportBlock(now, peer, block);
    } else if (header.Is(RtcpType::kTransportFeedback, rtp::Nack::kFormat)) {
      const auto nack = rtp::Nack::Parse(packet);
      damaged = damaged || !nack.has_value();
      if (nack.has_value()) HandleNack(now, peer, *nack);
    } else if (header.Is(RtcpType::kPayloadFeedback, rtp::Pli::kFormat)) {
      const auto pli = rtp::Pli::Parse(packet);
      damaged = damaged || !pli.has_value();
      if (pli.has_value()) HandleKeyFrameRequest(now, peer, pli->media);
    } else if (header.Is(RtcpType::kPayloadFeedback, rtp::Fir::kFormat)) {
      const auto fir = rtp::Fir::Parse(packet);
      damaged = damaged || !fir.has_value();
      if (!fir.has_value()) return;
      for (const rtp::Fir::Entry& entry : fir->entries)
        HandleKeyFrameRequest(now, peer, entry.media);
    } else if (header.Is(RtcpType::kExtendedReport)) {
      const auto report = rtp::ExtendedReport::Parse(packet);
      damaged = damaged || !report.has_value();
      if (!report.has_value()) return;
      for (const rtp::ExtendedReport::Dlrr& item : report->dlrrs) {
        if (item.receiver != peer.feedback_ssrc) continue;
        const auto rtt =
            rtp::RttFromReport(ToNtp(Wall(now)), item.last_rr, item.delay_since_last_rr);
        if (rtt.has_value()) peer.rtt.OnSample(*rtt);
      }
    }
  });
  if (!sound || damaged) return DropReason::kRtcpMalformed;
  return std::nullopt;
}

void Worker::HandleReportBlock(Instant now, Peer& peer, const rtp::ReportBlock& block) {
  Downlink* downlink = FindDownlink(peer, block.source);
  if (downlink == nullptr || downlink->media.ssrc() != block.source) return;
  for (const Downlink::SentReport& report : downlink->sent_reports) {
    if (report.at == Instant::min() || report.middle_ntp != block.last_sr) continue;
    const auto held = Micros(std::int64_t{block.delay_since_last_sr} * 1'000'000 / 65536);
    if (now - report.at > held) peer.rtt.OnSample(now - report.at - held);
    break;
  }
  const std::int32_t lost = block.cumulative_lost - downlink->lost_reported;
  downlink->lost_reported = block.cumulative_lost;
  if (lost > 0) downlink->packets_lost += static_cast<std::uint32_t>(lost);
  const std::uint32_t clock = rtp::ClockRate(downlink->subscription.config().codec);
  if (clock > 0)
    downlink->jitter_us =
        static_cast<std::uint32_t>(std::uint64_t{block.jitter} * 1'000'000 / clock);
}

void Worker::HandleNack(Instant now, Peer& peer, const rtp::Nack& nack) {
  Downlink* downlink = FindDownlink(peer, nack.media);
  const Track* track = nullptr;  // none: gone since, or never of this peer; RTX is not repaired
  if (downlink != nullptr && downlink->media.ssrc() == nack.media) {
    const auto found = tracks_.find(downlink->publication);
    if (found != tracks_.end()) track = found->second.get();
  }
  const auto again =
      downlink != nullptr && downlink->has_rtx ? Outgoing::Way::kRtx : Outgoing::Way::kRepeat;
  int answers = 0;
  nack.ForEach([&](std::uint16_t seq) {
    ++stats_.nacks_received;
    if (track == nullptr) {
      copy_drops_.Add(DropReason::kRtxNotInHistory);
      return;
    }
    if (++answers > limits::kNackAnswersMax) {
      copy_drops_.Add(DropReason::kRtxThrottled);
      return;
    }
    const router::NackAnswer answer = downlink->subscription.OnNack(now, peer.rtt.value(), seq);
    if (answer.kind == router::NackAnswer::Kind::kNothing) {
      copy_drops_.Add(answer.reason);
      return;
    }
    const auto stored = track->history.Find(answer.layer, answer.source);
    if (!stored.has_value()) {
      copy_drops_.Add(DropReason::kRtxNotInHistory);
      return;
    }
    if (answer.kind == router::NackAnswer::Kind::kForward) {
      const router::ForwardDecision decision = downlink->subscription.Forward(now, stored->meta);
      if (!decision.forward) return;
      if (SendRtp(*downlink, {decision.header, stored->payload, stored->dependency_descriptor,
                              stored->meta})) {
        ++stats_.rtp_forwarded;
      }
      return;
    }
    if (SendRtp(*downlink, {answer.header, stored->payload, stored->dependency_descriptor,
                            stored->meta, again})) {
      ++stats_.rtp_retransmitted;
    }
  });
}

void Worker::HandleKeyFrameRequest(Instant now, Peer& peer, Ssrc media) {
  ++stats_.key_frame_requests_received;
  Downlink* downlink = FindDownlink(peer, media);
  if (downlink == nullptr) return;
  const std::optional<std::uint8_t> layer = downlink->subscription.LayerToRepair();
  if (layer.has_value()) {
    AskKeyFrame(now, downlink->publication, *layer, router::KeyFrameThrottle::Cause::kRepair);
  }
}

void Worker::SendRtcp(Peer& peer, ByteSpan compound) {
  if (!peer.connected || !peer.remote.has_value() || compound.empty()) return;
  if (tx_.full()) FlushTransmit();
  const MutableByteSpan slot = tx_.Reserve();
  const Result<std::size_t, DropReason> size = peer.session.ProtectRtcp(compound, slot);
  if (!size.ok()) {
    copy_drops_.Add(size.error());
    return;
  }
  tx_.Commit(*peer.remote, *size, peer.local);
  stats_.bytes_sent += *size;
}

void Worker::SendFeedback(Instant now, Peer& peer) {
  RtcpBuffer buffer;
  ByteWriter writer(buffer);
  for (Uplink* uplink : peer.uplinks) {
    for (std::size_t i = 0; i < uplink->layer_count(); ++i) {
      Uplink::Layer& layer = uplink->layers()[i];
      if (layer.source.ssrc == Ssrc{} || !layer.nack.NextDeadline().IsDue(now)) continue;
      rtp::NackTracker::Requests requests;
      const int given_up = layer.nack.CollectRequests(now, peer.rtt.value(), requests);
      if (given_up > 0 && uplink->kind() == control::MediaKind::kVideo) {
        uplink->key_frames.Request(now, static_cast<std::uint8_t>(i),
                                   router::KeyFrameThrottle::Cause::kRepair);
      }
      if (requests.empty()) continue;
      stats_.nacks_sent += requests.size();
      if (!rtp::Nack::Write(peer.feedback_ssrc, layer.source.ssrc, requests.span(), writer)) {
        SendRtcp(peer, writer.written());
        writer = ByteWriter(buffer);
        (void)rtp::Nack::Write(peer.feedback_ssrc, layer.source.ssrc, requests.span(), writer);
      }
    }
    for (const std::uint8_t layer : uplink->key_frames.Collect(now)) {
      const Ssrc media = uplink->ssrc_of(layer);
      if (media == Ssrc{}) continue;  // nothing heard of it yet; asked again by the throttle
      ++stats_.key_frame_requests_sent;
      const rtp::Pli pli{peer.feedback_ssrc, media};
      if (!pli.Write(writer)) {
        SendRtcp(peer, writer.written());
        writer = ByteWriter(buffer);
        (void)pli.Write(writer);
      }
    }
  }
  SendRtcp(peer, writer.written());
  for (;;) {
    ByteWriter feedback(buffer);
    if (!peer.arrivals.MaybeBuildFeedback(now, peer.feedback_ssrc, peer.last_media_ssrc, feedback))
      break;
    SendRtcp(peer, feedback.written());
  }
}

void Worker::SendReceiverReport(Instant now, Peer& peer) {
  peer.report_at = now + kReportInterval;
  if (peer.uplinks.empty()) return;
  rtp::ReceiverReport report;
  report.sender = peer.feedback_ssrc;
  for (Uplink* uplink : peer.uplinks) {
    for (Uplink::Layer& layer : uplink->layers()) {
      if (!layer.stats.has_value() || !layer.stats->started()) continue;
      if (!report.blocks.TryPush(layer.stats->MakeReportBlock(now, layer.source.ssrc))) break;
    }
  }
  RtcpBuffer buffer;
  ByteWriter writer(buffer);
  if (!report.Write(writer)) return;
  rtp::ExtendedReport reference;
  reference.sender = peer.feedback_ssrc;
  reference.reference_ntp = ToNtp(Wall(now));
  (void)reference.Write(writer);  // without room the round trip is measured next time
  SendRtcp(peer, writer.written());
}

void Worker::SendSenderReports(Instant now, Peer& peer) {
  RtcpBuffer buffer;
  for (Downlink* downlink : peer.downlinks) {
    if (now < downlink->sender_report_at) continue;
    const auto numbers = downlink->subscription.SenderReportAt(now, Wall(now));
    if (!numbers.has_value()) {
      // Asked again soon: without the first report the receiver cannot synchronise audio and video.
      downlink->sender_report_at = now + Millis(200);
      continue;
    }
    downlink->sender_report_at = now + kReportInterval;
    rtp::SenderReport report;
    report.sender = downlink->media.ssrc();
    report.ntp = numbers->ntp;
    report.rtp_timestamp = numbers->timestamp;
    report.packets = numbers->packets;
    report.octets = numbers->octets;
    ByteWriter writer(buffer);
    if (!report.Write(writer)) continue;
    SendRtcp(peer, writer.written());
    downlink->sent_reports[1] = downlink->sent_reports[0];
    downlink->sent_reports[0] = {static_cast<std::uint32_t>(report.ntp >> 16), now};
  }
}

}  // namespace fovea::worker
