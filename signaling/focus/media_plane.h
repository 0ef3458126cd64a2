// The workers as the room logic sees them: allocates handles, chooses workers, sends each command
// to the workers it concerns, keeps routes between workers, and counts fences.
//
// Invariant: routes_[p].subscriptions[w] is the number of live subscriptions to p on worker w, and
// p's worker was last told exactly the workers where it is not zero.
// Thread: signaling.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sfu/control/event.h"
#include "sfu/control/worker_proxy.h"
#include "signaling/focus/handle_table.h"
#include "signaling/livekit/ports.h"

namespace fovea::focus {

// Data channels are the SCTP hub's; see data_hub.h.
class DataPort {
 public:
  virtual ~DataPort() = default;
  virtual void AddSession(control::SessionHandle session) = 0;
  virtual void RemoveSession(control::SessionHandle session) = 0;
  virtual void OpenDataChannels(control::SessionHandle session) = 0;
  virtual bool Send(control::SessionHandle session, livekit::DataLane lane, ByteSpan message) = 0;
};

class MediaPlane : public livekit::MediaPort {
 public:
  struct WorkerEnd {
    control::WorkerProxy* proxy = nullptr;  // not owned
    livekit::WorkerTransport transport;
  };
  MediaPlane(std::vector<WorkerEnd> workers, DataPort& data);

  // livekit::MediaPort
  std::optional<std::uint8_t> PickWorker(std::size_t sessions) const override;
  const livekit::WorkerTransport& Transport(std::uint8_t worker) const override;
  control::SessionHandle NewSession(std::uint8_t worker) override;
  control::PublicationHandle NewPublication(std::uint8_t worker) override;
  control::SubscriptionHandle NewSubscription(std::uint8_t worker) override;
  void Post(const control::WorkerCommand& command) override;
  std::uint64_t PostFence() override;
  void OpenDataChannels(control::SessionHandle session) override {
    data_.OpenDataChannels(session);
  }
  bool SendData(control::SessionHandle session, livekit::DataLane lane, ByteSpan message) override {
    return data_.Send(session, lane, message);
  }

  // Every event passes here first. Returns true when a fence is complete: all workers passed it.
  bool HandleEvent(const control::WorkerEvent& event);
  // Once per turn of the loop: offers waiting commands again and wakes the workers.
  void Flush();

  [[nodiscard]] std::size_t sessions_in_use() const;

 private:
  struct Tables {
    HandleTable<control::SessionHandle> sessions;
    HandleTable<control::PublicationHandle> publications;
    HandleTable<control::SubscriptionHandle> subscriptions;
  };
  struct Route {
    std::array<std::uint32_t, limits::kWorkersMax> subscriptions{};
  };
  void To(std::uint8_t worker, const control::WorkerCommand& command);
  void AddRoute(control::PublicationHandle publication, std::uint8_t worker);
  void DropRoute(control::PublicationHandle publication, std::uint8_t worker);
  void SendRoutes(control::PublicationHandle publication, const Route& route);

  std::vector<WorkerEnd> workers_;
  DataPort& data_;
  std::vector<Tables> tables_;
  std::unordered_map<control::PublicationHandle, Route> routes_;
  std::unordered_map<control::SubscriptionHandle, control::PublicationHandle> subscribed_;
  std::uint64_t next_fence_ = 1;
  std::unordered_map<std::uint64_t, std::size_t> fences_;  // id → workers still missing
};

}  // namespace fovea::focus
