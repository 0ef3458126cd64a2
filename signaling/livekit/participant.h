// One person (or agent) in a room: identity, permissions, peer connections, what they publish and
// what they receive. State only; the rules are in Room. Owned by Room. Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sfu/control/command.h"
#include "sfu/core/time.h"
#include "signaling/livekit/answer_negotiator.h"
#include "signaling/livekit/offer_negotiator.h"
#include "signaling/livekit/pb.h"
#include "signaling/livekit/ports.h"
#include "signaling/livekit/track.h"
#include "signaling/wire/token_grants.h"

namespace fovea::livekit {

// What a verified token and the join request together say.
struct JoinParams {
  wire::TokenGrants token;  // as verified; a refreshed token says what is not repeated below, too
  std::string room;
  std::string identity;
  std::string name;
  std::string metadata;
  std::map<std::string, std::string> attributes;
  pb::ParticipantPermission permission;
  pb::ParticipantInfo::Kind kind = pb::ParticipantInfo::STANDARD;
  std::vector<pb::ParticipantInfo::KindDetail> kind_details;
  std::optional<std::int64_t> token_issued_unix;  // its `nbf`; compared with revocations
  bool may_create_room = false;
  std::optional<pb::RoomConfiguration> room_configuration;
  std::string room_preset;  // names one of the operator's configurations
  pb::JoinRequest request;
  bool single_peer_connection = false;  // /rtc/v1

  // Whose token it is: `identity` unless this is a publish-only side session, which goes with its
  // owner.
  [[nodiscard]] const std::string& owner() const {
    return token.identity.empty() ? identity : token.identity;
  }
};

// What a participant begins with: what the join request says goes over what the token says, and
// empty says nothing.
[[nodiscard]] const std::string& MetadataAtJoin(const JoinParams& params);
[[nodiscard]] std::map<std::string, std::string> AttributesAtJoin(const JoinParams& params);
// How many peer connections it begins with.
[[nodiscard]] std::size_t SessionsAtJoin(const JoinParams& params);

// One peer connection of a participant.
struct PeerConnection {
  enum class Role : std::uint8_t { kSingle, kPublisher, kSubscriber };
  Role role = Role::kSingle;
  control::SessionHandle session;
  control::IceCredentials credentials;
  bool on_worker = false;  // AddSession was posted
  bool connected = false;
  std::unique_ptr<AnswerNegotiator> answerer;  // kSingle, kPublisher
  std::unique_ptr<OfferNegotiator> offerer;    // kSubscriber
  Instant answer_due = kNever;                 // kSubscriber: to the offer that is outstanding
};

// Who may receive this participant's tracks (subscription_permission).
struct SubscriptionPermissions {
  struct Grant {
    bool all_tracks = false;
    std::set<std::string> track_sids;
  };
  bool all_participants = true;
  std::map<std::string, Grant> by_sid;
  std::map<std::string, Grant> by_identity;
};

struct DataTrack {
  pb::DataTrackInfo info;
  std::map<std::string, std::uint32_t> handle_by_subscriber;  // participant sid → its handle
};

class Participant {
 public:
  // Constant after construction.
  std::string sid;
  std::string identity;
  std::string owner;        // JoinParams::owner()
  wire::TokenGrants token;  // that it came with
  bool single_peer_connection = false;
  bool subscriber_primary = false;  // dual mode; as `join` said
  std::int32_t protocol = 0;
  bool adaptive_stream = false;
  bool auto_subscribe = true;
  bool auto_subscribe_data_track = true;
  bool allow_pause = false;  // video may stop when bandwidth is short, and the client is told
  std::uint8_t worker = 0;
  Instant joined_at{};

  // Public record; `info.tracks` is filled by Snapshot().
  pb::ParticipantInfo info;

  // Signalling.
  ConnectionId connection;  // 0 while the socket is gone and a resume may come
  Instant signal_lost_at = kNever;
  Instant refresh_token_at = kNever;
  // Simulated scenarios (room_simulate.cc); a time that lies behind is no wish any more.
  Instant drop_resume_until = Instant::min();
  Instant drop_resume_silently_until = Instant::min();
  Instant fake_speech_ends_at = kNever;
  std::int64_t bandwidth_limit_bps = 0;  // 0: none

  // Media.
  std::map<PeerConnection::Role, PeerConnection> peers;
  std::map<std::string, PendingTrack> pending;           // by cid
  std::vector<std::string> pending_order;                // cids, oldest first
  std::map<std::string, std::unique_ptr<Track>> tracks;  // by sid
  std::map<std::string, Downlink> downlinks;             // by track sid
  std::map<std::string, TrackSettings> early_settings;   // track_setting before the subscription
  std::set<std::string> unsubscribed;                    // exceptions to auto_subscribe
  std::set<std::string> subscribed_by_hand;              // wishes without auto_subscribe
  std::set<rtp::Codec> undecodable;                      // as its descriptions showed
  std::map<std::string, Instant> awaited_tracks;  // wished for but unknown; given up at that time
  SubscriptionPermissions subscription_permissions;
  bool needs_sections = false;      // new downlinks wait for a negotiation
  bool has_capacity_again = false;  // a subscription ended, and their number is limited
  bool has_idle_section = false;    // a downlink went; its section is to become inactive
  std::uint32_t asked_audios = 0;   // last media_sections_requirement not yet followed by an offer
  std::uint32_t asked_videos = 0;
  bool requirement_outstanding = false;

  // Data.
  std::uint32_t last_reliable_seq = 0;
  // Reliable packets that could not be sent to it: the first of each sender, by sid.
  std::map<std::string, std::uint32_t> missed_reliable;
  Instant replay_at = kNever;
  std::map<std::uint32_t, DataTrack> data_tracks;     // by publisher's handle
  std::map<std::uint32_t, std::string> data_handles;  // our handle → data track sid
  std::set<std::string> data_subscribed;              // wishes, by data track sid
  std::set<std::string> data_unsubscribed;
  std::uint32_t last_data_handle = 0;  // handed out

  // Roster.
  bool update_due = false;  // a batched update is owed to the others

  // Speakers and quality.
  float speaker_level = 0;  // as last sent
  bool speaking = false;
  float pending_level = 0;  // as last measured
  bool pending_speaking = false;
  bool speaker_dirty = false;
  std::optional<pb::ConnectionQuality> quality_sent;
  float quality_score = 0;  // of the last interval
  // Publishers, by sid, whose state it is yet to be told: what changes later reaches it anyway.
  std::set<std::string> untold;

  [[nodiscard]] bool active() const { return info.state() == pb::ParticipantInfo::ACTIVE; }
  [[nodiscard]] bool hidden() const { return info.permission().hidden(); }
  // When an answer is overdue; never while there is no socket for it to come over.
  [[nodiscard]] Instant answer_due() const;
  [[nodiscard]] bool is_recorder() const {
    return info.kind() == pb::ParticipantInfo::EGRESS || info.permission().recorder();
  }
  [[nodiscard]] bool is_agent() const {
    return info.kind() == pb::ParticipantInfo::AGENT || info.permission().agent();
  }
  // The connection whose state is the participant's: the only one, or in dual mode the subscriber's
  // if the participant might subscribe when it joined.
  [[nodiscard]] PeerConnection* primary();
  [[nodiscard]] PeerConnection* uplink();    // carries what the client publishes
  [[nodiscard]] PeerConnection* downlink();  // carries what the client receives
  [[nodiscard]] PeerConnection* peer_for(control::SessionHandle session);
  [[nodiscard]] Track* track(const std::string& track_sid);
  // Made where there are none yet. Null: too many are remembered.
  [[nodiscard]] TrackSettings* EarlySettings(const std::string& track_sid);
  [[nodiscard]] bool may_publish(pb::TrackSource source) const;
  // Whether a published track has this cid.
  [[nodiscard]] bool publishes(const std::string& cid) const;
  // `info` with the tracks as they are now.
  [[nodiscard]] pb::ParticipantInfo Snapshot() const;
  void BumpVersion() { info.set_version(info.version() + 1); }
};

}  // namespace fovea::livekit
