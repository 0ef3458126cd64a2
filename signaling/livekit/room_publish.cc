// Room: what participants publish. livekit-protocol reference sections 2.2, 3.2, 4.4, 4.6.
#include <algorithm>

#include "signaling/livekit/quality.h"
#include "signaling/livekit/room.h"

namespace fovea::livekit {
namespace {

std::string TrackIdPrefix(const pb::AddTrackRequest& request) {
  std::string prefix(kTrackPrefix);
  prefix += request.type() == pb::TrackType::VIDEO ? 'V' : 'A';
  switch (request.source()) {
    case pb::TrackSource::CAMERA:
      return prefix + 'C';
    case pb::TrackSource::MICROPHONE:
      return prefix + 'M';
    case pb::TrackSource::SCREEN_SHARE:
      return prefix + 'S';
    case pb::TrackSource::SCREEN_SHARE_AUDIO:
      return prefix + 's';
    default:
      return prefix + 'U';
  }
}

bool HasFeature(const pb::TrackInfo& info, pb::AudioTrackFeature feature) {
  return std::find(info.audio_features().begin(), info.audio_features().end(), feature) !=
         info.audio_features().end();
}

pb::TrackInfo MakeTrackInfo(const pb::AddTrackRequest& request, std::string sid) {
  pb::TrackInfo info;
  info.set_sid(std::move(sid));
  info.set_type(request.type());
  info.set_name(request.name());
  info.set_muted(request.muted());
  info.set_width(request.width());
  info.set_height(request.height());
  info.set_simulcast(request.layers_size() > 1);
  info.set_source(request.source());
  *info.mutable_layers() = request.layers();
  info.set_disable_red(request.disable_red());
  info.set_encryption(request.encryption());
  info.set_stream(request.stream());
  info.set_backup_codec_policy(request.backup_codec_policy());
  *info.mutable_audio_features() = request.audio_features();
  *info.mutable_packet_trailer_features() = request.packet_trailer_features();
  info.set_stereo(request.stereo() || HasFeature(info, pb::AudioTrackFeature::TF_STEREO));
  info.set_disable_dtx(request.disable_dtx() || HasFeature(info, pb::AudioTrackFeature::TF_NO_DTX));
  for (const pb::SimulcastCodec& codec : request.simulcast_codecs()) {
    if (codec.cid().empty()) continue;
    pb::SimulcastCodecInfo& out = *info.add_codecs();
    out.set_mime_type((request.type() == pb::TrackType::VIDEO ? "video/" : "audio/") +
                      codec.codec());
    out.set_cid(codec.cid());
    *out.mutable_layers() = codec.layers_size() > 0 ? codec.layers() : request.layers();
    out.set_video_layer_mode(codec.video_layer_mode());
  }
  return info;
}

control::CodecMapping ToMapping(const NegotiatedCodec& codec) {
  control::CodecMapping mapping;
  mapping.codec = codec.codec;
  mapping.pt = codec.payload_type;
  mapping.has_rtx = codec.rtx.has_value();
  if (codec.rtx.has_value()) mapping.rtx_pt = *codec.rtx;
  return mapping;
}

control::AddPublication MakeCommand(const Track& track, control::SessionHandle session,
                                    const UplinkSection& section) {
  control::AddPublication command;
  command.publication = track.publication;
  command.session = session;
  command.kind = section.kind;
  (void)command.mid.TryAssign(section.mid);  // longer mids never match the extension either
  command.muted = track.info.muted();
  command.extensions = section.extensions;
  for (const NegotiatedCodec& codec : section.codecs)
    (void)command.codecs.TryPush(ToMapping(codec));
  for (const UplinkLayer& layer : section.layers) {
    control::LayerSource source;
    (void)source.rid.TryAssign(layer.rid);
    source.spatial = layer.spatial;
    source.ssrc = layer.ssrc;
    source.rtx_ssrc = layer.rtx_ssrc;
    (void)command.layers.TryPush(source);
  }
  return command;
}

bool SourceAllowed(const pb::ParticipantPermission& permission, pb::TrackSource source) {
  if (!permission.can_publish()) return false;
  if (permission.can_publish_sources_size() == 0) return true;
  const auto& sources = permission.can_publish_sources();
  return std::find(sources.begin(), sources.end(), source) != sources.end();
}

}  // namespace

void Room::AddTrack(Instant now, Participant& participant, const pb::AddTrackRequest& request) {
  const auto refuse = [&](pb::RequestResponse::Reason reason, const char* message) {
    pb::RequestResponse response;
    response.set_reason(reason);
    response.set_message(message);
    *response.mutable_add_track() = request;
    RespondToRequest(participant, std::move(response));
  };
  if (!SourceAllowed(participant.info.permission(), request.source())) {
    return refuse(pb::RequestResponse::NOT_ALLOWED,
                  "does not have permission to publish this source");
  }
  pb::SignalResponse response;
  pb::TrackPublishedResponse& published = *response.mutable_track_published();
  published.set_cid(request.cid());
  if (!request.sid().empty()) {
    // A backup codec for a live track: known by one more cid; its m-line is answered but not
    // forwarded until a subscriber needs it, which subscribed_quality_update never says today.
    Track* track = participant.track(request.sid());
    if (track == nullptr) return refuse(pb::RequestResponse::NOT_FOUND, "no such track");
    *published.mutable_track() = track->info;
    return Send(participant, response);
  }
  if (participant.pending.size() >= limits::kPendingTracksMax &&
      !participant.pending.contains(request.cid())) {
    return refuse(pb::RequestResponse::LIMIT_EXCEEDED,
                  "too many tracks are waiting for their offer");
  }
  PendingTrack& pending = participant.pending[request.cid()];
  const bool is_new = pending.info.sid().empty();
  pending.request = request;
  if (is_new) {
    pending.info = MakeTrackInfo(request, NewId(context_.rng, TrackIdPrefix(request)));
    participant.pending_order.push_back(request.cid());
  }
  *published.mutable_track() = pending.info;
  Send(participant, response);

  // The offer may have come first: clients send both at once.
  PeerConnection* peer = participant.uplink();
  if (peer == nullptr || peer->answerer == nullptr) return;
  const std::vector<UplinkTrack> uplinks = UplinksOf(participant);
  for (const UplinkSection& section : peer->answerer->Rematch(uplinks))
    PublishSection(now, participant, section);
}

std::vector<UplinkTrack> Room::UplinksOf(const Participant& participant) const {
  std::vector<UplinkTrack> uplinks;
  const auto add = [&](const std::string& cid, const pb::TrackInfo& info, rtp::Codec preferred) {
    UplinkTrack uplink;
    uplink.cid = cid;
    uplink.track_sid = info.sid();
    uplink.kind = info.type() == pb::TrackType::VIDEO ? control::MediaKind::kVideo
                                                      : control::MediaKind::kAudio;
    uplink.preferred = preferred;
    const int layers = info.layers_size() > 0 || info.codecs_size() == 0
                           ? info.layers_size()
                           : info.codecs(0).layers_size();
    uplink.declared_layers = static_cast<std::uint8_t>(std::min(layers, 3));
    uplink.stereo = info.stereo();
    uplink.disable_dtx = info.disable_dtx();
    uplink.disable_red = info.disable_red();
    uplinks.push_back(std::move(uplink));
  };
  const auto add_all = [&](const std::string& primary_cid, const pb::TrackInfo& info) {
    const rtp::Codec preferred = info.codecs_size() > 0
                                     ? rtp::CodecFromMime(info.codecs(0).mime_type())
                                     : rtp::Codec::kUnknown;
    add(primary_cid, info, preferred);
    for (const pb::SimulcastCodecInfo& codec : info.codecs()) {
      if (codec.cid() != primary_cid) add(codec.cid(), info, rtp::CodecFromMime(codec.mime_type()));
    }
  };
  for (const auto& [track_sid, track] : participant.tracks)
    add_all(track->cids.front(), track->info);
  for (const std::string& cid : participant.pending_order)
    add_all(cid, participant.pending.at(cid).info);
  return uplinks;
}

void Room::PublishSection(Instant now, Participant& participant, const UplinkSection& section) {
  if (section.codecs.empty()) return;
  if (Track* track = participant.track(section.track_sid)) {
    track->mid = section.mid;
    const PeerConnection* peer = participant.uplink();
    context_.media.Post(control::UpdatePublication{MakeCommand(*track, peer->session, section)});
    return;
  }
  const auto it =
      std::find_if(participant.pending.begin(), participant.pending.end(),
                   [&](const auto& entry) { return entry.second.info.sid() == section.track_sid; });
  if (it == participant.pending.end()) return;
  const std::string cid = it->first;
  PendingTrack pending = std::move(it->second);
  participant.pending.erase(it);
  std::erase(participant.pending_order, cid);
  PublishTrack(now, participant, std::move(pending), section);
}

void Room::PublishTrack(Instant now, Participant& participant, PendingTrack pending,
                        const UplinkSection& section) {
  const PeerConnection* peer = participant.uplink();
  auto owned = std::make_unique<Track>();
  Track& track = *owned;
  track.publication = context_.media.NewPublication(participant.worker);
  if (!track.publication.valid()) {
    context_.log.Log(LogLevel::kWarn, "no publication slot left on a worker; track refused");
    // The client was told "published" when it asked; it has to hear that this ended.
    pb::SignalResponse response;
    response.mutable_track_unpublished()->set_track_sid(pending.info.sid());
    Send(participant, response);
    return;
  }
  track.info = std::move(pending.info);
  track.cids = {pending.request.cid()};
  track.mid = section.mid;
  track.codec = section.codecs.front().codec;
  track.fmtp = section.codecs.front().fmtp;
  track.scalable = (track.codec == rtp::Codec::kVp9 || track.codec == rtp::Codec::kAv1) &&
                   section.layers.size() < 2;
  track.published_at = now;
  track.info.set_mid(section.mid);
  track.info.set_mime_type(std::string(rtp::MimeType(track.codec)));
  if (track.info.codecs_size() == 0) {
    pb::SimulcastCodecInfo& codec = *track.info.add_codecs();
    codec.set_cid(pending.request.cid());
    *codec.mutable_layers() = track.info.layers();
  }
  track.info.mutable_codecs(0)->set_mime_type(track.info.mime_type());
  track.info.mutable_codecs(0)->set_mid(section.mid);

  const std::string track_sid = track.info.sid();
  context_.index.publications[track.publication] = TrackOwner{this, &participant, track_sid};
  context_.media.Post(MakeCommand(track, peer->session, section));
  participant.tracks[track_sid] = std::move(owned);
  participant.info.set_is_publisher(true);
  participant.BumpVersion();
  // `update` must reach subscribers before anything that adds this media to their connections.
  Broadcast(participant, &participant);
  Notify(now, "track_published", &participant, &track);
  TellPublishing(now, participant);
  ReconcileTrack(now, participant, track);
  if (track.is_video()) UpdateDynacast(now, participant, track);
  room_update_at_ = std::min(room_update_at_, now + Seconds(1));
}

void Room::MuteByClient(Participant& participant, const pb::MuteTrackRequest& request) {
  Track* track = participant.track(request.sid());
  if (track == nullptr) {
    for (auto& [cid, pending] : participant.pending) {
      if (pending.info.sid() == request.sid()) pending.info.set_muted(request.muted());
    }
    return;
  }
  if (track->info.muted() == request.muted()) return;
  // A publisher may lift a mute that the API set: their own decision, as upstream has it.
  context_.media.Post(control::SetPublicationMuted{track->publication, request.muted()});
  track->info.set_muted(request.muted());
  participant.BumpVersion();
  Broadcast(participant, &participant);
  if (!request.muted() && track->is_video())
    context_.media.Post(control::RequestKeyFrame{track->publication});
}

void Room::Unpublish(Instant now, Participant& participant, std::string track_sid,
                     bool tell_publisher) {
  const auto it = participant.tracks.find(track_sid);
  if (it == participant.tracks.end()) return;
  const std::unique_ptr<Track> track = std::move(it->second);
  participant.tracks.erase(it);
  for (const auto& [identity, subscriber] : participants_) {
    Unsubscribe(now, *subscriber, track_sid);
    subscriber->early_settings.erase(track_sid);
    subscriber->unsubscribed.erase(track_sid);
    subscriber->subscribed_by_hand.erase(track_sid);
  }
  context_.index.publications.erase(track->publication);
  context_.media.Post(control::RemovePublication{track->publication});
  if (tell_publisher) {
    pb::SignalResponse response;
    response.mutable_track_unpublished()->set_track_sid(track_sid);
    Send(participant, response);
  }
  participant.info.set_is_publisher(!participant.tracks.empty());
  if (participant.info.state() != pb::ParticipantInfo::DISCONNECTED) {
    participant.BumpVersion();
    Broadcast(participant, &participant);
  }
  Notify(now, "track_unpublished", &participant, track.get());
  TellPublishing(now, participant);
}

}  // namespace fovea::livekit
