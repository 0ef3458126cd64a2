// What the operator can set about rooms, as the room logic uses it. Defaults are LiveKit's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/core/time.h"
#include "signaling/livekit/pb.h"

namespace fovea::livekit {

struct IceServer {
  std::vector<std::string> urls;
  std::string username;
  std::string credential;
  // Set: every client is given a credential of its own, made from this secret, for so long. Longer
  // than a call: clients ask for new ones when they reconnect only.
  std::string secret{};
  std::int64_t credential_ttl_s = 4 * 3600;
  std::string secret_file{};  // where the operator keeps `secret`
};

struct RoomOptions {
  bool auto_create = true;              // false: only CreateRoom or a roomCreate grant opens a room
  std::uint32_t empty_timeout_s = 300;  // nobody ever joined
  std::uint32_t departure_timeout_s = 20;  // after the last one left
  std::uint32_t max_participants = 0;      // 0 = no limit
  bool enable_remote_unmute = false;
  // By the name that a token (roomPreset) or CreateRoom (room_preset) asks for.
  std::map<std::string, pb::RoomConfiguration> configurations;
  // MIME names clients may publish, in order of preference. Video first: clients take the first
  // fit.
  std::vector<std::string> enabled_codecs = {"video/VP8",  "video/H264", "video/VP9",
                                             "video/AV1",  "audio/opus", "audio/red",
                                             "audio/PCMU", "audio/PCMA"};
};

struct ServerOptions {
  // Clients read it: below 1.8.0 RPC is off, above 1.13.6 JS publishes VP9/AV1 in a mode of its
  // own.
  std::string announced_version = "1.13.5";
  std::int32_t announced_protocol = 17;
  std::string node_id = "ND_fovea";
  std::string region;
  RoomOptions room;
  std::vector<IceServer> ice_servers;
  std::int32_t ping_interval_s = 5;  // must be positive: the Rust client builds a timer from it
  std::int32_t ping_timeout_s = 15;
  bool enable_data_tracks = true;
  // `publish=`: a second, publish-only connection of a participant. Not where a homeserver says who
  // may be in a room: it counts members, not connections.
  bool allow_side_sessions = true;

  // Speakers: shorter reacts faster and flickers more.
  Duration speaker_interval = Millis(400);
  // Dynacast: how long a layer that nobody wants keeps running. Shorter saves uplink, costs key
  // frames.
  Duration dynacast_pause_delay = Seconds(5);
  // A track's backup codec replaces its first one for everybody while fewer are in the room
  // (backup codec policy "prefer regression"); 0: always. Larger saves publishers' CPU, costs
  // bandwidth.
  std::size_t codec_regression_threshold = 5;
  // A participant who has never connected is removed after this.
  Duration join_timeout = Seconds(60);
  // An offer of ours that is not answered by then ends the session with RECONNECT. Shorter ends
  // those of slow devices, longer leaves a client without what it subscribed to meanwhile.
  Duration negotiation_timeout = Seconds(15);
  // Signal lost while media is fine: kept this long for a resume.
  Duration resume_timeout = Seconds(20);
  // A wish for a track that nobody publishes is answered with "not found" after this.
  Duration unknown_track_timeout = Seconds(60);
  Duration token_refresh_interval = Seconds(300);
  std::int64_t token_refresh_ttl_s = 600;  // at least; the token it came with may last longer
  // Roster updates that are not urgent are sent together after this.
  Duration update_batch_interval = Millis(50);
  Duration quality_interval = Seconds(5);

  // 0: no limit. Whoever asks for more waits until another subscription ends.
  std::uint64_t video_subscriptions_max = 0;  // of one participant
  std::uint64_t audio_subscriptions_max = 0;
  // 0: no limit. Nobody joins who is not there already while there is so much of it.
  std::uint64_t tracks_max = 0;            // published and subscribed, in all rooms
  std::uint64_t bytes_per_second_max = 0;  // received and sent, by all workers

  std::size_t metadata_bytes_max = limits::kMetadataBytesMax;
  std::size_t attributes_bytes_max = limits::kAttributesBytesMax;
  std::size_t room_name_chars_max = limits::kRoomNameCharsMax;
  std::size_t identity_chars_max = limits::kIdentityCharsMax;
  std::size_t name_chars_max = limits::kParticipantNameCharsMax;
};

}  // namespace fovea::livekit
