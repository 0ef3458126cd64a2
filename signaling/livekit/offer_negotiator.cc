// Offers downlinks to a client. See offer_negotiator.h.
#include "signaling/livekit/offer_negotiator.h"

#include <algorithm>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/livekit/negotiation_codecs.h"
#include "signaling/livekit/negotiation_extensions.h"
#include "signaling/livekit/negotiation_sections.h"

namespace fovea::livekit {
namespace {

constexpr std::string_view kDataMid = "0";
constexpr std::string_view kRtpProtocol = "UDP/TLS/RTP/SAVPF";
constexpr std::string_view kDataProtocol = "UDP/DTLS/SCTP";

[[nodiscard]] Failure<NegotiationError> Fail(std::string_view reason) {
  return Failure{NegotiationError{0, reason}};
}

// Section 0 is data, so media sections are numbered from 1.
[[nodiscard]] std::string MidOf(std::size_t index) { return std::to_string(index + 1); }

}  // namespace

void OfferNegotiator::Section::Release() {
  track.reset();
  is_new = false;
  released = true;
  offered_inactive = false;
}

OfferNegotiator::OfferNegotiator(NegotiationPolicy policy, LocalTransport local, Rng& rng)
    : policy_(std::move(policy)),
      session_id_(rng.Next64() >> 1),
      local_(std::move(local)),
      next_id_(1 + rng.Below(256)) {}

void OfferNegotiator::AddTrack(const DownlinkTrack& track) {
  const auto is_same = [&](const DownlinkTrack& other) {
    return other.track_sid == track.track_sid && other.ssrc == track.ssrc;
  };
  for (Section& section : sections_) {
    if (!section.track) continue;
    if (is_same(*section.track)) return;
    // The same track in another codec stays in its section: the client sees new SSRCs, no new
    // track.
    if (section.track->track_sid == track.track_sid && section.track->codec != track.codec) {
      section.track = track;
      section.is_new = true;
      dirty_ = true;
      return;
    }
  }
  if (std::any_of(waiting_.begin(), waiting_.end(), is_same)) return;
  RemoveTrack(track.track_sid);
  waiting_.push_back(track);
  dirty_ = true;
}

void OfferNegotiator::RemoveTrack(std::string_view track_sid) {
  std::erase_if(waiting_, [&](const DownlinkTrack& track) { return track.track_sid == track_sid; });
  for (Section& section : sections_) {
    if (!section.track || section.track->track_sid != track_sid) continue;
    section.Release();
    dirty_ = true;
  }
}

void OfferNegotiator::RestartIce(IceText fresh) {
  local_.ice = std::move(fresh);
  dirty_ = true;
}

void OfferNegotiator::AbandonOffer() {
  if (!std::exchange(awaiting_answer_, false)) return;
  ++next_id_;
  dirty_ = true;
}

std::optional<Offer> OfferNegotiator::NextOffer() {
  if (awaiting_answer_ || !dirty_) return std::nullopt;
  dirty_ = false;
  awaiting_answer_ = true;
  ++version_;
  BindWaiting();
  Offer offer;
  offer.id = next_id_;
  offer.sdp = wire::WriteSdp(Describe());
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    Section& section = sections_[i];
    section.offered_inactive = section.released;
    if (section.track) offer.mid_to_track_id[MidOf(i)] = section.track->track_sid;
  }
  return offer;
}

void OfferNegotiator::BindWaiting() {
  std::vector<DownlinkTrack> still_waiting;
  for (DownlinkTrack& track : waiting_) {
    auto free = std::find_if(sections_.begin(), sections_.end(), [&](const Section& section) {
      return section.kind == track.kind && section.IsFree();
    });
    if (free == sections_.end()) {
      if (sections_.size() + 1 >= limits::kSdpMediaSectionsMax) {
        still_waiting.push_back(std::move(track));
        continue;
      }
      free = sections_.emplace(sections_.end());
      free->kind = track.kind;
    }
    free->track = std::move(track);
    free->is_new = true;
  }
  waiting_ = std::move(still_waiting);
}

wire::SessionDescription OfferNegotiator::Describe() const {
  wire::SessionDescription sdp;
  sdp.origin = {"-", std::to_string(session_id_), version_};
  sdp.ice_lite = true;
  sdp.extmap_allow_mixed = true;
  wire::SdpMedia& data = sdp.media.emplace_back();
  DescribeData(policy_, data);
  data.mid = kDataMid;
  data.protocol = kDataProtocol;
  data.transport = DescribeTransport(local_, wire::SdpSetup::kActPass, true);
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    sdp.media.push_back(DescribeSection(sections_[i], i));
  }
  wire::SdpGroup& bundle = sdp.groups.emplace_back();
  bundle.semantics = "BUNDLE";
  for (const wire::SdpMedia& media : sdp.media) {
    if (!media.IsRejected()) bundle.mids.push_back(media.mid);
  }
  return sdp;
}

wire::SdpMedia OfferNegotiator::DescribeSection(const Section& section, std::size_t index) const {
  wire::SdpMedia media;
  media.kind =
      section.kind == control::MediaKind::kAudio ? wire::SdpKind::kAudio : wire::SdpKind::kVideo;
  media.protocol = kRtpProtocol;
  media.mid = MidOf(index);
  media.direction = wire::SdpDirection::kInactive;
  const DownlinkTrack* track = section.track ? &*section.track : nullptr;
  media.codecs = OfferCodecs(policy_, track, section.kind);
  if (section.rejected) {
    media.port = 0;
    return media;
  }
  media.transport = DescribeTransport(local_, wire::SdpSetup::kActPass, false);
  media.rtcp_mux = true;
  media.rtcp_rsize = true;
  media.extensions = OfferExtensions(section.kind, policy_);
  if (track == nullptr) return media;
  media.direction = wire::SdpDirection::kSendOnly;
  DescribeTrack(*track, media);
  return media;
}

Result<OfferAccepted, NegotiationError> OfferNegotiator::HandleAnswer(std::uint32_t id,
                                                                      std::string_view answer) {
  if (!awaiting_answer_) return Fail("no offer is outstanding");
  if (id != 0 && id != next_id_) return Fail("the answer is to another offer");
  auto parsed = wire::ParseSdp(answer);
  if (!parsed.ok()) return Failure{NegotiationError{parsed.error().line, parsed.error().reason}};
  const std::string_view problem = CheckAnswer(*parsed);
  if (!problem.empty()) return Fail(problem);
  auto remote = RemoteTransportOf(*parsed);
  if (!remote.ok()) return Failure{remote.error()};
  if (remote->setup != wire::SdpSetup::kActive)
    return Fail("the client is not the active DTLS end");
  OfferAccepted out;
  if (remote_) {
    if (remote_->fingerprint != remote->fingerprint)
      return Fail("the client's certificate changed");
    out.ice_restarted =
        remote_->ice.ufrag != remote->ice.ufrag || remote_->ice.pwd != remote->ice.pwd;
  }
  awaiting_answer_ = false;
  ++next_id_;
  remote_ = *remote;
  out.remote = *std::move(remote);
  const wire::SdpMedia& data = parsed->media.front();
  out.has_data = !data.IsRejected();
  if (out.has_data) out.data_message_bytes_max = DataMessageBytesMax(data);
  for (std::size_t i = 1; i < parsed->media.size(); ++i) {
    AcceptSection(parsed->media[i], sections_[i - 1], out);
  }
  return out;
}

std::string_view OfferNegotiator::CheckAnswer(const wire::SessionDescription& answer) const {
  // Sections are only added by NextOffer, so the outstanding offer has just these.
  if (answer.media.size() != sections_.size() + 1) return "the answer has other sections";
  for (std::size_t i = 0; i < answer.media.size(); ++i) {
    const wire::SdpMedia& media = answer.media[i];
    const bool kind_fits = i == 0 ? media.kind == wire::SdpKind::kApplication
                                  : MediaKindOf(media.kind) == std::optional(sections_[i - 1].kind);
    const std::string mid = i == 0 ? std::string(kDataMid) : MidOf(i - 1);
    // A refused section need not repeat its mid.
    if (!kind_fits || (media.mid != mid && !media.IsRejected())) {
      return "the answer has its sections in another order";
    }
  }
  return {};
}

void OfferNegotiator::AcceptSection(const wire::SdpMedia& answered, Section& section,
                                    OfferAccepted& out) {
  if (section.offered_inactive) {
    section.released = false;
    section.offered_inactive = false;
    // Only tracks beyond the limit of sections wait while there is an answer to come.
    if (!waiting_.empty()) dirty_ = true;
  }
  if (answered.IsRejected()) section.rejected = true;
  if (!section.track) return;
  const DownlinkTrack& track = *section.track;
  const wire::SdpCodec* codec = FindCodecFor(answered, track);
  if (answered.IsRejected() || !wire::Receives(answered.direction) || codec == nullptr) {
    out.unsupported.push_back(track.track_sid);
    section.Release();
    dirty_ = true;
    return;
  }
  DownlinkSection& accepted = out.downlinks.emplace_back();
  accepted.mid = answered.mid;
  accepted.track_sid = track.track_sid;
  accepted.kind = track.kind;
  accepted.ssrc = track.ssrc;
  accepted.rtx_ssrc = track.rtx_ssrc;
  accepted.codecs = NegotiatedCodecs(answered.kind, answered.codecs);
  const auto first = std::find_if(
      accepted.codecs.begin(), accepted.codecs.end(),
      [&](const NegotiatedCodec& other) { return other.payload_type == codec->payload_type; });
  if (first != accepted.codecs.end()) std::rotate(accepted.codecs.begin(), first, first + 1);
  accepted.extensions = ExtensionMapOf(answered.extensions);
  accepted.is_new = std::exchange(section.is_new, false);
}

}  // namespace fovea::livekit
