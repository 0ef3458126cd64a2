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

// add_track came; its m-line has not come yet.
struct PendingTrack {
  pb::AddTrackRequest request;
  pb::TrackInfo info;
  // A track of its cid is still up: track_published follows when that one is gone.
  bool is_queued = false;
};

// A track in one codec: an m-line of its own and a publication of its own, under the track's sid.
struct Encoding {
  rtp::Codec codec = rtp::Codec::kUnknown;
  std::string cid;                         // empty: a backup codec that was not asked for yet
  control::PublicationHandle publication;  // invalid: its m-line has not come
  std::string mid;
  std::string fmtp;       // as the publisher offered it; tells H.264 profiles apart
  bool scalable = false;  // spatial layers share one stream (VP9 or AV1 without rids)
  // Dynacast, as the publisher was last told. Unset: nothing sent yet; the primary is on, a backup
  // is off.
  std::optional<pb::VideoQuality> dynacast_sent;

  [[nodiscard]] bool live() const { return publication.valid(); }
};

// Invariant: encodings[i] is info.codecs(i); 0 is the primary, the rest are backups for subscribers
// who cannot decode it. A track in a Participant has a live primary.
struct Track {
  pb::TrackInfo info;
  std::vector<Encoding> encodings;
  bool subscribed_once = false;        // track_subscribed was sent
  bool regressed = false;              // everybody receives the first backup, for good
  Instant dynacast_lower_at = kNever;  // when lower wishes take effect
  Instant published_at{};

  [[nodiscard]] bool is_video() const { return info.type() == pb::TrackType::VIDEO; }
  // Its level says who speaks.
  [[nodiscard]] bool is_voice() const {
    return !is_video() && info.source() != pb::TrackSource::SCREEN_SHARE_AUDIO;
  }
  [[nodiscard]] Encoding& primary() { return encodings.front(); }
  [[nodiscard]] const Encoding& primary() const { return encodings.front(); }
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
  std::size_t encoding = 0;                  // which of the track's it receives, or waits for
  control::SubscriptionHandle subscription;  // valid when kBound
  std::size_t bound_encoding = 0;            // what `subscription` forwards; until a move is bound
  std::uint32_t ssrc = 0;
  std::uint32_t rtx_ssrc = 0;
  std::string mid;
  // AV1 of several layers to a client that negotiated no dependency descriptor: without it Chromium
  // cannot tell their frames apart and decodes none.
  bool base_layer_only = false;
  TrackSettings settings;
  std::optional<pb::VideoQuality> quality_limit;  // by bandwidth; OFF: paused
  Instant since{};
};

}  // namespace fovea::livekit
