#include "tests/support/world/checker.h"

#include <algorithm>

#include "sfu/core/limits.h"
#include "sfu/crypto/null_tag.h"
#include "sfu/rtp/header.h"
#include "sfu/transport/demux.h"

namespace fovea::test {
namespace {

constexpr std::size_t kFailuresMax = 20;
constexpr std::size_t kEmittedMax = 2048;
// Well within what the track's history and the subscription's log remember.
constexpr Duration kNackRecent = Millis(400);

}  // namespace

void Checker::Fail(Instant now, const std::string& what) {
  if (failures_.size() >= kFailuresMax) return;
  failures_.push_back(std::to_string(ToMicros(now.time_since_epoch())) + " us: " + what);
}

void Checker::OnClient(const NetAddress& address) { clients_[address] = false; }
void Checker::OnEvicted(const NetAddress& address) { clients_[address] = true; }

void Checker::OnSubscribed(Instant now, const control::AddSubscription& subscription,
                           const NetAddress& subscriber) {
  (void)now;
  Stream& stream = streams_[subscription.ssrc];
  stream.handle = subscription.subscription;
  stream.publication = subscription.publication;
  stream.kind = subscription.kind;
  stream.ssrc = subscription.ssrc;
  stream.rtx_ssrc = subscription.rtx_ssrc;
  stream.subscriber = subscriber;
  if (subscription.rtx_ssrc != Ssrc{}) media_of_rtx_[subscription.rtx_ssrc] = subscription.ssrc;
}

void Checker::OnUnsubscribed(Ssrc ssrc) {
  const auto it = streams_.find(ssrc);
  if (it == streams_.end()) return;
  it->second.is_leaving = true;
  it->second.waiting_since = kNever;
}

void Checker::OnUnsubscribeFenced(Ssrc ssrc) {
  const auto it = streams_.find(ssrc);
  if (it == streams_.end()) return;
  media_of_rtx_.erase(it->second.rtx_ssrc);
  streams_.erase(it);
}

void Checker::OnPublicationGone(control::PublicationHandle publication) {
  gone_publications_[publication.bits()] = Instant{};
}

void Checker::SetExpectsKeyFrame(Instant now, Ssrc ssrc, bool expects) {
  const auto it = streams_.find(ssrc);
  if (it == streams_.end()) return;
  Stream& stream = it->second;
  stream.is_active = expects;
  stream.resumed_at = now;
  if (stream.kind != control::MediaKind::kVideo) return;
  if (expects) ++counters_.waits_for_key_frame;
  stream.waiting_since = expects && !stream.is_leaving ? now : kNever;
}

void Checker::OnServerDatagram(Instant now, const NetAddress& to, ByteSpan bytes) {
  const auto client = clients_.find(to);
  if (client == clients_.end()) {
    Fail(now, "(1) a datagram to a stranger");
    return;
  }
  if (client->second) {
    ++counters_.after_fence;
    Fail(now, "(1) a datagram to an evicted client after its fences");
    return;
  }
  if (transport::Demultiplex(bytes) != transport::Protocol::kRtp) return;
  if (bytes.size() < crypto::kNullTagBytes) {
    Fail(now, "an RTP packet without tag");  // whether it is right, the client tells
    return;
  }
  OnRtp(now, to, bytes.first(bytes.size() - crypto::kNullTagBytes));
}

void Checker::OnRtp(Instant now, const NetAddress& to, ByteSpan packet) {
  const auto view = rtp::RtpView::Parse(packet);
  if (!view.ok()) {
    Fail(now, "an RTP packet that does not parse");
    return;
  }
  const auto repaired = media_of_rtx_.find(view->ssrc);
  const bool is_rtx = repaired != media_of_rtx_.end();
  const auto it = streams_.find(is_rtx ? repaired->second : view->ssrc);
  if (it == streams_.end()) {
    Fail(now, "(2) RTP for no live subscription, SSRC " + std::to_string(view->ssrc.value()));
    return;
  }
  Stream& stream = it->second;
  if (stream.subscriber != to) {
    Fail(now, "(2) RTP of a subscription to somebody else");
    return;
  }
  ++counters_.rtp;
  if (is_rtx) {
    ++counters_.rtx;
    OnRtx(now, stream, view->Payload(packet));
  } else {
    OnMedia(now, stream, *view, packet);
  }
}

void Checker::CheckStamp(Instant now, const Stream& stream, const Stamp& stamp) {
  if (stamp.publication != stream.publication.bits()) {
    Fail(now, "(2) a packet of a publication that was not subscribed to");
  }
  if (gone_publications_.contains(stamp.publication)) {
    ++counters_.after_fence;
    Fail(now, "(2) a packet of an evicted publication after its fences");
  }
}

void Checker::OnMedia(Instant now, Stream& stream, const rtp::RtpView& view, ByteSpan packet) {
  const ByteSpan payload = view.Payload(packet);
  Emitted emitted{
      .timestamp = view.ts.value(), .checksum = crypto::NullChecksum(packet), .at = now};
  const std::int64_t number = stream.unwrapper.Unwrap(view.seq);
  if (!payload.empty()) {
    const std::optional<Stamp> stamp = ReadStamp(stream.kind, payload);
    if (!stamp.has_value()) {
      Fail(now, "a payload that nobody made");
      return;
    }
    CheckStamp(now, stream, *stamp);
    emitted.source = stamp->seq;
    emitted.layer = stamp->layer;
    if (stamp->starts_key_frame()) {
      ++counters_.key_frames;
      stream.key_frame_at = std::max(stream.key_frame_at, number);
      if (stream.waiting_since != kNever) {
        counters_.longest_wait = std::max(counters_.longest_wait, now - stream.waiting_since);
      }
      stream.waiting_since = kNever;
    }
  }
  const auto [it, is_new] = stream.emitted.emplace(number, emitted);
  if (!is_new) {
    if (it->second.checksum != emitted.checksum || stream.rtx_ssrc != Ssrc{}) {
      Fail(now, "(3) number " + std::to_string(view.seq) + " was used twice");
      return;
    }
    ++counters_.repeats;
    it->second.was_resent = true;
    std::erase(stream.unanswered, number);
    return;
  }
  CheckNeighbours(now, stream, it);
  if (stream.emitted.size() > kEmittedMax) stream.emitted.erase(stream.emitted.begin());
}

std::string Checker::Describe(const std::pair<const std::int64_t, Emitted>& packet) {
  const Emitted& emitted = packet.second;
  return std::to_string(packet.first & 0xffff) + " (layer " + std::to_string(emitted.layer) +
         ", source " + std::to_string(emitted.source) + ", timestamp " +
         std::to_string(emitted.timestamp) + ")";
}

void Checker::CheckNeighbours(Instant now, const Stream& stream,
                              std::map<std::int64_t, Emitted>::const_iterator it) {
  const auto backwards = [](std::uint32_t to, std::uint32_t from) {
    return static_cast<std::int32_t>(to - from) < 0;
  };
  const Emitted& here = it->second;
  const auto next = std::next(it);
  // A blank packet shows nothing. The end of one layer may overlap the beginning of the next by a
  // frame where the publisher's packets were reordered: the late ones only fill numbers.
  const auto must_ascend = [this](const Emitted& first, const Emitted& second) {
    if (first.source == 0 || second.source == 0) return false;
    return first.layer == second.layer || !uplinks_are_lossy;
  };
  if (next != stream.emitted.end() && must_ascend(here, next->second) &&
      backwards(next->second.timestamp, here.timestamp)) {
    Fail(now,
         "(4) late number " + Describe(*it) + " has a newer timestamp than " + Describe(*next));
  }
  if (it == stream.emitted.begin()) return;
  const auto& [before_number, before] = *std::prev(it);
  if (must_ascend(before, here) && backwards(here.timestamp, before.timestamp)) {
    Fail(now, "(4) the timestamp runs backwards at " + Describe(*it) + " behind " +
                  Describe(*std::prev(it)));
  }
  const std::int64_t gap = it->first - before_number - 1;
  if (gap == 0 || next != stream.emitted.end()) return;
  const std::string where =
      std::to_string(gap) + " numbers before " + std::to_string(it->first & 0xffff);
  if (!uplinks_are_lossy) {
    Fail(now, "(3) a gap of " + where + " though the publisher lost nothing");
  } else if (here.source != 0 && before.source != 0 && here.layer == before.layer &&
             here.source - before.source - 1 < gap) {
    Fail(now, "(3) a gap of " + where + " is wider than the publisher's");
  }
}

void Checker::OnRtx(Instant now, Stream& stream, ByteSpan payload) {
  if (payload.size() < 2) {
    Fail(now, "(5) an RTX packet without original number");
    return;
  }
  const std::int64_t number = stream.unwrapper.Peek(LoadBe16(payload.data()));
  const auto it = stream.emitted.find(number);
  if (it == stream.emitted.end()) {
    Fail(now, "(5) RTX of a number that was never sent");
    return;
  }
  it->second.was_resent = true;
  std::erase(stream.unanswered, number);
  payload = payload.subspan(2);
  if (payload.empty()) return;
  const std::optional<Stamp> stamp = ReadStamp(stream.kind, payload);
  if (!stamp.has_value()) {
    Fail(now, "(5) an RTX payload that nobody made");
    return;
  }
  CheckStamp(now, stream, *stamp);
  if (stamp->seq != it->second.source) Fail(now, "(5) RTX of another packet than was asked for");
}

void Checker::OnNackDelivered(Instant now, Ssrc media, std::uint16_t seq) {
  const auto stream_it = streams_.find(media);
  if (stream_it == streams_.end()) return;
  Stream& stream = stream_it->second;
  if (stream.is_leaving || !stream.is_active) return;
  if (stream.waiting_since != kNever) return;
  const std::int64_t number = stream.unwrapper.Peek(seq);
  const auto it = stream.emitted.find(number);
  if (it == stream.emitted.end() || it->second.was_resent) return;
  if (now - it->second.at > kNackRecent || it->second.at < stream.resumed_at) return;
  if (number < stream.key_frame_at) return;  // a decoder that has the key frame needs it no more
  ++counters_.nacks_checked;
  stream.unanswered.push_back(number);
  nacked_.push_back(media);
}

void Checker::FinishNacks() {
  for (const Ssrc media : nacked_) {
    const auto it = streams_.find(media);
    if (it == streams_.end()) continue;
    for (const std::int64_t number : it->second.unanswered) {
      Fail(Instant{}, "(5) the NACK of " + std::to_string(number & 0xffff) + " was not answered");
    }
    it->second.unanswered.clear();
  }
  nacked_.clear();
}

void Checker::OnTime(Instant now) {
  for (auto& [ssrc, stream] : streams_) {
    if (stream.waiting_since == kNever || now - stream.waiting_since <= key_frame_limit) continue;
    Fail(now, "(6) no key frame for SSRC " + std::to_string(ssrc.value()) + " since " +
                  std::to_string(ToMicros(stream.waiting_since.time_since_epoch())) + " us");
    stream.waiting_since = kNever;
  }
}

}  // namespace fovea::test
