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
    // Without a cid: a backup codec, which the client publishes when told that somebody needs it.
    if (codec.cid().empty() && info.codecs_size() == 0) continue;
    pb::SimulcastCodecInfo& out = *info.add_codecs();
    const std::string mime =
        (request.type() == pb::TrackType::VIDEO ? "video/" : "audio/") + codec.codec();
    const rtp::Codec known = rtp::CodecFromMime(mime);
    out.set_mime_type(known == rtp::Codec::kUnknown ? mime : std::string(rtp::MimeType(known)));
    out.set_cid(codec.cid());
    *out.mutable_layers() = codec.layers_size() > 0 ? codec.layers() : request.layers();
    out.set_video_layer_mode(codec.video_layer_mode());
  }
  return info;
}

}  // namespace

void Room::AddTrack(Instant now, Participant& participant, const pb::AddTrackRequest& request) {
  const auto say = [&](pb::RequestResponse::Reason reason, const char* message) {
    pb::RequestResponse response;
    response.set_reason(reason);
    response.set_message(message);
    *response.mutable_add_track() = request;
    RespondToRequest(participant, std::move(response));
  };
  if (!participant.may_publish(request.source())) {
    return say(pb::RequestResponse::NOT_ALLOWED, "does not have permission to publish this source");
  }
  pb::SignalResponse response;
  pb::TrackPublishedResponse& published = *response.mutable_track_published();
  published.set_cid(request.cid());
  if (!request.sid().empty()) {
    Track* track = participant.track(request.sid());
    if (track == nullptr) return say(pb::RequestResponse::NOT_FOUND, "no such track");
    AddBackupCodec(*track, request);
    *published.mutable_track() = track->info;
    Send(participant, response);
    return RematchUplinks(now, participant);
  }
  if (participant.pending.size() >= limits::kPendingTracksMax &&
      !participant.pending.contains(request.cid())) {
    return say(pb::RequestResponse::LIMIT_EXCEEDED, "too many tracks are waiting for their offer");
  }
  PendingTrack& pending = participant.pending[request.cid()];
  const bool is_new = pending.info.sid().empty();
  pending.request = request;
  if (is_new) {
    pending.info = MakeTrackInfo(request, NewId(context_.rng, TrackIdPrefix(request)));
    participant.pending_order.push_back(request.cid());
  }
  pending.is_queued = participant.publishes(request.cid());
  if (pending.is_queued)
    return say(pb::RequestResponse::QUEUED, "a track of this cid is still published");
  *published.mutable_track() = pending.info;
  Send(participant, response);

  RematchUplinks(now, participant);
}

// Those whose predecessor of the same cid is gone now.
void Room::AnswerQueued(Participant& participant) {
  for (auto& [cid, pending] : participant.pending) {
    if (!pending.is_queued || participant.publishes(cid)) continue;
    pending.is_queued = false;
    pb::SignalResponse response;
    response.mutable_track_published()->set_cid(cid);
    *response.mutable_track_published()->mutable_track() = pending.info;
    Send(participant, response);
  }
}

// The offer may have come before the request: clients send both at once.
void Room::RematchUplinks(Instant now, Participant& participant) {
  PeerConnection* peer = participant.uplink();
  if (peer == nullptr || peer->answerer == nullptr) return;
  const std::vector<UplinkTrack> uplinks = UplinksOf(participant);
  for (const UplinkSection& section : peer->answerer->Rematch(uplinks))
    PublishSection(now, participant, section);
}

std::vector<UplinkTrack> Room::UplinksOf(const Participant& participant) const {
  std::vector<UplinkTrack> uplinks;
  const auto add = [&](const std::string& cid, const pb::TrackInfo& info, std::size_t encoding) {
    const int index = static_cast<int>(encoding);
    UplinkTrack uplink;
    uplink.cid = cid;
    uplink.track_sid = info.sid();
    uplink.is_backup = encoding > 0;
    uplink.kind = info.type() == pb::TrackType::VIDEO ? control::MediaKind::kVideo
                                                      : control::MediaKind::kAudio;
    if (index < info.codecs_size())
      uplink.preferred = rtp::CodecFromMime(info.codecs(index).mime_type());
    uplink.declared_layers = DeclaredLayerCount(info, encoding);
    uplink.stereo = info.stereo();
    uplink.disable_dtx = info.disable_dtx();
    uplink.disable_red = info.disable_red();
    uplinks.push_back(std::move(uplink));
  };
  const auto add_all = [&](const std::string& primary_cid, const pb::TrackInfo& info) {
    add(primary_cid, info, 0);
    for (int i = 1; i < info.codecs_size(); ++i) {
      const std::string& cid = info.codecs(i).cid();
      if (!cid.empty() && cid != primary_cid) add(cid, info, static_cast<std::size_t>(i));
    }
  };
  for (const auto& [track_sid, track] : participant.tracks)
    add_all(track->primary().cid, track->info);
  for (const std::string& cid : participant.pending_order)
    add_all(cid, participant.pending.at(cid).info);
  return uplinks;
}

void Room::PublishSection(Instant now, Participant& participant, const UplinkSection& section) {
  if (section.codecs.empty()) return;
  if (Track* track = participant.track(section.track_sid)) {
    for (Encoding& encoding : track->encodings) {
      if (encoding.cid == section.cid) PublishEncoding(now, participant, *track, encoding, section);
    }
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
  auto owned = std::make_unique<Track>();
  Track& track = *owned;
  track.info = std::move(pending.info);
  if (track.info.codecs_size() == 0) {
    pb::SimulcastCodecInfo& codec = *track.info.add_codecs();
    codec.set_cid(pending.request.cid());
    *codec.mutable_layers() = track.info.layers();
  }
  for (const pb::SimulcastCodecInfo& codec : track.info.codecs()) {
    Encoding& encoding = track.encodings.emplace_back();
    encoding.codec = rtp::CodecFromMime(codec.mime_type());
    encoding.cid = codec.cid();
  }
  track.primary().cid = pending.request.cid();
  track.published_at = now;
  if (!StartEncoding(participant, track, track.primary(), section)) {
    // The client was told "published" when it asked; it has to hear that this ended.
    pb::SignalResponse response;
    response.mutable_track_unpublished()->set_track_sid(track.info.sid());
    Send(participant, response);
    return;
  }
  track.info.set_mid(section.mid);
  track.info.set_mime_type(track.info.codecs(0).mime_type());
  participant.tracks[track.info.sid()] = std::move(owned);
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
  PostMuted(*track, request.muted());
  track->info.set_muted(request.muted());
  participant.BumpVersion();
  Broadcast(participant, &participant);
  if (request.muted() || !track->is_video()) return;
  for (const Encoding& encoding : track->encodings) {
    if (encoding.live()) context_.media.Post(control::RequestKeyFrame{encoding.publication});
  }
}

void Room::Unpublish(Instant now, Participant& participant, std::string track_sid,
                     bool tell_publisher) {
  const auto it = participant.tracks.find(track_sid);
  if (it == participant.tracks.end()) return;
  if (it->second->is_voice()) EndSpeech(participant);
  const std::unique_ptr<Track> track = std::move(it->second);
  participant.tracks.erase(it);
  for (const auto& [identity, subscriber] : participants_) {
    Unsubscribe(now, *subscriber, track_sid);
    subscriber->early_settings.erase(track_sid);
    subscriber->unsubscribed.erase(track_sid);
    subscriber->subscribed_by_hand.erase(track_sid);
  }
  for (Encoding& encoding : track->encodings) EndEncoding(encoding);
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
  AnswerQueued(participant);
}

}  // namespace fovea::livekit
