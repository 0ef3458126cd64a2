// Room: which layers of which codecs a publisher is told to send. livekit-protocol reference
// section 4.5.
#include <algorithm>

#include "signaling/livekit/room.h"

namespace fovea::livekit {
namespace {

int Rank(pb::VideoQuality quality) {
  return quality == pb::VideoQuality::OFF ? -1 : static_cast<int>(quality);
}

// What the publisher sends as far as it was told.
pb::VideoQuality Sent(const Track& track, std::size_t encoding) {
  const pb::VideoQuality at_first = encoding == 0 ? pb::VideoQuality::HIGH : pb::VideoQuality::OFF;
  return track.encodings[encoding].dynacast_sent.value_or(at_first);
}

// "vp8" of "video/VP8".
std::string NameOf(const std::string& mime) {
  std::string name = mime.substr(mime.find('/') + 1);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

}  // namespace

void Room::UpdateDynacast(Instant now, Participant& publisher, Track& track) {
  std::vector<pb::VideoQuality> wanted(track.encodings.size(), pb::VideoQuality::OFF);
  bool anyone = false;
  for (const auto& [identity, subscriber] : participants_) {
    const auto it = subscriber->downlinks.find(track.info.sid());
    if (it == subscriber->downlinks.end()) continue;
    anyone = true;
    const Downlink& downlink = it->second;
    const pb::VideoQuality quality = WantedQuality(*subscriber, downlink, track);
    const auto want = [&](std::size_t encoding) {
      if (Rank(quality) > Rank(wanted[encoding])) wanted[encoding] = quality;
    };
    want(downlink.encoding);
    // On its way to another codec it still watches the old one.
    if (downlink.state == Downlink::State::kBound) want(downlink.bound_encoding);
  }
  bool rises = false;
  bool falls = false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    rises = rises || Rank(wanted[i]) > Rank(Sent(track, i));
    falls = falls || Rank(wanted[i]) < Rank(Sent(track, i));
  }
  const bool is_first = !track.primary().dynacast_sent.has_value();
  if (rises || !falls) {
    track.dynacast_lower_at = kNever;
    if (rises || is_first) SendDynacast(publisher, track, wanted);
    return;
  }
  // Lower only after a while: people drag windows and switch tabs. Before anybody ever subscribed,
  // the first subscriber gets longer still.
  if (track.dynacast_lower_at == kNever) {
    const Duration delay =
        anyone ? context_.options.dynacast_pause_delay : 2 * context_.options.dynacast_pause_delay;
    track.dynacast_lower_at = now + delay;
    return;
  }
  if (now < track.dynacast_lower_at) return;
  track.dynacast_lower_at = kNever;
  SendDynacast(publisher, track, wanted);
}

void Room::SendDynacast(Participant& publisher, Track& track,
                        const std::vector<pb::VideoQuality>& wanted) {
  pb::SignalResponse response;
  pb::SubscribedQualityUpdate& update = *response.mutable_subscribed_quality_update();
  update.set_track_sid(track.info.sid());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    track.encodings[i].dynacast_sent = wanted[i];
    pb::SubscribedCodec& codec = *update.add_subscribed_codecs();
    codec.set_codec(NameOf(track.info.codecs(static_cast<int>(i)).mime_type()));
    for (const pb::VideoQuality quality :
         {pb::VideoQuality::LOW, pb::VideoQuality::MEDIUM, pb::VideoQuality::HIGH}) {
      pb::SubscribedQuality& entry = *codec.add_qualities();
      entry.set_quality(quality);
      entry.set_enabled(Rank(quality) <= Rank(wanted[i]));
    }
  }
  *update.mutable_subscribed_qualities() = update.subscribed_codecs(0).qualities();
  Send(publisher, response);
}

}  // namespace fovea::livekit
