// A published track, as signaling knows it. Owned by its publisher's Participant.
// Thread: signaling.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sfu/control/handles.h"
#include "sfu/core/time.h"
#include "sfu/rtp/codec.h"
#include "signaling/livekit/pb.h"

namespace fovea::livekit {

class Participant;

// add_track was answered with track_published; its m-line has not come yet.
struct PendingTrack {
  pb::AddTrackRequest request;
  pb::TrackInfo info;
};

struct Track {
  pb::TrackInfo info;
  std::vector<std::string> cids;  // of the primary and of simulcast codecs, as the client sent them
  control::PublicationHandle publication;
  std::string mid;
  std::string fmtp;  // as the publisher offered it; tells H.264 profiles apart
  rtp::Codec codec = rtp::Codec::kUnknown;
  bool scalable = false;         // spatial layers share one stream (VP9 or AV1 without rids)
  bool subscribed_once = false;  // track_subscribed was sent

  // Dynacast, as the publisher was last told. Unset: nothing sent yet, everything is on.
  std::optional<pb::VideoQuality> dynacast_sent;
  Instant dynacast_lower_at = kNever;  // when a lower wish takes effect
  Instant published_at{};

  [[nodiscard]] bool is_video() const { return info.type() == pb::TrackType::VIDEO; }
};

// What a subscriber asked for with track_setting.
struct TrackSettings {
  bool disabled = false;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t fps = 0;
  std::optional<pb::VideoQuality> quality;
};

// One participant's subscription to one track. Owned by the subscriber's Participant, keyed by sid.
struct Downlink {
  enum class State : std::uint8_t {
    kWanted,  // waits for an m-line
    kBound,   // has an m-line; the worker forwards
  };
  State state = State::kWanted;
  std::string publisher_sid;
  std::string publisher_identity;
  std::string track_sid;
  control::SubscriptionHandle subscription;  // valid when kBound
  std::uint32_t ssrc = 0;
  std::uint32_t rtx_ssrc = 0;
  std::string mid;
  TrackSettings settings;
  Instant since{};
};

}  // namespace fovea::livekit
