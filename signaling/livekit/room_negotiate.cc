// Room: offers, answers and the commands that follow from them. livekit-protocol reference sections
// 2.2, 3.1, 3.3, 3.4, 3.7.
#include <algorithm>

#include "signaling/livekit/quality.h"
#include "signaling/livekit/room.h"
#include "signaling/wire/json.h"

namespace fovea::livekit {
namespace {

constexpr std::size_t kUfragChars = 8;
constexpr std::size_t kPasswordChars = 24;

IceText FreshIce(const Context& context) {
  return {NewIceText(context.random_bytes, kUfragChars),
          NewIceText(context.random_bytes, kPasswordChars)};
}

control::IceCredentials ToCredentials(const IceText& ice) {
  control::IceCredentials credentials;
  const bool fits =
      credentials.ufrag.TryAssign(ice.ufrag) && credentials.password.TryAssign(ice.pwd);
  FOVEA_CHECK(fits);  // our own text
  return credentials;
}

std::uint8_t HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  return static_cast<std::uint8_t>((c | 0x20) - 'a' + 10);
}

// REQUIRES: `text` was validated by the SDP parser as 32 colon-separated hex pairs, or is empty.
control::RemoteDescription ToRemote(const RemoteTransport& remote) {
  control::RemoteDescription description;
  (void)description.ufrag.TryAssign(remote.ice.ufrag);
  constexpr std::size_t kTextBytes = 32 * 3 - 1;
  if (remote.fingerprint.size() == kTextBytes) {
    description.has_fingerprint = true;
    for (std::size_t i = 0; i < description.fingerprint.size(); ++i) {
      description.fingerprint[i] = static_cast<std::uint8_t>(
          HexDigit(remote.fingerprint[3 * i]) << 4 | HexDigit(remote.fingerprint[3 * i + 1]));
    }
  }
  return description;
}

template <class List>
void FillCodecs(const std::vector<NegotiatedCodec>& codecs, List& out) {
  for (const NegotiatedCodec& codec : codecs) {
    control::CodecMapping mapping;
    mapping.codec = codec.codec;
    mapping.pt = codec.payload_type;
    mapping.has_rtx = codec.rtx.has_value();
    if (codec.rtx.has_value()) mapping.rtx_pt = *codec.rtx;
    if (!out.TryPush(mapping)) return;
  }
}

}  // namespace

LocalTransport Room::LocalTransportOf(const Participant& participant,
                                      const PeerConnection& peer) const {
  const WorkerTransport& worker = context_.media.Transport(participant.worker);
  LocalTransport local;
  local.ice = {std::string(peer.credentials.ufrag.view()),
               std::string(peer.credentials.password.view())};
  local.fingerprint = worker.fingerprint;
  for (const WorkerTransport::Candidate& candidate : worker.candidates) {
    local.candidates.push_back({candidate.ip, candidate.port, candidate.tcp});
  }
  return local;
}

void Room::EnsureOnWorker(PeerConnection& peer, const RemoteTransport& remote) {
  if (peer.on_worker) {
    context_.media.Post(control::SetRemote{peer.session, ToRemote(remote)});
    return;
  }
  peer.on_worker = true;
  context_.media.Post(control::AddSession{peer.session, peer.credentials, ToRemote(remote)});
}

void Room::SendCandidates(Participant& participant, const PeerConnection& peer,
                          const LocalTransport& local) {
  for (std::size_t i = 0; i < local.candidates.size(); ++i) {
    pb::SignalResponse response;
    pb::TrickleRequest& trickle = *response.mutable_trickle();
    nlohmann::json init;
    init["candidate"] = "candidate:" + CandidateLine(local.candidates[i], i);
    init["sdpMid"] = "0";
    init["sdpMLineIndex"] = 0;
    init["usernameFragment"] = local.ice.ufrag;
    trickle.set_candidateinit(wire::DumpJson(init));
    trickle.set_target(peer.role == PeerConnection::Role::kSubscriber
                           ? pb::SignalTarget::SUBSCRIBER
                           : pb::SignalTarget::PUBLISHER);
    trickle.set_final(i + 1 == local.candidates.size());
    Send(participant, response);
  }
}

std::vector<DownlinkTrack> Room::DownlinksOf(Participant& participant) {
  std::vector<const Downlink*> ordered;
  for (const auto& [track_sid, downlink] : participant.downlinks) ordered.push_back(&downlink);
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const Downlink* a, const Downlink* b) { return a->since < b->since; });
  std::vector<DownlinkTrack> downlinks;
  for (const Downlink* downlink : ordered) {
    Participant* publisher = nullptr;
    const Track* track = FindTrack(downlink->track_sid, &publisher);
    if (track == nullptr) continue;
    const Encoding& encoding = track->encodings[downlink->encoding];
    if (!encoding.live()) continue;  // a backup codec that is yet to come
    DownlinkTrack out;
    out.track_sid = downlink->track_sid;
    out.publisher_sid = publisher->sid;
    out.stream_id = publisher->sid + "|" + downlink->track_sid;
    out.kind = track->is_video() ? control::MediaKind::kVideo : control::MediaKind::kAudio;
    out.codec = encoding.codec;
    out.fmtp = encoding.fmtp;
    out.ssrc = Ssrc{downlink->ssrc};
    out.rtx_ssrc = Ssrc{downlink->rtx_ssrc};
    out.stereo = track->info.stereo();
    downlinks.push_back(std::move(out));
  }
  return downlinks;
}

void Room::HandleOffer(Instant now, Participant& participant, const pb::SessionDescription& offer) {
  PeerConnection* peer = participant.uplink();
  if (peer == nullptr) return;
  const bool first = peer->answerer == nullptr;
  if (first) {
    peer->answerer = std::make_unique<AnswerNegotiator>(
        NegotiationPolicy::FromMimeTypes(context_.options.room.enabled_codecs),
        LocalTransportOf(participant, *peer), context_.rng);
  }
  const std::vector<UplinkTrack> uplinks = UplinksOf(participant);
  std::vector<DownlinkTrack> downlinks;
  if (peer->role == PeerConnection::Role::kSingle) downlinks = DownlinksOf(participant);
  const AnswerInputs inputs{uplinks, downlinks, FreshIce(context_)};
  const Result<Answer, NegotiationError> result = peer->answerer->HandleOffer(offer.sdp(), inputs);
  if (!result.ok()) {
    context_.log.Log(LogLevel::kWarn, "offer of " + participant.sid +
                                          " refused: " + std::string(result.error().reason) +
                                          " (line " + std::to_string(result.error().line) + ")");
    return Remove(now, participant, pb::DisconnectReason::STATE_MISMATCH,
                  pb::LeaveRequest::RECONNECT);
  }
  const Answer& answer = *result;
  if (answer.ice_restarted) {
    peer->credentials = ToCredentials(peer->answerer->local().ice);
    context_.media.Post(
        control::RestartIce{peer->session, peer->credentials, ToRemote(answer.remote)});
  } else if (!peer->on_worker) {
    EnsureOnWorker(*peer, answer.remote);
  }
  participant.requirement_outstanding = false;
  if (peer->role == PeerConnection::Role::kSingle) participant.has_idle_section = false;

  pb::SignalResponse response;
  pb::SessionDescription& description = *response.mutable_answer();
  description.set_type("answer");
  description.set_sdp(answer.sdp);
  description.set_id(offer.id());
  for (const auto& [mid, track_sid] : answer.mid_to_track_id) {
    (*description.mutable_mid_to_track_id())[mid] = track_sid;
  }
  Send(participant, response);
  if (first) SendCandidates(participant, *peer, peer->answerer->local());
  ApplyAnswer(now, participant, answer);
}

void Room::ApplyAnswer(Instant now, Participant& participant, const Answer& answer) {
  for (const EndedUplink& ended : answer.ended) EndUplink(now, participant, ended);
  for (const UplinkSection& section : answer.uplinks) PublishSection(now, participant, section);
  for (const DownlinkSection& section : answer.downlinks) BindDownlink(now, participant, section);
  for (const std::string& track_sid : answer.unsupported) RefuseCodec(now, participant, track_sid);
  if (answer.shortage.has_value()) AskForSections(participant, *answer.shortage);
}

void Room::RefuseCodec(Instant now, Participant& participant, const std::string& track_sid) {
  if (FallBack(now, participant, track_sid)) return;
  pb::SignalResponse response;
  response.mutable_subscription_response()->set_track_sid(track_sid);
  response.mutable_subscription_response()->set_err(pb::SubscriptionError::SE_CODEC_UNSUPPORTED);
  Send(participant, response);
  participant.unsubscribed.insert(track_sid);
  Unsubscribe(now, participant, track_sid);
}

void Room::BindDownlink(Instant now, Participant& subscriber, const DownlinkSection& section) {
  const auto it = subscriber.downlinks.find(section.track_sid);
  if (it == subscriber.downlinks.end()) return;
  const bool is_bound = it->second.state == Downlink::State::kBound;
  if (is_bound && it->second.bound_encoding == it->second.encoding) return;
  if (section.ssrc != Ssrc{it->second.ssrc}) return;  // moved on since this was negotiated
  Participant* publisher = nullptr;
  Track* track = FindTrack(section.track_sid, &publisher);
  PeerConnection* peer = subscriber.downlink();
  if (track == nullptr || peer == nullptr) return;
  Downlink& downlink = it->second;
  DropSubscription(downlink);
  const Encoding& encoding = track->encodings[downlink.encoding];
  downlink.subscription = context_.media.NewSubscription(subscriber.worker);
  if (!downlink.subscription.valid()) {
    context_.log.Log(LogLevel::kWarn, "no subscription slot left on a worker; track not forwarded");
    return;
  }
  downlink.state = Downlink::State::kBound;
  downlink.bound_encoding = downlink.encoding;
  downlink.mid = section.mid;
  context_.index.subscriptions[downlink.subscription] =
      TrackOwner{this, &subscriber, section.track_sid};

  control::AddSubscription command;
  command.subscription = downlink.subscription;
  command.session = peer->session;
  command.publication = encoding.publication;
  command.kind = section.kind;
  (void)command.mid.TryAssign(section.mid);
  command.ssrc = section.ssrc;
  command.rtx_ssrc = section.rtx_ssrc;
  FillCodecs(section.codecs, command.codecs);
  command.extensions = section.extensions;
  command.scalable = encoding.scalable;
  downlink.base_layer_only = encoding.scalable && encoding.codec == rtp::Codec::kAv1 &&
                             !section.extensions.Has(rtp::ExtensionUri::kDependencyDescriptor);
  const Layers layers = LayersFor(subscriber, downlink, *track);
  command.paused = layers.paused;
  command.spatial_max = layers.spatial_max;
  command.temporal_max = layers.temporal_max;
  context_.media.Post(command);
  if (subscriber.bandwidth_limit_bps > 0) ShareBandwidth(subscriber);
  if (track->is_video()) UpdateDynacast(now, *publisher, *track);
}

void Room::NegotiateDownlinks(Instant now, Participant& participant) {
  participant.needs_sections = false;
  PeerConnection* peer = participant.downlink();
  if (peer == nullptr) return;
  if (peer->role == PeerConnection::Role::kSubscriber)
    return OfferToSubscriber(now, participant, false);
  // Without a first offer there is nothing to ask for: the client makes one on its own.
  if (peer->answerer == nullptr || !peer->answerer->has_remote()) return;
  const std::vector<DownlinkTrack> wanted = DownlinksOf(participant);
  std::optional<SectionShortage> shortage = peer->answerer->Shortage(wanted);
  // Only an offer lets us say that a section went idle: zero sections ask for one.
  if (!shortage.has_value() && participant.has_idle_section) shortage = SectionShortage{};
  if (shortage.has_value()) AskForSections(participant, *shortage);
}

void Room::AskForSections(Participant& participant, const SectionShortage& shortage) {
  // One requirement at a time; a larger one replaces it, because the client adds what is missing to
  // what it has, and an offer already under way may not know of the newest wish.
  const bool grows =
      shortage.audios > participant.asked_audios || shortage.videos > participant.asked_videos;
  if (participant.requirement_outstanding && !grows) return;
  pb::SignalResponse response;
  pb::MediaSectionsRequirement& requirement = *response.mutable_media_sections_requirement();
  const bool outstanding = participant.requirement_outstanding;
  requirement.set_num_audios(outstanding ? shortage.audios -
                                               std::min(shortage.audios, participant.asked_audios)
                                         : shortage.audios);
  requirement.set_num_videos(outstanding ? shortage.videos -
                                               std::min(shortage.videos, participant.asked_videos)
                                         : shortage.videos);
  participant.requirement_outstanding = true;
  participant.asked_audios = shortage.audios;
  participant.asked_videos = shortage.videos;
  Send(participant, response);
}

void Room::OfferToSubscriber(Instant now, Participant& participant, bool restart_ice) {
  PeerConnection* peer = participant.downlink();
  if (peer == nullptr || peer->role != PeerConnection::Role::kSubscriber) return;
  const bool first = peer->offerer == nullptr;
  if (first) {
    peer->offerer = std::make_unique<OfferNegotiator>(
        NegotiationPolicy::FromMimeTypes(context_.options.room.enabled_codecs),
        LocalTransportOf(participant, *peer), context_.rng);
    peer->on_worker = true;
    context_.media.Post(control::AddSession{peer->session, peer->credentials, {}});
  } else if (restart_ice) {
    const IceText fresh = FreshIce(context_);
    peer->offerer->RestartIce(fresh);
    peer->credentials = ToCredentials(fresh);
    context_.media.Post(control::RestartIce{peer->session, peer->credentials, {}});
  }
  for (const DownlinkTrack& track : DownlinksOf(participant)) peer->offerer->AddTrack(track);
  const std::optional<Offer> offer = peer->offerer->NextOffer();
  if (!offer.has_value()) return;
  peer->answer_due = now + context_.options.negotiation_timeout;
  pb::SignalResponse response;
  pb::SessionDescription& description = *response.mutable_offer();
  description.set_type("offer");
  description.set_sdp(offer->sdp);
  description.set_id(offer->id);
  for (const auto& [mid, track_sid] : offer->mid_to_track_id) {
    (*description.mutable_mid_to_track_id())[mid] = track_sid;
  }
  Send(participant, response);
  if (first || restart_ice) SendCandidates(participant, *peer, peer->offerer->local());
}

void Room::HandleAnswer(Instant now, Participant& participant,
                        const pb::SessionDescription& answer) {
  PeerConnection* peer = participant.downlink();
  if (peer == nullptr || peer->offerer == nullptr) return;
  const Result<OfferAccepted, NegotiationError> result =
      peer->offerer->HandleAnswer(answer.id(), answer.sdp());
  if (!result.ok()) {
    // A late answer to an older offer is harmless; the outstanding one is still awaited.
    context_.log.Log(LogLevel::kWarn, "answer of " + participant.sid +
                                          " ignored: " + std::string(result.error().reason));
    return;
  }
  peer->answer_due = kNever;
  EnsureOnWorker(*peer, result->remote);
  for (const DownlinkSection& section : result->downlinks) BindDownlink(now, participant, section);
  for (const std::string& track_sid : result->unsupported) RefuseCodec(now, participant, track_sid);
  OfferToSubscriber(now, participant, false);
}

}  // namespace fovea::livekit
