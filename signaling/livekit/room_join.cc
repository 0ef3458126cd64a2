// Room: joining, resuming, leaving. livekit-protocol reference sections 2.1, 2.5, 2.7, 3.11, 4.8.
#include <algorithm>
#include <optional>

#include "signaling/livekit/room.h"
#include "signaling/livekit/turn_credential.h"

namespace fovea::livekit {
namespace {

constexpr std::size_t kSifTrailerBytes = 16;

pb::ParticipantInfo MakeInfo(const Context& context, Instant now, const JoinParams& params,
                             std::string sid) {
  pb::ParticipantInfo info;
  info.set_sid(std::move(sid));
  info.set_identity(params.identity);
  info.set_name(params.name);
  info.set_metadata(MetadataAtJoin(params));
  for (const auto& [key, value] : AttributesAtJoin(params))
    (*info.mutable_attributes())[key] = value;
  const std::int64_t wall_ms = context.Wall(now).value / 1000;
  info.set_joined_at(wall_ms / 1000);
  info.set_joined_at_ms(wall_ms);
  info.set_state(pb::ParticipantInfo::JOINED);
  info.set_version(1);
  info.set_kind(params.kind);
  for (const auto detail : params.kind_details) info.add_kind_details(detail);
  info.set_region(context.options.region);
  info.set_client_protocol(params.request.client_info().client_protocol());
  *info.mutable_capabilities() = params.request.client_info().capabilities();
  *info.mutable_permission() = params.permission;
  return info;
}

pb::ServerInfo MakeServerInfo(const ServerOptions& options) {
  pb::ServerInfo info;
  info.set_edition(pb::ServerInfo::Standard);
  info.set_version(options.announced_version);
  info.set_protocol(options.announced_protocol);
  info.set_node_id(options.node_id);
  info.set_region(options.region);
  return info;
}

template <class Message>
void AddIceServers(const Context& context, Instant now, const std::string& sid, Message& message) {
  for (const IceServer& server : context.options.ice_servers) {
    pb::ICEServer* out = message.add_ice_servers();
    for (const std::string& url : server.urls) out->add_urls(url);
    TurnCredential own{server.username, server.credential};
    if (!server.secret.empty()) {
      const std::int64_t now_unix = context.Wall(now).value / 1'000'000;
      own = MakeTurnCredential(server.secret, sid, now_unix + server.credential_ttl_s);
    }
    out->set_username(own.username);
    out->set_credential(own.credential);
  }
}

bool IsResident(const Participant& participant) {
  const pb::ParticipantInfo::Kind kind = participant.info.kind();
  if (kind == pb::ParticipantInfo::AGENT || kind == pb::ParticipantInfo::EGRESS) return false;
  // As it came: permissions may change, and nobody starts or ends a room's life by that.
  const std::optional<wire::VideoGrants>& video = participant.token.video;
  return !video.has_value() || (!video->agent && !video->recorder);
}

}  // namespace

Room::Room(Context& context, Instant now, std::string name)
    : context_(context),
      name_(std::move(name)),
      sid_(NewId(context.rng, kRoomPrefix)),
      created_at_(now),
      empty_since_(now),
      sif_trailer_(kSifTrailerBytes, '\0') {
  context_.random_bytes(
      MutableByteSpan(reinterpret_cast<std::uint8_t*>(sif_trailer_.data()), sif_trailer_.size()));
  const RoomOptions& options = context_.options.room;
  const std::int64_t wall_ms = context_.Wall(now).value / 1000;
  info_.set_sid(sid_);
  info_.set_name(name_);
  info_.set_creation_time(wall_ms / 1000);
  info_.set_creation_time_ms(wall_ms);
  info_.set_empty_timeout(options.empty_timeout_s);
  info_.set_departure_timeout(options.departure_timeout_s);
  info_.set_max_participants(options.max_participants);
  for (const std::string& mime : options.enabled_codecs) info_.add_enabled_codecs()->set_mime(mime);
  speakers_at_ = now + context_.options.speaker_interval;
  quality_at_ = now + context_.options.quality_interval;
  Notify(now, "room_started", nullptr, nullptr);
}

Room::~Room() {
  for (auto& [identity, participant] : participants_) ReleaseMedia(*participant);
}

std::size_t Room::Residents() const {
  const auto counted = std::count_if(participants_.begin(), participants_.end(),
                                     [](const auto& entry) { return IsResident(*entry.second); });
  return static_cast<std::size_t>(counted);
}

bool Room::IsFull() const {
  return info_.max_participants() > 0 && Residents() >= info_.max_participants();
}

Participant* Room::Join(Instant now, ConnectionId connection, const JoinParams& params) {
  if (Participant* older = Find(params.identity)) {
    Remove(now, *older, pb::DisconnectReason::DUPLICATE_IDENTITY);
  }
  const std::optional<std::uint8_t> worker = context_.media.PickWorker(SessionsAtJoin(params));
  if (!worker.has_value()) return nullptr;
  auto owned = std::make_unique<Participant>();
  Participant& participant = *owned;
  participant.sid = NewId(context_.rng, kParticipantPrefix);
  participant.identity = params.identity;
  participant.owner = params.owner();
  participant.token = params.token;
  participant.single_peer_connection = params.single_peer_connection;
  participant.subscriber_primary =
      !params.single_peer_connection && params.permission.can_subscribe();
  participant.protocol = params.request.client_info().protocol();
  participant.adaptive_stream = params.request.connection_settings().adaptive_stream();
  participant.auto_subscribe = params.request.connection_settings().auto_subscribe();
  participant.allow_pause = params.request.connection_settings().subscriber_allow_pause();
  participant.auto_subscribe_data_track =
      !params.request.connection_settings().has_auto_subscribe_data_track() ||
      params.request.connection_settings().auto_subscribe_data_track();
  participant.worker = *worker;
  participant.joined_at = now;
  participant.connection = connection;
  participant.info = MakeInfo(context_, now, params, participant.sid);
  if (!CreatePeers(participant)) return nullptr;

  participants_[participant.identity] = std::move(owned);
  anyone_ever_joined_ = anyone_ever_joined_ || IsResident(participant);
  context_.log.Log(LogLevel::kInfo, "participant " + participant.sid + " joined room " + sid_);

  pb::SignalResponse response;
  *response.mutable_join() = MakeJoinResponse(now, participant);
  Send(participant, response);
  SendRefreshToken(now, participant);
  Broadcast(participant, &participant);
  for (const pb::AddTrackRequest& request : params.request.add_track_requests()) {
    AddTrack(now, participant, request);
  }
  // Before the first answer, so that it already fills the sections that clients pre-allocate.
  ReconcileSubscriptions(now, participant);
  if (params.request.has_publisher_offer() && !params.request.publisher_offer().sdp().empty()) {
    const std::string sid = participant.sid;
    HandleOffer(now, participant, params.request.publisher_offer());
    if (FindBySid(sid) == nullptr) return nullptr;  // unreadable: `participant` is gone
  }
  if (!participant.single_peer_connection && participant.downlink() != nullptr) {
    OfferToSubscriber(now, participant, /*restart_ice=*/false);
  }
  SubscribeDataTracks(participant);
  room_update_at_ = std::min(room_update_at_, now + Seconds(1));
  return &participant;
}

bool Room::CreatePeers(Participant& participant) {
  using Role = PeerConnection::Role;
  const bool created =
      participant.single_peer_connection
          ? AddPeer(participant, Role::kSingle)
          : AddPeer(participant, Role::kPublisher) &&
                (!participant.subscriber_primary || AddPeer(participant, Role::kSubscriber));
  if (!created) ReleaseMedia(participant);
  return created;
}

bool Room::AddPeer(Participant& participant, PeerConnection::Role role) {
  constexpr std::size_t kUfragChars = 8;
  constexpr std::size_t kPasswordChars = 24;
  PeerConnection peer;
  peer.role = role;
  peer.session = context_.media.NewSession(participant.worker);
  if (!peer.session.valid()) return false;
  const bool fits =
      peer.credentials.ufrag.TryAssign(NewIceText(context_.random_bytes, kUfragChars)) &&
      peer.credentials.password.TryAssign(NewIceText(context_.random_bytes, kPasswordChars));
  FOVEA_CHECK(fits);
  context_.index.sessions[peer.session] = SessionOwner{this, &participant};
  participant.peers[role] = std::move(peer);
  return true;
}

void Room::AllowDownlink(Participant& participant) {
  if (participant.downlink() != nullptr) return;
  if (!AddPeer(participant, PeerConnection::Role::kSubscriber)) {
    context_.log.Log(LogLevel::kWarn, "no session slot left on a worker; " + participant.sid +
                                          " gets no subscriber connection");
    return;
  }
  participant.needs_sections = true;  // also without tracks: data comes down this way
}

pb::JoinResponse Room::MakeJoinResponse(Instant now, const Participant& participant) const {
  pb::JoinResponse join;
  *join.mutable_room() = Info();
  *join.mutable_participant() = participant.Snapshot();
  for (const auto& [identity, other] : participants_) {
    if (other.get() == &participant || other->hidden()) continue;
    *join.add_other_participants() = other->Snapshot();
  }
  const ServerOptions& options = context_.options;
  join.set_server_version(options.announced_version);
  join.set_server_region(options.region);
  AddIceServers(context_, now, participant.sid, join);
  join.set_subscriber_primary(participant.subscriber_primary);
  join.set_ping_interval(options.ping_interval_s);
  join.set_ping_timeout(options.ping_timeout_s);
  *join.mutable_server_info() = MakeServerInfo(options);
  join.set_sif_trailer(sif_trailer_);
  for (const std::string& mime : options.room.enabled_codecs)
    join.add_enabled_publish_codecs()->set_mime(mime);
  join.set_fast_publish(participant.info.permission().can_publish());
  return join;
}

void Room::SendRefreshToken(Instant now, Participant& participant) {
  participant.refresh_token_at = now + context_.options.token_refresh_interval;
  // It would be a token of its own, which no revocation of its owner's concerns.
  if (participant.owner != participant.identity) return;
  // Never shorter than what the client holds already: it keeps the newest only.
  const std::int64_t left =
      participant.token.expires_at_unix - context_.Wall(now).value / 1'000'000;
  pb::SignalResponse response;
  response.set_refresh_token(
      context_.tokens.Refresh(participant.token, name_, participant.info,
                              std::max(context_.options.token_refresh_ttl_s, left)));
  Send(participant, response);
}

void Room::HandleSessionConnected(Instant now, Participant& participant, PeerConnection& peer) {
  peer.connected = true;
  if (peer.role == PeerConnection::Role::kSubscriber) context_.media.OpenDataChannels(peer.session);
  if (participant.primary() == &peer && !participant.active()) Activate(now, participant);
}

void Room::Activate(Instant now, Participant& participant) {
  participant.info.set_state(pb::ParticipantInfo::ACTIVE);
  participant.BumpVersion();
  Broadcast(participant, nullptr);
  Notify(now, "participant_joined", &participant, nullptr);
  if (context_.presence != nullptr) {
    context_.presence->OnActive(now, name_, participant.identity);
    if (!participant.tracks.empty()) TellPublishing(now, participant);
  }
}

void Room::TellPublishing(Instant now, const Participant& participant) {
  if (context_.presence == nullptr) return;
  std::size_t audio = 0;
  std::size_t video = 0;
  for (const auto& [sid, track] : participant.tracks) {
    (track->info.type() == pb::TrackType::AUDIO ? audio : video) += 1;
  }
  context_.presence->OnPublishing(now, name_, participant.identity, audio, video);
}

void Room::HandleSessionDisconnected(Instant now, Participant& participant,
                                     control::DisconnectCause cause) {
  using Cause = control::DisconnectCause;
  switch (cause) {
    case Cause::kConsentLost:
      context_.log.Log(LogLevel::kInfo, "participant " + participant.sid + " lost its media path");
      Remove(now, participant, pb::DisconnectReason::CONNECTION_TIMEOUT,
             pb::LeaveRequest::RECONNECT);
      return;
    case Cause::kDtlsClosed:
      // A browser closes DTLS when the page goes; the signalling socket says the same within
      // moments, or the client reconnects in full.
      if (participant.connection == ConnectionId{}) {
        Remove(now, participant, pb::DisconnectReason::CLIENT_INITIATED);
      }
      return;
    case Cause::kDtlsFailed:
    case Cause::kFingerprintMismatch:
      context_.log.Log(LogLevel::kWarn,
                       "participant " + participant.sid + " failed the DTLS handshake");
      Remove(now, participant, pb::DisconnectReason::JOIN_FAILURE, pb::LeaveRequest::RECONNECT);
      return;
  }
}

void Room::HandleSignalClosed(Instant now, Participant& participant) {
  participant.connection = ConnectionId{};
  const PeerConnection* primary = participant.primary();
  if (primary == nullptr || !primary->connected) {
    // Signal lost before media ever flowed: nothing to resume.
    Remove(now, participant, pb::DisconnectReason::SIGNAL_CLOSE);
    return;
  }
  participant.signal_lost_at = now;
}

Participant* Room::Resume(Instant now, ConnectionId connection, const JoinParams& params) {
  Participant* participant = Find(params.identity);
  if (participant == nullptr || participant->sid != params.request.participant_sid())
    return nullptr;
  if (participant->connection != ConnectionId{}) {
    context_.signal.Close(participant->connection, CloseCode::kNormal,
                          "replaced by a newer connection");
  }
  if (now < participant->drop_resume_silently_until) {
    participant->drop_resume_silently_until = Instant::min();
    participant->connection = ConnectionId{};
    participant->signal_lost_at = now;
    context_.signal.Abort(connection);
    return participant;
  }
  participant->connection = connection;
  participant->signal_lost_at = kNever;

  pb::SignalResponse response;
  pb::ReconnectResponse& reconnect = *response.mutable_reconnect();
  AddIceServers(context_, now, participant->sid, reconnect);
  *reconnect.mutable_server_info() = MakeServerInfo(context_.options);
  reconnect.set_last_message_seq(participant->last_reliable_seq);
  Send(*participant, response);
  if (now < participant->drop_resume_until) {
    participant->drop_resume_until = Instant::min();
    participant->connection = ConnectionId{};
    participant->signal_lost_at = now;
    context_.signal.Abort(connection);
    return participant;
  }
  SendRefreshToken(now, *participant);
  std::vector<pb::ParticipantInfo> everybody;
  for (const auto& [identity, other] : participants_) {
    if (other.get() == participant || !other->hidden()) everybody.push_back(other->Snapshot());
  }
  SendUpdate(*participant, everybody);
  SendRoomUpdate(participant);
  // What changed while there was no socket was said to nobody.
  participant->untold.insert(participant->sid);
  for (const auto& [track_sid, downlink] : participant->downlinks)
    participant->untold.insert(downlink.publisher_sid);
  TellStates(*participant, /*is_resumer=*/true);
  participant->requirement_outstanding = false;
  PeerConnection* downlink = participant->downlink();
  if (!participant->single_peer_connection && downlink != nullptr) {
    // An offer, or its answer, may have gone with the former socket.
    if (downlink->offerer != nullptr) downlink->offerer->AbandonOffer();
    OfferToSubscriber(now, *participant, /*restart_ice=*/true);
  }
  return participant;
}

void Room::SyncState(Instant now, Participant& participant, const pb::SyncState& state) {
  for (const pb::TrackPublishedResponse& published : state.publish_tracks()) {
    if (participant.track(published.track().sid()) != nullptr) continue;
    const bool is_pending = std::any_of(
        participant.pending.begin(), participant.pending.end(),
        [&](const auto& entry) { return entry.second.info.sid() == published.track().sid(); });
    if (is_pending) continue;
    // The client believes in a track that we do not have: only a new session repairs that.
    Remove(now, participant, pb::DisconnectReason::STATE_MISMATCH, pb::LeaveRequest::RECONNECT);
    return;
  }
  for (const std::string& track_sid : state.track_sids_disabled()) {
    if (TrackSettings* early = participant.EarlySettings(track_sid)) early->disabled = true;
    const auto downlink = participant.downlinks.find(track_sid);
    Participant* publisher = nullptr;
    const Track* track = FindTrack(track_sid, &publisher);
    if (downlink == participant.downlinks.end() || track == nullptr) continue;
    downlink->second.settings.disabled = true;
    ApplyTarget(participant, downlink->second, *track);
  }
  HandleSubscriptionRequest(now, participant, state.subscription());
  ReplayReliable(now, participant, state);
}

void Room::Remove(Instant now, Participant& participant, pb::DisconnectReason reason,
                  pb::LeaveRequest::Action action) {
  const bool was_active = participant.active();
  const bool duplicate = reason == pb::DisconnectReason::DUPLICATE_IDENTITY;
  if (participant.connection != ConnectionId{} &&
      reason != pb::DisconnectReason::CLIENT_INITIATED) {
    pb::SignalResponse response;
    response.mutable_leave()->set_reason(reason);
    response.mutable_leave()->set_action(action);
    response.mutable_leave()->set_can_reconnect(action != pb::LeaveRequest::DISCONNECT);
    Send(participant, response);
  }
  if (participant.connection != ConnectionId{}) {
    context_.signal.Close(participant.connection, CloseCode::kNormal, "participant left");
    participant.connection = ConnectionId{};
  }
  participant.info.set_state(pb::ParticipantInfo::DISCONNECTED);
  participant.info.set_disconnect_reason(reason);
  participant.BumpVersion();
  // What the participant publishes goes first, so that no subscriber keeps a dead downlink.
  while (!participant.tracks.empty()) {
    Unpublish(now, participant, participant.tracks.begin()->first, /*tell_publisher=*/false);
  }
  while (!participant.data_tracks.empty()) {
    UnpublishDataTrack(participant, participant.data_tracks.begin()->first,
                       /*tell_publisher=*/false);
  }
  while (!participant.downlinks.empty())
    Unsubscribe(now, participant, participant.downlinks.begin()->first);
  ReleaseMedia(participant);
  server_calls_.Fail(participant.identity);
  if (!duplicate) Broadcast(participant, &participant);  // a swap by identity needs no goodbye
  Notify(now, was_active ? "participant_left" : "participant_connection_aborted", &participant,
         nullptr);
  context_.log.Log(LogLevel::kInfo, "participant " + participant.sid +
                                        " left: " + pb::DisconnectReason_Name(reason));

  link_quality_.erase(participant.sid);
  const bool was_resident = IsResident(participant);
  const std::string identity = participant.identity;  // the next line destroys the original
  participants_.erase(identity);
  if (was_resident && Residents() == 0) empty_since_ = now;
  if (context_.presence != nullptr) {
    context_.presence->OnGone(now, name_, identity, reason, was_active);
  }
  room_update_at_ = std::min(room_update_at_, now + Seconds(1));
}

void Room::ReleaseMedia(Participant& participant) {
  for (auto& [track_sid, downlink] : participant.downlinks) {
    if (!downlink.subscription.valid()) continue;
    context_.index.subscriptions.erase(downlink.subscription);
    context_.media.Post(control::RemoveSubscription{downlink.subscription});
  }
  participant.downlinks.clear();
  for (auto& [track_sid, track] : participant.tracks) {
    for (Encoding& encoding : track->encodings) EndEncoding(encoding);
  }
  for (auto& [role, peer] : participant.peers) {
    context_.index.sessions.erase(peer.session);
    context_.media.Post(control::RemoveSession{peer.session});
  }
  participant.peers.clear();
}

void Room::Close(Instant now, pb::DisconnectReason reason) {
  while (!participants_.empty()) Remove(now, *participants_.begin()->second, reason);
  if (!closed_) NotifyFinished(now, reason);
  closed_ = true;
}

bool Room::IsExpired(Instant now) const {
  if (closed_) return true;
  if (Residents() > 0) return false;
  const std::uint32_t timeout_s =
      anyone_ever_joined_ ? info_.departure_timeout() : info_.empty_timeout();
  return now >= empty_since_ + Seconds(timeout_s);
}

}  // namespace fovea::livekit
