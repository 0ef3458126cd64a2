#include "tests/support/world/client.h"

#include <algorithm>

#include "sfu/rtp/header.h"
#include "sfu/rtp/rtcp/fir.h"
#include "sfu/rtp/rtcp/nack.h"
#include "sfu/rtp/rtcp/pli.h"
#include "sfu/rtp/rtcp/receiver_report.h"
#include "sfu/rtp/rtcp/sender_report.h"
#include "sfu/rtp/rtcp/transport_feedback.h"
#include "tests/support/simulator_access.h"

namespace fovea::test {
namespace {

constexpr Duration kReportInterval = Seconds(1);
constexpr Ssrc kReceiverSsrc{1};
constexpr int kNackRequestsMax = 10;

WallMicros Wall(Instant now) {
  return WallMicros{kWorldWallOffsetUs + ToMicros(now.time_since_epoch())};
}

}  // namespace

Client::Client(const Identity& identity)
    : Client(identity, MakeNullChannel(kClientFingerprint, true)) {}

Client::Client(const Identity& identity, std::unique_ptr<crypto::SecureChannel> channel)
    : identity_(identity), peer_(identity.ice, std::move(channel), identity.seed) {}

void Client::Start(Instant now) {
  peer_.SetRemote(now, identity_.server_ice, identity_.server_fingerprint, identity_.server);
  next_report_at_ = now + kReportInterval;
}

Client::Track& Client::AddTrack(Instant now, Track track) {
  track.next_frame_at = now;
  tracks_.push_back(std::move(track));
  return tracks_.back();
}

void Client::RemoveTrack(control::PublicationHandle publication) {
  std::erase_if(tracks_, [publication](const Track& track) {
    return track.description.publication == publication;
  });
}

Client::Track* Client::FindTrack(control::PublicationHandle publication) {
  for (Track& track : tracks_) {
    if (track.description.publication == publication) return &track;
  }
  return nullptr;
}

void Client::StopSending() {
  for (Track& track : tracks_) track.is_sending = false;
}

void Client::Expect(const control::AddSubscription& subscription) {
  Received& stream = receivers_[subscription.ssrc];
  stream.kind = subscription.kind;
  stream.ssrc = subscription.ssrc;
  stream.rtx_ssrc = subscription.rtx_ssrc;
  media_of_rtx_[subscription.rtx_ssrc] = subscription.ssrc;
}

Instant Client::NextDeadline() const {
  Instant at = std::min({peer_.NextDeadline().at, next_nack_at_, next_report_at_});
  if (!is_connected()) return at;
  for (const Track& track : tracks_) {
    if (track.is_sending) at = std::min(at, track.next_frame_at);
  }
  return at;
}

void Client::HandleTimeout(Instant now, TransmitSink& sink) {
  if (peer_.NextDeadline().IsDue(now)) peer_.HandleTimeout(now, sink);
  SendFrames(now, sink);
  if (next_nack_at_ <= now) SendNacks(now, sink);
  if (next_report_at_ <= now) SendReports(now, sink);
}

void Client::SendMade(const MadePacket& packet, TransmitSink& sink) {
  (void)peer_.SendRtp(packet.seq, packet.bytes, packet.header_bytes, sink);
}

void Client::SendFrames(Instant now, TransmitSink& sink) {
  if (!is_connected()) return;
  for (Track& track : tracks_) {
    if (!track.is_sending || track.next_frame_at > now) continue;
    const bool is_video = track.description.kind == control::MediaKind::kVideo;
    track.next_frame_at = now + (is_video ? kVideoInterval : kAudioInterval);
    for (MediaStream& stream : track.streams) {
      for (const MadePacket& packet : stream.NextFrame(wide_seq_)) SendMade(packet, sink);
    }
  }
}

void Client::HandleDatagram(Instant now, MutableByteSpan bytes, TransmitSink& sink) {
  transport::SessionOutput output;
  peer_.HandleDatagram(now, {.remote = identity_.server, .bytes = bytes}, sink, output);
  if (output.kind == transport::PacketKind::kRtp) HandleRtp(now, output.packet);
  if (output.kind == transport::PacketKind::kRtcp) HandleRtcp(now, output.packet, sink);
}

void Client::HandleRtp(Instant now, ByteSpan packet) {
  const auto view = rtp::RtpView::Parse(packet);
  if (!view.ok()) {
    ++counters_.damaged;
    return;
  }
  const auto repaired = media_of_rtx_.find(view->ssrc);
  const bool is_rtx = repaired != media_of_rtx_.end() && view->ssrc != Ssrc{};
  const auto it = receivers_.find(is_rtx ? repaired->second : view->ssrc);
  if (it == receivers_.end()) {
    ++counters_.unexpected_ssrcs;
    return;
  }
  Received& stream = it->second;
  ByteSpan payload = view->Payload(packet);
  if (is_rtx && payload.size() < 2) {
    ++counters_.damaged;
    return;
  }
  const std::uint16_t seq = is_rtx ? LoadBe16(payload.data()) : view->seq;
  if (is_rtx) payload = payload.subspan(2);
  ++stream.packets;
  if (is_rtx) ++stream.over_rtx;
  Arrived(now, stream, seq);
  if (payload.empty()) return;  // a blank: it only fills a number
  const std::optional<Stamp> stamp = ReadStamp(stream.kind, payload);
  if (!stamp.has_value()) {
    ++counters_.damaged;
    return;
  }
  if (stamp->starts_key_frame()) ++stream.key_frames;
  if (keeps_stamps) stream.stamps.push_back(*stamp);
}

void Client::Arrived(Instant now, Received& stream, std::uint16_t seq) {
  const std::int64_t number = stream.unwrapper.Unwrap(seq);
  if (!stream.started) {
    stream.started = true;
    stream.highest = number;
    return;
  }
  stream.missing.erase(number);
  // An outage is not repaired packet by packet.
  if (number > stream.highest + 100) stream.missing.clear();
  for (std::int64_t n = std::max(stream.highest + 1, number - 100); n < number; ++n) {
    stream.missing[n].since = now;
    if (next_nack_at_ == kNever) next_nack_at_ = now + kNackInterval;
  }
  stream.highest = std::max(stream.highest, number);
}

void Client::SendNack(Ssrc media, std::span<const ExtSeq> seqs, TransmitSink& sink) {
  std::array<std::uint8_t, limits::kPathMtuBytes> buffer;
  ByteWriter writer(buffer);
  if (rtp::Nack::Write(kReceiverSsrc, media, seqs, writer)) {
    (void)peer_.SendRtcp(writer.written(), sink);
  }
}

void Client::SendPli(Ssrc media, TransmitSink& sink) {
  std::array<std::uint8_t, 16> buffer;
  ByteWriter writer(buffer);
  if (rtp::Pli{kReceiverSsrc, media}.Write(writer)) (void)peer_.SendRtcp(writer.written(), sink);
}

void Client::SendFir(Ssrc media, std::uint8_t command_seq, TransmitSink& sink) {
  std::array<std::uint8_t, 20> buffer;
  ByteWriter writer(buffer);
  rtp::Fir fir{kReceiverSsrc, {}};
  (void)fir.entries.TryPush({media, command_seq});
  if (fir.Write(writer)) (void)peer_.SendRtcp(writer.written(), sink);
}

void Client::SendNacks(Instant now, TransmitSink& sink) {
  next_nack_at_ = kNever;
  if (!sends_nacks) return;
  for (auto& [ssrc, stream] : receivers_) {
    std::vector<ExtSeq> wanted;
    for (auto it = stream.missing.begin(); it != stream.missing.end();) {
      if (it->second.requests++ >= kNackRequestsMax) {
        ++stream.given_up;
        it = stream.missing.erase(it);
        continue;
      }
      wanted.push_back(ExtSeq{it->first});
      ++it;
    }
    if (wanted.empty()) continue;
    SendNack(ssrc, wanted, sink);
    next_nack_at_ = now + kNackInterval * 3;
  }
}

void Client::SendReports(Instant now, TransmitSink& sink) {
  next_report_at_ = now + kReportInterval;
  if (!is_connected()) return;
  std::array<std::uint8_t, limits::kPathMtuBytes> buffer;
  for (Track& track : tracks_) {
    const bool is_video = track.description.kind == control::MediaKind::kVideo;
    const Instant captured_at = track.next_frame_at - (is_video ? kVideoInterval : kAudioInterval);
    for (MediaStream& stream : track.streams) {
      if (stream.packets() == 0) continue;
      rtp::SenderReport report;
      report.sender = stream.options().ssrc;
      report.ntp = ToNtp(Wall(captured_at));
      report.rtp_timestamp = stream.timestamp();
      report.packets = stream.packets();
      ByteWriter writer(buffer);
      if (report.Write(writer)) (void)peer_.SendRtcp(writer.written(), sink);
    }
  }
  rtp::ReceiverReport report;
  report.sender = kReceiverSsrc;
  for (const auto& [ssrc, stream] : receivers_) {
    if (!stream.started) continue;
    rtp::ReportBlock block;
    block.source = ssrc;
    block.extended_highest_seq = static_cast<std::uint32_t>(stream.highest);
    block.last_sr = stream.last_sr;
    if (stream.last_sr_at != kNever) {
      const std::int64_t micros = ToMicros(now - stream.last_sr_at);
      block.delay_since_last_sr = static_cast<std::uint32_t>(micros * 65536 / 1'000'000);
    }
    if (!report.blocks.TryPush(block)) break;
  }
  ByteWriter writer(buffer);
  if (!report.blocks.empty() && report.Write(writer)) {
    (void)peer_.SendRtcp(writer.written(), sink);
  }
}

void Client::HandleNack(const rtp::RtcpPacket& packet, TransmitSink& sink) {
  const auto nack = rtp::Nack::Parse(packet);
  if (!nack.has_value()) return;
  nack->ForEach([&](std::uint16_t seq) {
    ++counters_.nacks;
    for (Track& track : tracks_) {
      for (MediaStream& stream : track.streams) {
        if (stream.options().ssrc != nack->media) continue;
        const auto again = stream.Retransmit(seq, wide_seq_);
        if (again.has_value()) SendMade(*again, sink);
      }
    }
  });
}

void Client::HandleRtcp(Instant now, ByteSpan datagram, TransmitSink& sink) {
  const bool sound = rtp::ForEachRtcp(datagram, [&](const rtp::RtcpPacket& packet) {
    using rtp::RtcpType;
    if (packet.header.Is(RtcpType::kTransportFeedback, rtp::Nack::kFormat)) {
      HandleNack(packet, sink);
    } else if (packet.header.Is(RtcpType::kTransportFeedback, rtp::TransportFeedback::kFormat)) {
      if (rtp::TransportFeedback::Parse(packet).has_value()) ++counters_.transport_feedbacks;
    } else if (packet.header.Is(RtcpType::kPayloadFeedback, rtp::Pli::kFormat)) {
      const auto pli = rtp::Pli::Parse(packet);
      if (!pli.has_value()) return;
      ++counters_.plis;
      if (!answers_plis) return;
      for (Track& track : tracks_) {
        for (MediaStream& stream : track.streams) {
          if (stream.owns(pli->media)) stream.AskKeyFrame();
        }
      }
    } else if (packet.header.Is(RtcpType::kReceiverReport)) {
      ++counters_.receiver_reports;
    } else if (packet.header.Is(RtcpType::kSenderReport)) {
      const auto report = rtp::SenderReport::Parse(packet);
      const auto it = report.has_value() ? receivers_.find(report->sender) : receivers_.end();
      if (it == receivers_.end()) return;
      ++it->second.sender_reports;
      it->second.last_sr = static_cast<std::uint32_t>(report->ntp >> 16);
      it->second.last_sr_at = now;
    }
  });
  if (!sound) ++counters_.damaged;
}

}  // namespace fovea::test
