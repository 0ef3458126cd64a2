// LiveKit's three data channels on top of the SCTP hub: labels to streams, sessions to
// associations, SCTP packets to and from the workers' rings. Owns the process's only SctpHub (ADR
// 0004: it runs on the signaling thread, where data packets are routed anyway). Thread: signaling.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sfu/control/event.h"
#include "sfu/control/worker_proxy.h"
#include "sfu/core/deadline.h"
#include "sfu/core/drop_reason.h"
#include "sfu/sctp/sctp_hub.h"
#include "signaling/focus/media_plane.h"

namespace fovea::focus {

// What data channels discarded since the start.
struct DataHubDrops {
  DropCounters packets;  // of SCTP, from the workers and to them
  // Messages that arrived.
  std::uint64_t event_queue_full = 0;
  std::uint64_t no_channel = 0;  // none is open on their stream, or none of LiveKit's
  std::uint64_t too_long = 0;
  std::uint64_t bad_open = 0;  // DATA_CHANNEL_OPEN that is malformed, or on a stream in use
  // Refused.
  std::uint64_t sends = 0;  // the receiver takes less than it is sent
  std::uint64_t channels = 0;
  std::uint64_t associations = 0;
};

class DataHub : public DataPort {
 public:
  struct Incoming {
    control::SessionHandle session;
    livekit::DataLane lane = livekit::DataLane::kReliable;
    std::vector<std::uint8_t> bytes;
  };

  explicit DataHub(std::vector<control::WorkerProxy*> workers) : workers_(std::move(workers)) {}

  // DataPort
  void AddSession(control::SessionHandle session) override;
  void RemoveSession(control::SessionHandle session) override;
  void OpenDataChannels(control::SessionHandle session) override;
  bool Send(control::SessionHandle session, livekit::DataLane lane, ByteSpan message) override;

  // DTLS is up: the association may begin.
  void HandleConnected(Instant now, control::SessionHandle session);
  void HandleAppData(Instant now, const control::AppData& data);
  void HandleTimeout(Instant now);
  [[nodiscard]] Deadline NextDeadline() const { return hub_.NextDeadline(); }
  // Messages that have arrived; drain after every call above.
  [[nodiscard]] std::optional<Incoming> PollIncoming();

  [[nodiscard]] DataHubDrops Drops() const;

 private:
  static constexpr std::size_t kLanes = 3;
  struct Session {
    control::SessionHandle handle;
    bool open_when_up = false;
    bool up = false;
    std::array<std::optional<sctp::StreamId>, kLanes> streams;
  };
  void Pump();
  void HandleEvent(sctp::SctpEvent& event);
  void OpenChannels(sctp::AssocId assoc);
  [[nodiscard]] static sctp::AssocId ToAssoc(control::SessionHandle session) {
    return sctp::AssocId{session.bits()};
  }

  std::vector<control::WorkerProxy*> workers_;  // not owned
  std::unordered_map<sctp::AssocId, Session> sessions_;
  std::deque<Incoming> incoming_;
  sctp::SctpHub hub_;
  // What neither hub_ nor workers_ count.
  DropCounters packet_drops_;
  std::uint64_t messages_without_lane_ = 0;
};

}  // namespace fovea::focus
