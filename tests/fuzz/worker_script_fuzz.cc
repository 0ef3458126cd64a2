// fuzz-deps: fovea_test_world
// Commands, datagrams and time in any order, into two whole workers with null crypto. Slots are
// few, so that handles collide and grow stale; clients that connect properly carry the script deep
// into the forwarding path. The accounts must balance after every turn, deadlines must move, and in
// the end every slab slot must be home.
//
// A script is steps: a byte that says what, and its arguments. The first byte says how many of the
// clients connect before it begins.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "sfu/core/bytes.h"
#include "sfu/core/check.h"
#include "sfu/worker/worker.h"
#include "tests/support/simulator_access.h"
#include "tests/support/world/client.h"

namespace {

using fovea::ByteReader;
using fovea::ByteSpan;
using fovea::Instant;
using fovea::Millis;
using fovea::NetAddress;
using fovea::Ssrc;
namespace control = fovea::control;
namespace test = fovea::test;
namespace worker = fovea::worker;

constexpr std::size_t kWorkers = 2;
constexpr std::size_t kClients = 3;
constexpr std::uint32_t kSlots = 4;

const NetAddress kServer = NetAddress::V4(0x0a000001, 7882);
const NetAddress kStranger = NetAddress::V4(0x0a000003, 40000);

NetAddress AddressOf(std::size_t client) {
  return NetAddress::V4(0x0a010000 + static_cast<std::uint32_t>(client), 40000);
}
std::string ServerUfrag(std::uint32_t n) { return "server" + std::to_string(n); }
std::string ClientUfrag(std::uint32_t n) { return "client" + std::to_string(n); }

template <std::size_t N>
void Assign(fovea::InlineString<N>& to, std::string_view text) {
  FOVEA_CHECK(to.TryAssign(text));
}

// One worker and everything around it.
class Node : public worker::PacketSender, public worker::ChannelFactory {
 public:
  Node(std::size_t index, worker::Mesh& mesh)
      : worker_(worker::WorkerConfig{static_cast<std::uint8_t>(index), index + 1,
                                     test::kWorldWallOffsetUs},
                worker::Worker::Links{channel, mesh, *this, *this, nullptr}) {}

  void Send(worker::TxBatch& batch) override {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      FOVEA_CHECK(batch.entry(i).size > 0 && batch.entry(i).remote != kStranger);
      sent.push_back({batch.entry(i).remote, {batch.data(i), batch.data(i) + batch.entry(i).size}});
    }
    batch.Clear();
  }
  std::unique_ptr<fovea::crypto::SecureChannel> Make() override {
    return test::MakeNullChannel(test::kServerFingerprint, false);
  }

  void Receive(Instant now, const NetAddress& from, ByteSpan bytes) {
    worker::RxBatch& batch = worker_.LendReceiveSlots();
    if (batch.lent == 0) return;
    batch.entries[0].remote = from;
    batch.entries[0].size = static_cast<std::uint16_t>(bytes.size());
    if (!bytes.empty()) std::memcpy(batch.entries[0].data, bytes.data(), bytes.size());
    worker_.HandleDatagrams(now, 1);
    CheckAccounts();
  }
  void Poll(Instant now) {
    worker_.Poll(now);
    // Work left over is fetched with the next turns; a deadline alone may not stay in the past.
    for (int i = 0; worker_.NextDeadline().IsDue(now); ++i) {
      FOVEA_CHECK(i < 100);
      worker_.Poll(now);
    }
    CheckAccounts();
  }
  void CheckAccounts() const {
    const worker::WorkerStats& stats = worker_.stats();
    FOVEA_CHECK(stats.datagrams_received ==
                stats.datagrams_consumed + worker_.received_drops().Total());
  }
  void DrainEvents() {
    channel.events.Drain(fovea::limits::kEventRing, [](const control::WorkerEvent&) {});
    channel.app_data_up.Drain(fovea::limits::kAppDataRing, [](const control::AppData&) {});
  }
  [[nodiscard]] const worker::Worker& worker() const { return worker_; }

  struct Sent {
    NetAddress to;
    std::vector<std::uint8_t> bytes;
  };
  control::WorkerChannel channel;
  std::vector<Sent> sent;

 private:
  worker::Worker worker_;
};

// What a client sends; the script decides when it arrives.
struct Queue : fovea::TransmitSink {
  void Transmit(const NetAddress&, ByteSpan bytes) override {
    packets.emplace_back(bytes.begin(), bytes.end());
  }
  std::vector<std::vector<std::uint8_t>> packets;
};

class Script {
 public:
  explicit Script(std::size_t connected) {
    for (std::size_t i = 0; i < kWorkers; ++i) {
      nodes_.push_back(std::make_unique<Node>(i, mesh_));
    }
    for (std::uint32_t i = 0; i < kClients; ++i) {
      test::Client::Identity identity;
      identity.session = control::SessionHandle(WorkerOf(i), i, 1);
      identity.ice = {ClientUfrag(i), "client-password-of-22-chars"};
      identity.server_ice = {ServerUfrag(i), "server-password-of-22-chars"};
      identity.address = AddressOf(i);
      identity.server = kServer;
      identity.seed = i;
      clients_.push_back(std::make_unique<test::Client>(identity));
      clients_.back()->Start(now_);
    }
    for (std::uint32_t i = 0; i < connected; ++i) Connect(i);
  }

  void Run(ByteReader& in) {
    for (int steps = 0; in.remaining() > 0 && steps < 2000; ++steps) Step(in);
    Finish();
  }

 private:
  static std::uint8_t WorkerOf(std::size_t client) {
    return static_cast<std::uint8_t>(client % kWorkers);
  }

  void Connect(std::uint32_t client) {
    Post(WorkerOf(client), AddSession(clients_[client]->identity().session, client));
    nodes_[WorkerOf(client)]->Poll(now_);
    for (int i = 0; i < 10 && !clients_[client]->is_connected(); ++i) {
      Pass(Millis(20));
      Exchange();
    }
  }

  static control::AddSession AddSession(control::SessionHandle handle, std::uint32_t client) {
    control::AddSession command;
    command.session = handle;
    Assign(command.local.ufrag, ServerUfrag(client));
    Assign(command.local.password, "server-password-of-22-chars");
    Assign(command.remote.ufrag, ClientUfrag(client));
    command.remote.has_fingerprint = true;
    command.remote.fingerprint = test::kClientFingerprint;
    return command;
  }

  template <class H>
  static H AnyHandle(ByteReader& in) {
    const std::uint8_t byte = in.U8();
    return H(static_cast<std::uint8_t>((byte >> 7) % kWorkers), byte % kSlots,
             1U + ((byte >> 2) & 3U));
  }

  void Post(std::size_t worker, const control::WorkerCommand& command) {
    (void)nodes_[worker]->channel.commands.TryPush(command);
  }

  // As signaling has it: a codec, a kind, layers by rid or by SSRC.
  static control::AddPublication AnyPublication(ByteReader& in) {
    control::AddPublication command;
    command.publication = AnyHandle<control::PublicationHandle>(in);
    command.session = AnyHandle<control::SessionHandle>(in);
    const std::uint8_t shape = in.U8();
    command.kind = (shape & 1) != 0 ? control::MediaKind::kVideo : control::MediaKind::kAudio;
    Assign(command.mid, std::to_string(shape >> 6));
    const auto codec = static_cast<fovea::rtp::Codec>((shape >> 1) % 10);
    const bool is_video = command.kind == control::MediaKind::kVideo;
    const auto fallback = is_video ? fovea::rtp::Codec::kVp8 : fovea::rtp::Codec::kOpus;
    command.codecs.Push({fovea::rtp::IsVideo(codec) == is_video ? codec : fallback,
                         is_video ? test::kVp8Pt : test::kOpusPt, test::kVp8RtxPt, is_video});
    command.extensions = test::TestExtensions();
    (void)command.extensions.TrySet(fovea::rtp::ExtensionUri::kDependencyDescriptor, 6);
    (void)command.extensions.TrySet(fovea::rtp::ExtensionUri::kVideoOrientation, 7);
    const std::uint8_t layers = in.U8() % 4;
    for (std::uint8_t i = 0; i < layers && i < 3; ++i) {
      control::LayerSource source;
      if (layers > 1)
        Assign(source.rid, std::string(1, static_cast<char>('a' + i)));
      else
        source.ssrc = Ssrc{100};
      source.spatial = i;
      command.layers.Push(source);
    }
    return command;
  }

  static control::AddSubscription AnySubscription(ByteReader& in) {
    control::AddSubscription command;
    command.subscription = AnyHandle<control::SubscriptionHandle>(in);
    command.session = AnyHandle<control::SessionHandle>(in);
    command.publication = AnyHandle<control::PublicationHandle>(in);
    const std::uint8_t shape = in.U8();
    command.kind = (shape & 1) != 0 ? control::MediaKind::kVideo : control::MediaKind::kAudio;
    command.scalable = (shape & 0x80) != 0;
    command.ssrc = Ssrc{200U + (shape >> 4)};
    command.rtx_ssrc = Ssrc{300U + (shape >> 4)};
    const bool is_video = command.kind == control::MediaKind::kVideo;
    const auto codec = static_cast<fovea::rtp::Codec>((shape >> 1) % 9);
    const auto fallback = is_video ? fovea::rtp::Codec::kVp8 : fovea::rtp::Codec::kOpus;
    command.codecs.Push({fovea::rtp::IsVideo(codec) == is_video ? codec : fallback,
                         is_video ? test::kVp8Pt : test::kOpusPt, test::kVp8RtxPt, is_video});
    command.extensions = test::TestExtensions();
    command.spatial_max = in.U8();
    command.temporal_max = 3;
    return command;
  }

  void Step(ByteReader& in) {
    const std::uint8_t what = in.U8();
    if (what < 128)
      StepCommand(what % 16, in);
    else
      StepWorld(what % 8, in);
  }

  void StepCommand(std::uint8_t what, ByteReader& in) {
    const std::size_t worker = in.U8() % kWorkers;
    switch (what) {
      case 0:
      case 1: {
        const auto handle = AnyHandle<control::SessionHandle>(in);
        return Post(worker, AddSession(handle, handle.slot()));
      }
      case 2:
        return Post(worker, control::RemoveSession{AnyHandle<control::SessionHandle>(in)});
      case 3: {
        const auto handle = AnyHandle<control::SessionHandle>(in);
        const control::AddSession again = AddSession(handle, in.U8() % kSlots);
        return Post(worker, control::RestartIce{handle, again.local, again.remote});
      }
      case 4:
      case 5:
        return Post(worker, AnyPublication(in));
      case 6:
        return Post(worker, control::UpdatePublication{AnyPublication(in)});
      case 7:
        return Post(worker, control::RemovePublication{AnyHandle<control::PublicationHandle>(in)});
      case 8:
        return Post(worker,
                    control::SetRoutes{AnyHandle<control::PublicationHandle>(in), in.U16()});
      case 9:
        return Post(worker, control::SetPublicationMuted{AnyHandle<control::PublicationHandle>(in),
                                                         (in.U8() & 1) != 0});
      case 10:
        return Post(worker, control::RequestKeyFrame{AnyHandle<control::PublicationHandle>(in)});
      case 11:
      case 12:
        return Post(worker, AnySubscription(in));
      case 13: {
        const auto handle = AnyHandle<control::SubscriptionHandle>(in);
        const std::uint8_t layers = in.U8();
        return Post(worker,
                    control::SetSubscription{handle, layers, static_cast<std::uint8_t>(layers >> 4),
                                             layers == 0xff});
      }
      case 14:
        return Post(worker,
                    control::RemoveSubscription{AnyHandle<control::SubscriptionHandle>(in)});
      default:
        return Post(worker, control::Fence{in.U8()});
    }
  }

  void StepWorld(std::uint8_t what, ByteReader& in) {
    const std::size_t client = in.U8() % kClients;
    Node& node = *nodes_[WorkerOf(client)];
    switch (what) {
      case 0:
        return Pass(Millis(5) * in.U8());
      case 1:
        return Exchange();
      case 2:
        return node.Receive(now_, AddressOf(client), in.Bytes(Length(in)));
      case 3:
        return node.Receive(now_, kStranger, in.Bytes(Length(in)));
      case 4:
      case 5: {
        // Well protected, whatever it is inside.
        const ByteSpan packet = in.Bytes(Length(in));
        if (packet.size() < 12) return;
        const fovea::ExtSeq seq{fovea::LoadBe16(&packet[2])};
        (void)clients_[client]->peer().SendRtp(seq, packet, 12, queue_);
        return Flush(client);
      }
      case 6:
        (void)clients_[client]->peer().SendRtcp(in.Bytes(Length(in)), queue_);
        return Flush(client);
      default:
        for (const auto& each : nodes_) each->DrainEvents();
        return;
    }
  }

  static std::size_t Length(ByteReader& in) {
    return std::min<std::size_t>(in.U16() % 1501, in.remaining());
  }

  void Flush(std::size_t client) {
    for (const auto& packet : queue_.packets) {
      nodes_[WorkerOf(client)]->Receive(now_, AddressOf(client), packet);
    }
    queue_.packets.clear();
  }

  // Everything that is due on both sides, and what the workers sent to the clients.
  void Exchange() {
    for (std::size_t i = 0; i < kClients; ++i) {
      if (clients_[i]->NextDeadline() <= now_) clients_[i]->HandleTimeout(now_, queue_);
      Flush(i);
    }
    for (const auto& node : nodes_) {
      node->Poll(now_);
      std::vector<Node::Sent> sent;
      sent.swap(node->sent);
      for (Node::Sent& packet : sent) {
        for (std::size_t i = 0; i < kClients; ++i) {
          if (packet.to != AddressOf(i)) continue;
          clients_[i]->HandleDatagram(now_, packet.bytes, queue_);
          Flush(i);
        }
      }
    }
  }

  void Pass(fovea::Duration duration) {
    const Instant end = now_ + duration;
    for (int i = 0; i < 64; ++i) {
      Instant at = end;
      for (const auto& node : nodes_) at = std::min(at, node->worker().NextDeadline().at);
      now_ = std::max(now_, at);
      for (const auto& node : nodes_) node->Poll(now_);
      if (now_ >= end) break;
    }
    now_ = end;
    for (const auto& node : nodes_) node->sent.resize(std::min<std::size_t>(node->sent.size(), 64));
  }

  // Everybody leaves; nothing may be left behind.
  void Finish() {
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
      for (std::uint32_t generation = 1; generation <= 4; ++generation) {
        for (std::size_t i = 0; i < kWorkers; ++i) {
          const auto index = static_cast<std::uint8_t>(i);
          for (std::uint8_t named = 0; named < kWorkers; ++named) {
            Post(index, control::RemoveSession{{named, slot, generation}});
          }
        }
      }
      for (int turn = 0; turn < 6; ++turn) {
        for (const auto& node : nodes_) {
          node->Poll(now_);
          node->DrainEvents();
        }
      }
    }
    for (const auto& node : nodes_) {
      FOVEA_CHECK(node->worker().peer_count() == 0);
      FOVEA_CHECK(node->worker().slots_at_home() == node->worker().slab_capacity());
    }
  }

  Instant now_{fovea::Seconds(10)};
  worker::Mesh mesh_{kWorkers};
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<test::Client>> clients_;
  Queue queue_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader in(ByteSpan(data, size));
  Script script(in.U8() % (kClients + 1));
  script.Run(in);
  return 0;
}
