// Answers a client's offers. See answer_negotiator.h.
#include "signaling/livekit/answer_negotiator.h"

#include <algorithm>
#include <utility>

#include "signaling/livekit/negotiation_codecs.h"
#include "signaling/livekit/negotiation_extensions.h"
#include "signaling/livekit/negotiation_layers.h"
#include "signaling/livekit/negotiation_sections.h"

namespace fovea::livekit {
namespace {

[[nodiscard]] Failure<NegotiationError> Fail(std::string_view reason) {
  return Failure{NegotiationError{0, reason}};
}

[[nodiscard]] const UplinkTrack* TrackOf(const UplinkMatcher::Binding* binding,
                                         std::span<const UplinkTrack> tracks) {
  if (binding == nullptr) return nullptr;
  for (const UplinkTrack& track : tracks) {
    if (track.cid == binding->cid && track.track_sid == binding->track_sid) return &track;
  }
  return nullptr;
}

// `track` is nullptr for a section that waits for its add_track.
[[nodiscard]] UplinkSection DescribeUplink(const wire::SdpMedia& offered,
                                           const wire::SdpMedia& answered,
                                           const UplinkTrack* track) {
  UplinkSection section;
  section.mid = offered.mid;
  section.kind = MediaKindOf(offered.kind).value_or(control::MediaKind::kAudio);
  section.codecs = NegotiatedCodecs(answered.kind, answered.codecs);
  section.extensions = ExtensionMapOf(answered.extensions);
  section.layers =
      UplinkLayersOf(offered, track == nullptr ? std::uint8_t{0} : track->declared_layers);
  if (track == nullptr) return section;
  section.cid = track->cid;
  section.track_sid = track->track_sid;
  return section;
}

[[nodiscard]] bool IsFirefox(const wire::SessionDescription& offer) {
  return offer.origin.username.starts_with("mozilla");
}

}  // namespace

struct AnswerNegotiator::Round {
  wire::SessionDescription offer;
  LocalTransport local;
  UplinkMatcher uplinks;
  DownlinkSections downlinks;
  wire::SessionDescription sdp;
  Answer out;
  bool has_candidates = false;  // they stand in the first accepted section

  [[nodiscard]] wire::SdpMedia Accept(const wire::SdpMedia& offered) {
    const bool first = !std::exchange(has_candidates, true);
    return AcceptedSection(offered, DescribeTransport(local, wire::SdpSetup::kPassive, first));
  }
};

AnswerNegotiator::AnswerNegotiator(NegotiationPolicy policy, LocalTransport local, Rng& rng)
    : policy_(std::move(policy)), session_id_(rng.Next64() >> 1), local_(std::move(local)) {}

Result<Answer, NegotiationError> AnswerNegotiator::HandleOffer(std::string_view offer,
                                                               const AnswerInputs& inputs) {
  auto parsed = wire::ParseSdp(offer);
  if (!parsed.ok()) return Failure{NegotiationError{parsed.error().line, parsed.error().reason}};
  const std::string_view problem = CheckSections(*parsed);
  if (!problem.empty()) return Fail(problem);
  auto remote = RemoteTransportOf(*parsed);
  if (!remote.ok()) return Failure{remote.error()};
  if (remote->setup == wire::SdpSetup::kPassive || remote->setup == wire::SdpSetup::kHoldConn) {
    return Fail("the client leaves the active DTLS role to us");
  }

  Round round;
  round.local = local_;
  round.out.remote = *remote;
  if (remote_) {
    if (remote_->fingerprint != remote->fingerprint)
      return Fail("the client's certificate changed");
    // RFC 8839 §4.4.1.1.1: a new ufrag or password is the restart.
    round.out.ice_restarted =
        remote_->ice.ufrag != remote->ice.ufrag || remote_->ice.pwd != remote->ice.pwd;
  }
  if (round.out.ice_restarted) {
    if (inputs.fresh_ice.ufrag.empty()) return Fail("no fresh credentials for the ICE restart");
    round.local.ice = inputs.fresh_ice;
  }
  round.offer = *std::move(parsed);
  round.uplinks = uplinks_;
  round.out.ended = round.uplinks.Match(round.offer, inputs.uplinks);
  round.downlinks = downlinks_;
  round.downlinks.Assign(round.offer, inputs.downlinks);
  AnswerSections(round, inputs);
  round.out.shortage = round.downlinks.Shortage(inputs.downlinks);
  round.out.unsupported = round.downlinks.unsupported();
  Commit(round);
  return std::move(round.out);
}

// RFC 8829 §5.2.2 and 3264 §8: sections stay where they are; only a refused one may become another.
std::string_view AnswerNegotiator::CheckSections(const wire::SessionDescription& offer) const {
  if (offer.media.empty()) return "the offer has no media section";
  if (offer.media.size() < sections_.size()) return "a media section vanished";
  for (std::size_t i = 0; i < offer.media.size(); ++i) {
    if (offer.media[i].mid.empty()) return "a media section has no mid";
    if (i >= sections_.size() || sections_[i].rejected) continue;
    const bool same =
        offer.media[i].mid == sections_[i].mid && offer.media[i].kind == sections_[i].kind;
    if (!same) return "a media section changed its place";
  }
  return {};
}

void AnswerNegotiator::AnswerSections(Round& round, const AnswerInputs& inputs) {
  wire::SessionDescription& sdp = round.sdp;
  sdp.origin = {"-", std::to_string(session_id_), version_ + 1};
  sdp.ice_lite = true;
  sdp.extmap_allow_mixed = round.offer.extmap_allow_mixed;
  for (const wire::SdpMedia& offered : round.offer.media) {
    const bool usable = !offered.IsRejected() && IsBundled(round.offer, offered);
    if (usable && IsData(offered) && !round.out.has_data) {
      AnswerData(offered, round);
    } else if (!usable || !offered.IsRtp()) {
      sdp.media.push_back(RejectedSection(offered));
    } else if (IsUplink(offered)) {
      AnswerUplink(offered, inputs, round);
    } else {
      AnswerDownlink(offered, round);
    }
  }
  if (round.offer.Bundle() != nullptr) {
    wire::SdpGroup& bundle = sdp.groups.emplace_back();
    bundle.semantics = "BUNDLE";
    for (const wire::SdpMedia& section : sdp.media) {
      if (!section.IsRejected()) bundle.mids.push_back(section.mid);
    }
  }
  round.out.sdp = wire::WriteSdp(sdp);
}

void AnswerNegotiator::AnswerData(const wire::SdpMedia& offered, Round& round) const {
  wire::SdpMedia answer = round.Accept(offered);
  DescribeData(policy_, answer);
  round.sdp.media.push_back(std::move(answer));
  round.out.has_data = true;
  round.out.data_message_bytes_max = DataMessageBytesMax(offered);
}

void AnswerNegotiator::AnswerUplink(const wire::SdpMedia& offered, const AnswerInputs& inputs,
                                    Round& round) const {
  const UplinkTrack* track = TrackOf(round.uplinks.Find(offered.mid), inputs.uplinks);
  UplinkCodecRules rules;
  if (track != nullptr) {
    rules.preferred = track->preferred;
    rules.only_preferred = IsFirefox(round.offer);
    rules.stereo = track->stereo;
    rules.disable_dtx = track->disable_dtx;
    rules.disable_red = track->disable_red;
  }
  wire::SdpMedia answer = round.Accept(offered);
  answer.codecs = AnswerUplinkCodecs(offered, policy_, rules);
  answer.extensions = AnswerExtensions(offered, SectionUse::kUplink, policy_);
  AcceptRids(offered, answer);
  UplinkSection section = DescribeUplink(offered, answer, track);
  // Nothing in common: the section stays inactive, and there is nothing to receive.
  if (!section.codecs.empty()) {
    answer.direction = wire::SdpDirection::kRecvOnly;
    (track == nullptr ? round.out.held : round.out.uplinks).push_back(std::move(section));
  }
  round.sdp.media.push_back(std::move(answer));
}

// Also for sections on which nothing flows: spare ones, and those of unpublished tracks.
void AnswerNegotiator::AnswerDownlink(const wire::SdpMedia& offered, Round& round) const {
  const DownlinkSections::Slot* slot = round.downlinks.Find(offered.mid);
  const DownlinkTrack* track = slot != nullptr && slot->track ? &*slot->track : nullptr;
  // An unpublished simulcast section keeps its rids: dropping them would reduce the sender to one
  // layer for good, and it may be published again on this section.
  const bool was_simulcast = !offered.simulcast_send.empty();
  wire::SdpMedia answer = round.Accept(offered);
  answer.codecs = AnswerDownlinkCodecs(offered, policy_, track);
  answer.extensions = AnswerExtensions(
      offered, was_simulcast ? SectionUse::kUplink : SectionUse::kDownlink, policy_);
  if (was_simulcast) AcceptRids(offered, answer);
  if (track != nullptr) {
    answer.direction = wire::SdpDirection::kSendOnly;
    DescribeTrack(*track, answer);
    DownlinkSection& section = round.out.downlinks.emplace_back();
    section.mid = offered.mid;
    section.track_sid = track->track_sid;
    section.kind = track->kind;
    section.ssrc = track->ssrc;
    section.rtx_ssrc = track->rtx_ssrc;
    section.codecs = NegotiatedCodecs(answer.kind, answer.codecs);
    section.extensions = ExtensionMapOf(answer.extensions);
    section.is_new = slot->is_new;
    round.out.mid_to_track_id[offered.mid] = track->track_sid;
  }
  round.sdp.media.push_back(std::move(answer));
}

void AnswerNegotiator::Commit(Round& round) {
  ++version_;
  local_ = round.local;
  remote_ = round.out.remote;
  Remember(round);
  uplinks_ = std::move(round.uplinks);
  downlinks_ = std::move(round.downlinks);
}

void AnswerNegotiator::Remember(Round& round) {
  sections_.clear();
  sections_.reserve(round.offer.media.size());
  offered_uplinks_.media.clear();
  answered_uplinks_.clear();
  for (std::size_t i = 0; i < round.offer.media.size(); ++i) {
    wire::SdpMedia& offered = round.offer.media[i];
    wire::SdpMedia& answered = round.sdp.media[i];
    sections_.push_back({offered.mid, offered.kind, answered.IsRejected()});
    // What stopped sending still takes the id of its track.
    if (!IsUplink(offered) && offered.msids.empty()) continue;
    // Matching and layers read the rest; what was agreed of these is in the answer.
    offered.transport = {};
    offered.codecs = {};
    offered.extensions = {};
    answered.transport = {};
    offered_uplinks_.media.push_back(std::move(offered));
    answered_uplinks_.push_back(std::move(answered));
  }
}

std::vector<UplinkSection> AnswerNegotiator::Rematch(std::span<const UplinkTrack> uplinks) {
  const UplinkMatcher before = uplinks_;
  // What ends here was withdrawn by the caller, who needs no telling.
  (void)uplinks_.Match(offered_uplinks_, uplinks);
  std::vector<UplinkSection> found;
  for (std::size_t i = 0; i < offered_uplinks_.media.size(); ++i) {
    const wire::SdpMedia& offered = offered_uplinks_.media[i];
    const wire::SdpMedia& answered = answered_uplinks_[i];
    const UplinkTrack* track = TrackOf(uplinks_.Find(offered.mid), uplinks);
    if (track == nullptr || before.Find(offered.mid) != nullptr) continue;
    if (!wire::Receives(answered.direction)) continue;
    found.push_back(DescribeUplink(offered, answered, track));
  }
  return found;
}

std::optional<SectionShortage> AnswerNegotiator::Shortage(
    std::span<const DownlinkTrack> wanted) const {
  return downlinks_.Shortage(wanted);
}

}  // namespace fovea::livekit
