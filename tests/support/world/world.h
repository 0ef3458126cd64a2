// Workers, clients and links in simulated time, all from one seed. The world plays signaling: it
// posts commands and drains events; it pumps the workers only when a deadline, a datagram or a ring
// says so, which is what production does. Thread: a value of a test.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "sfu/control/worker_proxy.h"
#include "sfu/core/rng.h"
#include "sfu/worker/worker.h"
#include "tests/support/peer_link.h"
#include "tests/support/world/checker.h"
#include "tests/support/world/client.h"

namespace fovea::test {

struct WorldOptions {
  std::uint64_t seed = 1;
  std::size_t workers = 1;
  LinkQuality uplink = {};  // clients to workers
  LinkQuality downlink = {};
  // Now and then a worker gets no turn for up to this long, as when its core is busy.
  Duration stall_max{0};
  std::uint16_t first_seq = 0;  // of publishers; 0: random
  // Clients who were put out do not notice: they go on sending until so long after the fence.
  Duration evicted_send_for{0};
  worker::UplinkTuning uplinks = {};
};

class World {
 public:
  explicit World(const WorldOptions& options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // --- What a test does ---
  using ClientId = std::size_t;
  // A session on `worker` and a client that connects to it.
  ClientId Join(std::size_t worker);
  control::PublicationHandle PublishVideo(ClientId publisher, std::size_t layers = 3);
  control::PublicationHandle PublishAudio(ClientId publisher);
  // Returns the SSRC under which the subscriber gets it. `scalable`: signaling believes that
  // spatial layers share one stream, whatever the publisher does.
  Ssrc Subscribe(ClientId subscriber, control::PublicationHandle publication,
                 bool scalable = false);
  void Unsubscribe(Ssrc ssrc);
  void SetLayer(Ssrc ssrc, std::uint8_t spatial, std::uint8_t temporal = 3);
  void SetPaused(Ssrc ssrc, bool paused);
  void SetMuted(control::PublicationHandle publication, bool muted);
  void Unpublish(control::PublicationHandle publication);
  // Everything of a client is taken away, with fences; see is_evicted().
  void Evict(ClientId client);
  [[nodiscard]] bool is_evicted(ClientId client) const;
  // A command as it is, to one worker.
  void Post(std::size_t worker, const control::WorkerCommand& command);

  void Run(Duration duration);
  // True if `done` within `limit`.
  bool RunUntil(const std::function<bool()>& done, Duration limit);
  // Publishers fall silent and what is on its way arrives; then every slab slot must be home.
  void Settle();
  // A datagram that reaches a worker now, from anybody. The worker gets its turn with Run().
  void Inject(std::size_t worker, const NetAddress& from, ByteSpan bytes);
  // The worker gets no turn for this long.
  void Freeze(std::size_t worker, Duration duration);
  // Says of each datagram on its way to a worker whether it gets lost, apart from the links'
  // chances.
  std::function<bool(ByteSpan bytes)> loses_uplink;

  // --- What a test looks at ---
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Client& client(ClientId id) { return *clients_[id].client; }
  [[nodiscard]] TransmitSink& sink(ClientId id) { return *clients_[id].sink; }
  [[nodiscard]] worker::Worker& worker(std::size_t index);
  [[nodiscard]] control::WorkerChannel& channel(std::size_t index);
  [[nodiscard]] worker::Mesh& mesh() { return mesh_; }
  [[nodiscard]] Checker& checker() { return checker_; }
  [[nodiscard]] Rng& rng() { return rng_; }
  // The events that one worker posted, in order, when kept.
  std::vector<std::vector<control::WorkerEvent>> events;
  bool keeps_events = false;
  bool drains_events = true;
  // Of everything that happened so far; the same seed gives the same one.
  [[nodiscard]] std::uint64_t event_hash() const { return event_hash_; }
  [[nodiscard]] std::uint64_t datagrams() const { return datagrams_; }
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }
  // What clients sent after the fence of their own eviction.
  [[nodiscard]] std::uint64_t sent_by_evicted() const { return sent_by_evicted_; }
  [[nodiscard]] control::AddSubscription subscription(Ssrc ssrc) const {
    return subs_.at(ssrc).command;
  }
  [[nodiscard]] const std::vector<ClientId>& live_clients() const { return live_; }
  [[nodiscard]] std::vector<control::PublicationHandle> live_publications() const;
  [[nodiscard]] std::vector<Ssrc> live_subscriptions() const;
  [[nodiscard]] ClientId publisher_of(control::PublicationHandle p) const {
    return pubs_.at(p.bits()).publisher;
  }
  // Empty when all is well.
  [[nodiscard]] std::string Failures() const;

 private:
  struct Node;
  class ClientSink;
  struct ClientState {
    std::unique_ptr<Client> client;
    std::unique_ptr<TransmitSink> sink;
    std::size_t worker = 0;
    NetAddress address;
    bool is_leaving = false;
    bool is_evicted = false;
    bool was_connected = false;
    Instant silent_at = kNever;  // evicted, and sending until then
  };
  struct Publication {
    control::AddPublication command;
    ClientId publisher = 0;
    std::uint16_t routes = 0;
    std::map<std::size_t, std::size_t> subscribers;  // by worker
    bool is_muted = false;
  };
  struct Subscription {
    control::AddSubscription command;
    ClientId subscriber = 0;
    bool is_paused = false;
  };
  struct InFlight {
    Instant at;
    std::uint64_t order = 0;
    bool to_worker = false;
    std::size_t index = 0;  // worker or client
    NetAddress from;
    std::vector<std::uint8_t> bytes;
    bool operator<(const InFlight& other) const {  // a heap has its greatest in front
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  // Handles are reused as signaling reuses them: the slot, with the next generation.
  struct HandlePool {
    std::uint32_t next_slot = 0;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> free;  // slot, last generation
    template <class H>
    H Take(std::size_t worker);
    template <class H>
    void Give(H handle) {
      free.emplace_back(handle.slot(), handle.generation());
    }
  };

  [[nodiscard]] std::unique_ptr<TransmitSink> MakeSink(ClientId id);
  void Send(const LinkQuality& quality, InFlight packet);
  void OnServerSent(std::size_t worker, worker::TxBatch& batch);
  void Deliver(InFlight packet);
  void SilenceEvicted();
  void Mix(std::uint64_t value);
  [[nodiscard]] Instant NextTime();
  void Turn();
  void PumpWorkers();
  void PumpWorker(Node& node);
  void DrainEvents(Node& node);
  void NoteNacks(const NetAddress& from, ByteSpan bytes);
  void CheckAccounts(Node& node);
  void OnEvent(std::size_t worker, const control::WorkerEvent& event);
  void OnConnected(std::size_t worker, control::SessionHandle session);
  void UpdateKeyFrameWait(Ssrc ssrc);
  void PostRoutes(Publication& publication);
  void Detach(Ssrc ssrc);
  control::PublicationHandle Publish(ClientId publisher, control::AddPublication command,
                                     std::vector<MediaStream> streams);
  void Fence(std::size_t worker, std::function<void()> then);

  const WorldOptions options_;
  Rng rng_;
  Instant now_{Seconds(1000)};
  worker::Mesh mesh_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<ClientState> clients_;
  std::vector<ClientId> live_;
  std::vector<ClientId> unaware_;  // put out, and still sending
  std::unordered_map<NetAddress, ClientId> client_at_;
  std::map<std::uint64_t, Publication> pubs_;
  std::map<Ssrc, Subscription> subs_;
  std::map<std::uint64_t, std::function<void()>> fences_;
  std::uint64_t next_fence_ = 1;
  std::uint32_t next_ssrc_ = 1000;
  std::vector<HandlePool> session_pool_;
  std::vector<HandlePool> publication_pool_;
  std::vector<HandlePool> subscription_pool_;
  std::priority_queue<InFlight> in_flight_;
  std::uint64_t next_order_ = 0;
  Checker checker_;
  std::uint64_t event_hash_ = 0xcbf29ce484222325ULL;
  std::uint64_t datagrams_ = 0;
  std::uint64_t evictions_ = 0;
  std::uint64_t sent_by_evicted_ = 0;
};

}  // namespace fovea::test
