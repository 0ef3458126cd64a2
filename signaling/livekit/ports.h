// The outputs of the room logic, as interfaces at the seam: sockets, workers, webhooks. The room
// logic calls down through these and is never called back from inside such a call.
// Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/control/command.h"
#include "sfu/control/handles.h"
#include "sfu/core/bytes.h"
#include "sfu/core/strong_id.h"
#include "sfu/core/time.h"
#include "signaling/livekit/pb.h"
#include "signaling/wire/token_grants.h"

namespace fovea::livekit {

// One signalling WebSocket. 0 is "none".
using ConnectionId = StrongId<struct ConnectionTag, std::uint64_t>;

// RFC 6455 section 7.4.1 codes that we use.
enum class CloseCode : std::uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kPolicy = 1008,
  kInternal = 1011
};

class SignalPort {
 public:
  virtual ~SignalPort() = default;
  // Queues one message; encoded as the connection speaks (protobuf or JSON). A closed connection:
  // no-op.
  virtual void Send(ConnectionId connection, const pb::SignalResponse& message) = 0;
  // Flushes what is queued, then closes. The close is not reported back.
  virtual void Close(ConnectionId connection, CloseCode code, std::string_view reason) = 0;
  // Drops the TCP connection without a word (simulated node failure). Not reported back.
  virtual void Abort(ConnectionId connection) = 0;
};

// A worker's end of every peer connection made on it, as SDP states it.
struct WorkerTransport {
  struct Candidate {
    std::string ip;
    std::uint16_t port = 0;
    bool tcp = false;  // passive ICE-TCP
  };
  std::vector<Candidate> candidates;  // best first
  std::string fingerprint;            // "AB:CD:..", sha-256
};

// LiveKit's data channels; the label decides, stream ids differ between browsers.
enum class DataLane : std::uint8_t { kReliable, kLossy, kDataTrack };
inline constexpr std::string_view kReliableLabel = "_reliable";
inline constexpr std::string_view kLossyLabel = "_lossy";
inline constexpr std::string_view kDataTrackLabel = "_data_track";

class MediaPort {
 public:
  virtual ~MediaPort() = default;
  // The worker that should take the next participant, who needs `sessions` of its slots. Nothing
  // when no worker has as many.
  [[nodiscard]] virtual std::optional<std::uint8_t> PickWorker(std::size_t sessions) const = 0;
  [[nodiscard]] virtual const WorkerTransport& Transport(std::uint8_t worker) const = 0;
  // Handles; invalid when that worker's table is full. Freed by the matching Remove command.
  [[nodiscard]] virtual control::SessionHandle NewSession(std::uint8_t worker) = 0;
  [[nodiscard]] virtual control::PublicationHandle NewPublication(std::uint8_t worker) = 0;
  [[nodiscard]] virtual control::SubscriptionHandle NewSubscription(std::uint8_t worker) = 0;
  // Sends a command to the worker (or workers) that it concerns. AddSubscription,
  // RemoveSubscription and RemovePublication also keep the publication's routes.
  virtual void Post(const control::WorkerCommand& command) = 0;
  // Posts a fence to every worker; FenceReached with the returned id follows once all have passed
  // it.
  virtual std::uint64_t PostFence() = 0;
  // Opens LiveKit's data channels from our side (dual mode's subscriber connection).
  virtual void OpenDataChannels(control::SessionHandle session) = 0;
  // Sends on the channel with that lane's label. False: no such channel yet, or its buffer is full.
  virtual bool SendData(control::SessionHandle session, DataLane lane, ByteSpan message) = 0;
};

// Follows who is in which room, for what depends on presence: membership, delayed leave, call
// facts. Called from inside the room logic: note what is said, act on it later.
class PresencePort {
 public:
  virtual ~PresencePort() = default;
  // Media is connected, for the first time of this session (participant_joined in webhooks).
  virtual void OnActive(Instant now, const std::string& room, const std::string& identity) = 0;
  // The session is over. `was_active` false: it never came to OnActive.
  virtual void OnGone(Instant now, const std::string& room, const std::string& identity,
                      pb::DisconnectReason reason, bool was_active) = 0;
  // How many tracks of each kind the participant publishes now.
  virtual void OnPublishing(Instant now, const std::string& room, const std::string& identity,
                            std::size_t audio_tracks, std::size_t video_tracks) = 0;
};

class WebhookPort {
 public:
  virtual ~WebhookPort() = default;
  virtual void Notify(const pb::WebhookEvent& event) = 0;
};

// Makes the tokens that sessions are refreshed with.
class TokenPort {
 public:
  virtual ~TokenPort() = default;
  // What `token` says, with the participant's current name, attributes and permissions; valid for
  // `ttl_seconds` from now.
  [[nodiscard]] virtual std::string Refresh(const wire::TokenGrants& token, const std::string& room,
                                            const pb::ParticipantInfo& participant,
                                            std::int64_t ttl_seconds) = 0;
};

}  // namespace fovea::livekit
