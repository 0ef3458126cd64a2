// A room: who is in it, who publishes what, who receives what, and what each is told about it.
// LiveKit's session semantics (livekit-protocol reference sections 2 to 4). Pure logic: time is an
// argument, everything outside is reached through Context's ports.
//
// Invariants:
//  (1) At most one participant per identity; a newer join replaces the older one.
//  (2) A subscriber is told of a publisher (`update`) before anything that adds the publisher's
//  media. (3) Every handle in Context.index that names this room belongs to a live object of it.
// Thread: signaling.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sfu/control/event.h"
#include "sfu/core/deadline.h"
#include "signaling/livekit/context.h"
#include "signaling/livekit/participant.h"
#include "signaling/livekit/reliable_cache.h"
#include "signaling/livekit/server_calls.h"

namespace fovea::livekit {

class Room {
 public:
  Room(Context& context, Instant now, std::string name);
  ~Room();
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  // --- Sessions (room_join.cc) ---

  // Admits a participant whose token was checked; sends `join` first. An older participant of the
  // same identity is put out with DUPLICATE_IDENTITY. Null when the workers have no room left, or
  // when the offer in the join request was unreadable (then the participant was put out again).
  Participant* Join(Instant now, ConnectionId connection, const JoinParams& params);
  // Attaches a new socket to a live participant; sends `reconnect` first. Null when there is none
  // of that sid: the caller tells the client to join anew.
  Participant* Resume(Instant now, ConnectionId connection, const JoinParams& params);
  [[nodiscard]] bool IsFull() const;
  void HandleSignal(Instant now, Participant& participant, const pb::SignalRequest& request);
  void HandleSignalClosed(Instant now, Participant& participant);
  void HandleSessionConnected(Instant now, Participant& participant, PeerConnection& peer);
  void HandleSessionDisconnected(Instant now, Participant& participant,
                                 control::DisconnectCause cause);
  // Puts a participant out: `leave` to them, commands to the workers, `update` to the others. The
  // Participant is destroyed.
  void Remove(Instant now, Participant& participant, pb::DisconnectReason reason,
              pb::LeaveRequest::Action action = pb::LeaveRequest::DISCONNECT);
  void Close(Instant now, pb::DisconnectReason reason);

  // --- Media events (room_quality.cc, room_speakers.cc) ---

  void HandleSpeakerLevel(Participant& publisher, const control::SpeakerLevel& level);
  void HandleUplinkQuality(Participant& publisher, const control::UplinkQuality& quality);
  void HandleDownlinkQuality(Participant& subscriber, const control::DownlinkQuality& quality);
  void HandleSubscriptionStarted(Participant& subscriber, const std::string& track_sid);

  // --- Data (room_data.cc) ---

  void HandleData(Instant now, Participant& sender, DataLane lane, ByteSpan message);
  // A request that repeats a nonce of the last kDataNoncesMax is not delivered again.
  void SendServerData(Instant now, const pb::SendDataRequest& request);
  // Calls a method that the participant's client has registered. `reply` comes now or later, once.
  void PerformRpc(Instant now, Participant& destination, const pb::PerformRpcRequest& request,
                  ServerCalls::Reply reply);

  // --- Server API (room_api.cc) ---

  [[nodiscard]] pb::Room Info() const;
  [[nodiscard]] Participant* Find(const std::string& identity);
  [[nodiscard]] Participant* FindBySid(const std::string& sid);
  [[nodiscard]] const std::map<std::string, std::unique_ptr<Participant>>& participants() const {
    return participants_;
  }
  void SetMetadata(std::string metadata);
  void SetTimeouts(std::uint32_t empty_s, std::uint32_t departure_s,
                   std::uint32_t max_participants);
  // Somebody announced participants: an empty room waits for them for its whole timeout.
  void KeepOpen(Instant now) { empty_since_ = now; }
  // Metadata, name, attributes (empty value deletes a key) and permission; empty strings:
  // unchanged.
  void UpdateParticipant(Instant now, Participant& participant,
                         const pb::UpdateParticipantRequest& request);
  // Null: no such track. An unmute needs options.room.enable_remote_unmute; the caller checks.
  Track* MutePublishedTrack(Participant& participant, const std::string& track_sid, bool muted);
  void UpdateSubscriptions(Instant now, Participant& participant,
                           const std::vector<std::string>& track_sids, bool subscribe);

  // --- Time ---

  void HandleTimeout(Instant now);
  // Sends what the last calls made due: negotiations, urgent updates. Call after every input.
  void Flush(Instant now);
  [[nodiscard]] Deadline NextDeadline() const;
  // Empty for longer than its timeout, or closed: the owner destroys it.
  [[nodiscard]] bool IsExpired(Instant now) const;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& sid() const { return sid_; }
  [[nodiscard]] std::int64_t created_at_unix() const { return info_.creation_time(); }
  [[nodiscard]] bool IsConsistent() const;

 private:
  // room_join.cc
  pb::JoinResponse MakeJoinResponse(Instant now, const Participant& participant) const;
  bool CreatePeers(Participant& participant);
  // False: the worker is full.
  bool AddPeer(Participant& participant, PeerConnection::Role role);
  void AllowDownlink(Participant& participant);
  // Those who count for the room's size and keep it open: not agents, not recorders.
  [[nodiscard]] std::size_t Residents() const;
  void SendRefreshToken(Instant now, Participant& participant);
  void Activate(Instant now, Participant& participant);
  void ReleaseMedia(Participant& participant);
  void TellPublishing(Instant now, const Participant& participant);
  void SyncState(Instant now, Participant& participant, const pb::SyncState& state);
  // room_simulate.cc
  void Simulate(Instant now, Participant& participant, const pb::SimulateScenario& scenario);
  void FakeSpeech(Participant& participant, bool speaks);
  // room_bandwidth.cc
  void LimitBandwidth(Participant& participant, std::int64_t bits_per_second);
  void ShareBandwidth(Participant& participant);
  void SetQualityLimit(Participant& subscriber, Downlink& downlink, const Track& track,
                       std::optional<pb::VideoQuality> limit);
  // room_signal.cc
  void UpdateLocalTrack(Participant& participant, const pb::SignalRequest& request);
  void RefuseDataBlob(Participant& participant, std::uint32_t request_id);

  // room_publish.cc
  void AddTrack(Instant now, Participant& participant, const pb::AddTrackRequest& request);
  void MuteByClient(Participant& participant, const pb::MuteTrackRequest& request);
  // The sid by value: callers name it by the very entry that this destroys.
  void Unpublish(Instant now, Participant& participant, std::string track_sid, bool tell_publisher);
  void UnpublishForbidden(Instant now, Participant& participant);
  [[nodiscard]] std::vector<UplinkTrack> UplinksOf(const Participant& participant) const;
  void PublishSection(Instant now, Participant& participant, const UplinkSection& section);
  void PublishTrack(Instant now, Participant& participant, PendingTrack pending,
                    const UplinkSection& section);

  void RematchUplinks(Instant now, Participant& participant);
  void AnswerQueued(Participant& participant);
  // room_codecs.cc
  void AddBackupCodec(Track& track, const pb::AddTrackRequest& request);
  bool StartEncoding(Participant& participant, Track& track, Encoding& encoding,
                     const UplinkSection& section);
  void PublishEncoding(Instant now, Participant& participant, Track& track, Encoding& encoding,
                       const UplinkSection& section);
  [[nodiscard]] bool ShouldRegress(const Track& track) const;
  void EndEncoding(Encoding& encoding);
  void EndUplink(Instant now, Participant& participant, const EndedUplink& ended);
  void DropSubscription(Downlink& downlink);
  [[nodiscard]] std::size_t FirstEncodingFor(const Participant& subscriber,
                                             const Track& track) const;
  void MoveDownlink(Participant& subscriber, Downlink& downlink, std::size_t encoding);
  bool FallBack(Instant now, Participant& subscriber, const std::string& track_sid);
  void PostMuted(const Track& track, bool muted);
  // room_negotiate.cc
  [[nodiscard]] LocalTransport LocalTransportOf(const Participant& participant,
                                                const PeerConnection& peer) const;
  [[nodiscard]] std::vector<DownlinkTrack> DownlinksOf(Participant& participant);
  void HandleOffer(Instant now, Participant& participant, const pb::SessionDescription& offer);
  void ApplyAnswer(Instant now, Participant& participant, const Answer& answer);
  void HandleAnswer(Instant now, Participant& participant, const pb::SessionDescription& answer);
  void EnsureOnWorker(PeerConnection& peer, const RemoteTransport& remote);
  void SendCandidates(Participant& participant, const PeerConnection& peer,
                      const LocalTransport& local);
  void NegotiateDownlinks(Instant now, Participant& participant);
  void AskForSections(Participant& participant, const SectionShortage& shortage);
  void OfferToSubscriber(Instant now, Participant& participant, bool restart_ice);
  void BindDownlink(Instant now, Participant& subscriber, const DownlinkSection& section);
  void RefuseCodec(Instant now, Participant& participant, const std::string& track_sid);

  // room_subscribe.cc
  [[nodiscard]] bool MaySubscribe(const Participant& publisher, const Participant& subscriber,
                                  const std::string& track_sid) const;
  [[nodiscard]] bool WantsTrack(const Participant& subscriber, const std::string& track_sid) const;
  void ReconcileSubscriptions(Instant now, Participant& subscriber);
  void ReconcileTrack(Instant now, Participant& publisher, const Track& track);
  // Does nothing while the subscriber has no connection for it, or as many as it may have.
  void Subscribe(Instant now, Participant& publisher, const Track& track, Participant& subscriber);
  [[nodiscard]] bool HasCapacity(const Participant& subscriber, const Track& track) const;
  [[nodiscard]] std::size_t SubscriptionsMax(bool is_video) const;  // 0: no limit
  void Unsubscribe(Instant now, Participant& subscriber,
                   std::string track_sid);  // by value, as Unpublish
  void HandleSubscriptionRequest(Instant now, Participant& participant,
                                 const pb::UpdateSubscription& request);
  void GiveUpAwaitedTracks(Instant now, Participant& participant);
  void HandleTrackSettings(Instant now, Participant& participant,
                           const pb::UpdateTrackSettings& settings);
  void HandleSubscriptionPermission(Instant now, Participant& participant,
                                    const pb::SubscriptionPermission& permission);
  [[nodiscard]] pb::VideoQuality WantedQuality(const Participant& subscriber,
                                               const Downlink& downlink, const Track& track) const;
  // What the worker is told to forward of a track.
  struct Layers {
    bool paused = false;
    std::uint8_t spatial_max = 0;
    std::uint8_t temporal_max = 0;
  };
  [[nodiscard]] Layers LayersFor(const Participant& subscriber, const Downlink& downlink,
                                 const Track& track) const;
  void ApplyTarget(const Participant& subscriber, const Downlink& downlink, const Track& track);
  void UpdateDynacast(Instant now, Participant& publisher, Track& track);
  void SendDynacast(Participant& publisher, Track& track,
                    const std::vector<pb::VideoQuality>& wanted);

  // room_update.cc
  void Broadcast(const Participant& about, const Participant* except);
  void BroadcastSoon(Participant& about);
  void SendUpdate(const Participant& to, const std::vector<pb::ParticipantInfo>& infos);
  void SendRoomUpdate(Participant* to);
  void UpdateOwnMetadata(Instant now, Participant& participant,
                         const pb::UpdateParticipantMetadata& request);
  void RespondToRequest(Participant& participant, pb::RequestResponse response);
  [[nodiscard]] pb::WebhookEvent MakeEvent(Instant now, const char* event) const;
  void NotifyFinished(Instant now, pb::DisconnectReason reason);
  void Notify(Instant now, const char* event, const Participant* participant, const Track* track);

  // room_speakers.cc, room_quality.cc
  void SendSpeakers(Instant now);
  void SendQuality();
  void TellStates(Participant& subscriber, bool is_resumer);
  void EndSpeech(Participant& speaker);
  void ForgetSpeaker(Participant& receiver, const Participant& speaker);

  // room_data.cc
  void PublishDataTrack(Participant& participant, const pb::PublishDataTrackRequest& request);
  void UnpublishDataTrack(Participant& participant, std::uint32_t handle, bool tell_publisher);
  void UpdateDataSubscription(Participant& participant, const pb::UpdateDataSubscription& request);
  void SendDataHandles(Participant& subscriber);
  void SubscribeDataTracks(Participant& subscriber);
  void ForwardDataTrack(Participant& sender, ByteSpan packet);
  void DeliverData(Instant now, const Participant* sender, DataLane lane,
                   const pb::DataPacket& packet);
  bool SendBytes(Participant& receiver, DataLane lane, const std::string& bytes);
  void ReplayMissed(Instant now, Participant& receiver);
  void ReplayReliable(Instant now, Participant& receiver, const pb::SyncState& state);

  void Send(const Participant& to, const pb::SignalResponse& message) const;
  [[nodiscard]] Track* FindTrack(const std::string& track_sid, Participant** publisher);

  Context& context_;
  // Constant after construction.
  const std::string name_;
  const std::string sid_;
  const Instant created_at_;
  // State.
  pb::Room info_;
  std::map<std::string, std::unique_ptr<Participant>> participants_;  // by identity
  bool anyone_ever_joined_ = false;
  bool closed_ = false;
  Instant empty_since_;  // since when there is no resident; of no meaning while there is one
  ReliableCache reliable_cache_;
  ServerCalls server_calls_;
  std::deque<std::string> recent_nonces_;  // of SendServerData, oldest first
  std::string sif_trailer_;
  Instant flush_updates_at_ = kNever;
  Instant room_update_at_ = kNever;
  Instant speakers_at_ = kNever;
  Instant quality_at_ = kNever;
  struct LinkQuality {
    std::uint32_t expected = 0;
    std::uint32_t lost = 0;
    std::uint32_t jitter_us = 0;
    std::uint32_t rtt_us = 0;
  };
  std::map<std::string, LinkQuality>
      link_quality_;  // by participant sid, since the last SendQuality
};

}  // namespace fovea::livekit
