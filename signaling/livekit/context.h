// What every Room works with: options, output ports, randomness, and the index by which events from
// the workers find their owner. One per process. Thread: signaling.
#pragma once

#include <string>
#include <unordered_map>

#include "sfu/control/handles.h"
#include "sfu/core/log.h"
#include "sfu/core/rng.h"
#include "sfu/core/time.h"
#include "sfu/core/wall_offset.h"
#include "signaling/livekit/data_drops.h"
#include "signaling/livekit/ids.h"
#include "signaling/livekit/options.h"
#include "signaling/livekit/ports.h"

namespace fovea::livekit {

class Room;
class Participant;

// Pointers are valid while the entry stands: Room adds and removes the entries of what it owns.
struct SessionOwner {
  Room* room = nullptr;
  Participant* participant = nullptr;
};
struct TrackOwner {
  Room* room = nullptr;
  Participant* participant = nullptr;  // publisher, or subscriber for a downlink
  std::string track_sid;
};

struct Index {
  std::unordered_map<control::SessionHandle, SessionOwner> sessions;
  std::unordered_map<control::PublicationHandle, TrackOwner> publications;
  std::unordered_map<control::SubscriptionHandle, TrackOwner> subscriptions;
};

struct Context {
  const ServerOptions& options;
  SignalPort& signal;
  MediaPort& media;
  WebhookPort& webhooks;
  TokenPort& tokens;
  LogSink& log;
  Rng& rng;                    // public ids, SSRCs, offer ids
  RandomBytesFn random_bytes;  // secrets
  WallOffset wall_offset;
  PresencePort* presence = nullptr;  // null: nobody follows
  Index index{};
  DataDropCounts data_drops{};
  std::uint64_t bytes_per_second = 0;  // through the workers, lately; kept up while it is limited

  void Drop(DataDrop reason) { ++data_drops[static_cast<std::size_t>(reason)]; }
  [[nodiscard]] WallMicros Wall(Instant now) const { return WallAt(wall_offset, now); }
};

}  // namespace fovea::livekit
