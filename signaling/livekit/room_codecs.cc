// Room: the codecs of a track. A publisher sends a track in one codec and, when somebody cannot
// decode that, in a second one on an m-line of its own. livekit-protocol reference section 4.5.
#include <algorithm>

#include "signaling/livekit/quality.h"
#include "signaling/livekit/room.h"

namespace fovea::livekit {
namespace {

control::CodecMapping ToMapping(const NegotiatedCodec& codec) {
  control::CodecMapping mapping;
  mapping.codec = codec.codec;
  mapping.pt = codec.payload_type;
  mapping.has_rtx = codec.rtx.has_value();
  if (codec.rtx.has_value()) mapping.rtx_pt = *codec.rtx;
  return mapping;
}

control::AddPublication MakeCommand(const Track& track, const Encoding& encoding,
                                    control::SessionHandle session, const UplinkSection& section) {
  control::AddPublication command;
  command.publication = encoding.publication;
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

}  // namespace

void Room::AddBackupCodec(Track& track, const pb::AddTrackRequest& request) {
  for (const pb::SimulcastCodec& codec : request.simulcast_codecs()) {
    const rtp::Codec known = rtp::CodecFromMime("video/" + codec.codec());
    for (std::size_t i = 1; i < track.encodings.size(); ++i) {
      Encoding& encoding = track.encodings[i];
      if (encoding.codec != known || encoding.live()) continue;
      const std::string& cid = codec.cid().empty() ? request.cid() : codec.cid();
      encoding.cid = cid;
      pb::SimulcastCodecInfo& info = *track.info.mutable_codecs(static_cast<int>(i));
      info.set_cid(cid);
      const auto& layers = codec.layers_size() > 0 ? codec.layers() : request.layers();
      if (!layers.empty()) *info.mutable_layers() = layers;
    }
  }
}

bool Room::StartEncoding(Participant& participant, Track& track, Encoding& encoding,
                         const UplinkSection& section) {
  encoding.publication = context_.media.NewPublication(participant.worker);
  if (!encoding.publication.valid()) {
    context_.log.Log(LogLevel::kWarn, "no publication slot left on a worker; track refused");
    return false;
  }
  encoding.codec = section.codecs.front().codec;
  encoding.fmtp = section.codecs.front().fmtp;
  encoding.mid = section.mid;
  encoding.scalable = (encoding.codec == rtp::Codec::kVp9 || encoding.codec == rtp::Codec::kAv1) &&
                      section.layers.size() < 2;
  const auto index = static_cast<int>(&encoding - track.encodings.data());
  track.info.mutable_codecs(index)->set_mime_type(std::string(rtp::MimeType(encoding.codec)));
  track.info.mutable_codecs(index)->set_mid(section.mid);
  context_.index.publications[encoding.publication] =
      TrackOwner{this, &participant, track.info.sid()};
  context_.media.Post(MakeCommand(track, encoding, participant.uplink()->session, section));
  return true;
}

void Room::PublishEncoding(Instant now, Participant& participant, Track& track, Encoding& encoding,
                           const UplinkSection& section) {
  if (encoding.live()) {
    encoding.mid = section.mid;
    context_.media.Post(control::UpdatePublication{
        MakeCommand(track, encoding, participant.uplink()->session, section)});
    return;
  }
  if (!StartEncoding(participant, track, encoding, section)) return;
  participant.BumpVersion();
  Broadcast(participant, &participant);
  const auto index = static_cast<std::size_t>(&encoding - track.encodings.data());
  const bool regress = ShouldRegress(track);
  track.regressed = track.regressed || (regress && index == 1);
  for (const auto& [identity, subscriber] : participants_) {
    const auto it = subscriber->downlinks.find(track.info.sid());
    if (it == subscriber->downlinks.end()) continue;
    if (it->second.encoding == index) {
      subscriber->needs_sections = true;  // it waited for this
    } else if (track.regressed) {
      MoveDownlink(*subscriber, it->second, index);
    }
  }
  UpdateDynacast(now, participant, track);
}

// Two encoders cost the publisher more than a better codec saves, as long as few receive it.
bool Room::ShouldRegress(const Track& track) const {
  const std::size_t threshold = context_.options.codec_regression_threshold;
  switch (track.info.backup_codec_policy()) {
    case pb::BackupCodecPolicy::SIMULCAST:
      return false;
    case pb::BackupCodecPolicy::REGRESSION:
      return true;
    default:  // PREFER_REGRESSION, and what later protocols may add
      return threshold == 0 || participants_.size() < threshold;
  }
}

void Room::EndEncoding(Encoding& encoding) {
  if (!encoding.live()) return;
  context_.index.publications.erase(encoding.publication);
  context_.media.Post(control::RemovePublication{encoding.publication});
  encoding.publication = control::PublicationHandle{};
}

void Room::EndUplink(Instant now, Participant& participant, const EndedUplink& ended) {
  Track* track = participant.track(ended.track_sid);
  if (track == nullptr) return;
  if (track->primary().cid == ended.cid) {
    Unpublish(now, participant, ended.track_sid, /*tell_publisher=*/false);
    return;
  }
  for (std::size_t i = 1; i < track->encodings.size(); ++i) {
    Encoding& encoding = track->encodings[i];
    if (encoding.cid != ended.cid || !encoding.live()) continue;
    EndEncoding(encoding);
    track->regressed = false;
    for (const auto& [identity, subscriber] : participants_) {
      const auto it = subscriber->downlinks.find(ended.track_sid);
      if (it == subscriber->downlinks.end() || it->second.encoding != i) continue;
      DropSubscription(it->second);
      MoveDownlink(*subscriber, it->second, FirstEncodingFor(*subscriber, *track));
    }
  }
  AnswerQueued(participant);
}

void Room::DropSubscription(Downlink& downlink) {
  if (!downlink.subscription.valid()) return;
  context_.index.subscriptions.erase(downlink.subscription);
  context_.media.Post(control::RemoveSubscription{downlink.subscription});
  downlink.subscription = control::SubscriptionHandle{};
  downlink.state = Downlink::State::kWanted;
}

std::size_t Room::FirstEncodingFor(const Participant& subscriber, const Track& track) const {
  if (track.regressed) return 1;
  for (std::size_t i = 0; i < track.encodings.size(); ++i) {
    if (!subscriber.undecodable.contains(track.encodings[i].codec)) return i;
  }
  return 0;
}

// What it receives goes on until the move is negotiated.
void Room::MoveDownlink(Participant& subscriber, Downlink& downlink, std::size_t encoding) {
  downlink.encoding = encoding;
  downlink.ssrc = context_.rng.Next32() | 1U;
  downlink.rtx_ssrc = (context_.rng.Next32() | 1U) ^ 2U;
  subscriber.needs_sections = true;
}

bool Room::FallBack(Instant now, Participant& subscriber, const std::string& track_sid) {
  const auto it = subscriber.downlinks.find(track_sid);
  Participant* publisher = nullptr;
  Track* track = FindTrack(track_sid, &publisher);
  if (it == subscriber.downlinks.end() || track == nullptr) return false;
  subscriber.undecodable.insert(track->encodings[it->second.encoding].codec);
  for (std::size_t i = 1; i < track->encodings.size(); ++i) {
    const rtp::Codec codec = track->encodings[i].codec;
    if (codec == rtp::Codec::kUnknown || subscriber.undecodable.contains(codec)) continue;
    MoveDownlink(subscriber, it->second, i);
    // The publisher starts the second encoder when it hears that somebody wants it.
    UpdateDynacast(now, *publisher, *track);
    return true;
  }
  return false;
}

void Room::PostMuted(const Track& track, bool muted) {
  for (const Encoding& encoding : track.encodings) {
    if (encoding.live())
      context_.media.Post(control::SetPublicationMuted{encoding.publication, muted});
  }
}

}  // namespace fovea::livekit
