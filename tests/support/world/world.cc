// World: time, links and turns. What signaling does is in world_control.cc.
#include "tests/support/world/world.h"

#include <algorithm>
#include <cstring>

#include "sfu/core/check.h"
#include "sfu/crypto/null_tag.h"
#include "sfu/rtp/rtcp/nack.h"
#include "sfu/transport/demux.h"
#include "tests/support/simulator_access.h"
#include "tests/support/world/world_node.h"

namespace fovea::test {
namespace {

// Turns at one moment. More means that a worker asks for turns without getting anything done.
constexpr int kTurnsPerMomentMax = 1000;
constexpr std::size_t kSrtcpTrailerBytes = 4 + crypto::kNullTagBytes;

// Every packet ends with a checksum of itself: STUN has its fingerprint, null crypto its tag.
std::uint64_t Summary(ByteSpan bytes) {
  std::uint64_t sum = bytes.size();
  for (const std::uint8_t byte : bytes.last(std::min<std::size_t>(bytes.size(), 24))) {
    sum = sum * 31 + byte;
  }
  return sum;
}

NetAddress ServerAddress(std::size_t worker) {
  return NetAddress::V4(0x0a000001, static_cast<std::uint16_t>(7882 + worker));
}

}  // namespace

World::World(const WorldOptions& options)
    : options_(options),
      rng_(options.seed),
      mesh_(options.workers),
      session_pool_(options.workers),
      publication_pool_(options.workers),
      subscription_pool_(options.workers) {
  events.resize(options.workers);
  for (std::size_t i = 0; i < options.workers; ++i) {
    nodes_.push_back(std::make_unique<Node>(*this, i, rng_.Next64()));
  }
  const auto disturbs = [](const LinkQuality& link) {
    return link.loss_percent > 0 || link.repeat_percent > 0 || link.jitter > Duration{0};
  };
  checker_.uplinks_are_lossy = disturbs(options.uplink);
  if (disturbs(options.uplink) || disturbs(options.downlink)) checker_.key_frame_limit = Seconds(6);
}

World::~World() = default;

worker::Worker& World::worker(std::size_t index) { return *nodes_[index]->worker; }
control::WorkerChannel& World::channel(std::size_t index) { return nodes_[index]->channel; }

void World::Mix(std::uint64_t value) { event_hash_ = (event_hash_ ^ value) * 0x100000001b3ULL; }

void World::Send(const LinkQuality& quality, InFlight packet) {
  int copies = rng_.Below(100) < quality.loss_percent ? 0 : 1;
  if (rng_.Below(100) < quality.repeat_percent) ++copies;
  for (int i = 0; i < copies; ++i) {
    InFlight copy = packet;
    copy.at = now_ + quality.delay;
    if (quality.jitter > Duration{0}) {
      copy.at += Micros(rng_.Below(static_cast<std::uint32_t>(ToMicros(quality.jitter))));
    }
    copy.order = next_order_++;
    in_flight_.push(std::move(copy));
  }
}

// What a client sends goes to the worker whose address it was told.
class World::ClientSink : public TransmitSink {
 public:
  ClientSink(World& world, ClientId id) : world_(world), id_(id) {}
  void Transmit(const NetAddress&, ByteSpan bytes) override {
    if (world_.loses_uplink && world_.loses_uplink(bytes)) return;
    const ClientState& state = world_.clients_[id_];
    if (state.is_evicted) ++world_.sent_by_evicted_;
    InFlight packet;
    packet.to_worker = true;
    packet.index = state.worker;
    packet.from = state.client->identity().address;
    packet.bytes.assign(bytes.begin(), bytes.end());
    world_.Send(world_.options_.uplink, std::move(packet));
  }

 private:
  World& world_;
  const ClientId id_;
};

std::unique_ptr<TransmitSink> World::MakeSink(ClientId id) {
  return std::make_unique<ClientSink>(*this, id);
}

void World::OnServerSent(std::size_t worker, worker::TxBatch& batch) {
  // Signaling runs on a thread of its own: it may see an event before the packets behind it leave.
  DrainEvents(*nodes_[worker]);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const NetAddress& to = batch.entry(i).remote;
    const ByteSpan bytes(batch.data(i), batch.entry(i).size);
    Mix(Summary(bytes));
    checker_.OnServerDatagram(now_, to, bytes);
    if (transport::Demultiplex(bytes) == transport::Protocol::kRtp) ++nodes_[worker]->rtp_sent;
    const auto it = client_at_.find(to);
    if (it == client_at_.end()) continue;
    InFlight packet;
    packet.index = it->second;
    packet.from = ServerAddress(worker);
    packet.bytes.assign(bytes.begin(), bytes.end());
    Send(options_.downlink, std::move(packet));
  }
  batch.Clear();
}

void World::Inject(std::size_t worker, const NetAddress& from, ByteSpan bytes) {
  nodes_[worker]->arrived.push_back({from, {bytes.begin(), bytes.end()}});
}

void World::Freeze(std::size_t worker, Duration duration) {
  nodes_[worker]->stalled_until = now_ + duration;
}

void World::Deliver(InFlight packet) {
  ++datagrams_;
  Mix(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  Mix(packet.index * 2 + (packet.to_worker ? 1 : 0));
  Mix(Summary(packet.bytes));
  if (packet.to_worker) {
    nodes_[packet.index]->arrived.push_back({packet.from, std::move(packet.bytes)});
    return;
  }
  ClientState& state = clients_[packet.index];
  if (state.client == nullptr) return;  // evicted while it was on its way
  state.client->HandleDatagram(now_, packet.bytes, *state.sink);
}

Instant World::NextTime() {
  Instant at = in_flight_.empty() ? kNever : in_flight_.top().at;
  for (const ClientId id : live_) at = std::min(at, clients_[id].client->NextDeadline());
  for (const ClientId id : unaware_) {
    at = std::min({at, clients_[id].client->NextDeadline(), clients_[id].silent_at});
  }
  for (const auto& node : nodes_) {
    Instant turn = node->worker->NextDeadline().at;
    if (!node->arrived.empty() || node->HasWork()) turn = now_;
    at = std::min(at, std::max(turn, node->stalled_until));
  }
  return std::max(at, now_);
}

void World::Turn() {
  while (!in_flight_.empty() && in_flight_.top().at <= now_) {
    InFlight packet = in_flight_.top();
    in_flight_.pop();
    Deliver(std::move(packet));
  }
  for (const ClientId id : live_) {
    ClientState& state = clients_[id];
    if (state.client->NextDeadline() <= now_) state.client->HandleTimeout(now_, *state.sink);
  }
  SilenceEvicted();
  PumpWorkers();
  checker_.OnTime(now_);
}

void World::SilenceEvicted() {
  for (std::size_t i = 0; i < unaware_.size();) {
    ClientState& state = clients_[unaware_[i]];
    if (state.client->NextDeadline() <= now_) state.client->HandleTimeout(now_, *state.sink);
    if (state.silent_at > now_) {
      ++i;
      continue;
    }
    state.client.reset();
    unaware_.erase(unaware_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void World::PumpWorkers() {
  for (int turn = 0; turn < kTurnsPerMomentMax; ++turn) {
    bool any = false;
    // Whoever comes first at one moment differs from turn to turn, as with threads.
    const std::size_t first = rng_.Below(static_cast<std::uint32_t>(nodes_.size()));
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      Node& node = *nodes_[(first + i) % nodes_.size()];
      if (now_ < node.stalled_until) continue;
      const bool is_due = node.worker->NextDeadline().IsDue(now_);
      if (node.arrived.empty() && !node.HasWork() && !is_due) continue;
      PumpWorker(node);
      any = true;
      if (options_.stall_max > Duration{0} && rng_.Below(50) == 0) {
        node.stalled_until =
            now_ + Micros(rng_.Below(static_cast<std::uint32_t>(ToMicros(options_.stall_max))));
      }
    }
    if (!any) return;
  }
  checker_.Fail(now_, "a worker's deadline stays in the past");
  now_ += Millis(1);
}

void World::PumpWorker(Node& node) {
  node.proxy.Flush();
  std::size_t taken = 0;
  while (taken < node.arrived.size()) {
    worker::RxBatch& batch = node.worker->LendReceiveSlots();
    if (batch.lent == 0) break;
    const std::size_t count = std::min(batch.lent, node.arrived.size() - taken);
    for (std::size_t i = 0; i < count; ++i) {
      const Node::Arrived& datagram = node.arrived[taken + i];
      batch.entries[i].remote = datagram.from;
      batch.entries[i].size = static_cast<std::uint16_t>(datagram.bytes.size());
      std::memcpy(batch.entries[i].data, datagram.bytes.data(), datagram.bytes.size());
      NoteNacks(datagram.from, datagram.bytes);
    }
    node.worker->HandleDatagrams(now_, count);
    taken += count;
  }
  node.handed_over += taken;
  node.arrived.erase(node.arrived.begin(),
                     node.arrived.begin() + static_cast<std::ptrdiff_t>(taken));
  node.worker->Poll(now_);
  checker_.FinishNacks();
  CheckAccounts(node);
  DrainEvents(node);
}

void World::DrainEvents(Node& node) {
  if (!drains_events) return;
  node.channel.events.Drain(limits::kEventRing, [&](const control::WorkerEvent& event) {
    if (keeps_events) events[node.index].push_back(event);
    OnEvent(node.index, event);
  });
}

// Plain text, thanks to null crypto: the checker wants to know what was asked for.
void World::NoteNacks(const NetAddress& from, ByteSpan bytes) {
  if (transport::Demultiplex(bytes) != transport::Protocol::kRtcp) return;
  const auto it = client_at_.find(from);
  if (it == client_at_.end() || bytes.size() <= kSrtcpTrailerBytes) return;
  if (clients_[it->second].is_leaving) return;
  const ByteSpan plain = bytes.first(bytes.size() - kSrtcpTrailerBytes);
  (void)rtp::ForEachRtcp(plain, [&](const rtp::RtcpPacket& packet) {
    if (!packet.header.Is(rtp::RtcpType::kTransportFeedback, rtp::Nack::kFormat)) return;
    const auto nack = rtp::Nack::Parse(packet);
    if (!nack.has_value()) return;
    nack->ForEach([&](std::uint16_t seq) { checker_.OnNackDelivered(now_, nack->media, seq); });
  });
}

void World::CheckAccounts(Node& node) {
  const worker::WorkerStats& stats = node.worker->stats();
  if (stats.datagrams_received != node.handed_over) {
    checker_.Fail(now_, "received datagrams are not those handed over");
  }
  if (stats.datagrams_received !=
      stats.datagrams_consumed + node.worker->received_drops().Total()) {
    checker_.Fail(now_, "received datagrams are not consumed ones + drops");
  }
  if (node.rtp_sent != stats.rtp_forwarded + stats.rtp_retransmitted) {
    checker_.Fail(now_, "RTP packets sent are not forwarded ones + retransmitted ones");
  }
}

bool World::RunUntil(const std::function<bool()>& done, Duration limit) {
  const Instant end = now_ + limit;
  while (!done()) {
    const Instant at = NextTime();
    if (at > end) {
      now_ = end;
      return done();
    }
    now_ = at;
    Turn();
  }
  return true;
}

void World::Run(Duration duration) {
  (void)RunUntil([] { return false; }, duration);
}

void World::Settle() {
  for (const ClientId id : live_) clients_[id].client->StopSending();
  for (const ClientId id : unaware_) clients_[id].client->StopSending();
  for (const Ssrc ssrc : live_subscriptions()) checker_.SetExpectsKeyFrame(now_, ssrc, false);
  Run(Seconds(2));
  std::uint64_t out = 0;
  std::uint64_t in = 0;
  for (const auto& node : nodes_) {
    if (node->worker->slots_at_home() != node->worker->slab_capacity()) {
      checker_.Fail(now_, "slab slots are missing though everything is idle");
    }
    out += node->worker->stats().lane_packets_out;
    in += node->worker->stats().lane_packets_in;
  }
  if (out != in) checker_.Fail(now_, "packets were lost between workers");
}

std::string World::Failures() const {
  std::string text;
  for (const std::string& failure : checker_.failures()) text += failure + "\n";
  return text;
}

}  // namespace fovea::test
