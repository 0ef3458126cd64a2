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
#include "sfu/sctp/sctp_hub.h"
#include "signaling/focus/media_plane.h"

namespace fovea::focus {

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

  [[nodiscard]] const sctp::SctpHub& hub() const { return hub_; }

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
};

}  // namespace fovea::focus
