// Two workers without a world around them: nothing here allocates once its clients are connected,
// and each worker may run on a thread of its own. Thread: one per worker, after Join().
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "sfu/crypto/dtls.h"
#include "sfu/worker/worker.h"
#include "tests/support/simulator_access.h"
#include "tests/support/world/client.h"

namespace fovea::worker {

// How sessions are secured, at both ends.
struct Security : ChannelFactory {
  [[nodiscard]] virtual std::unique_ptr<crypto::SecureChannel> MakeClient() = 0;
  crypto::Fingerprint server = test::kServerFingerprint;
  crypto::Fingerprint client = test::kClientFingerprint;
};

struct NullSecurity : Security {
  std::unique_ptr<crypto::SecureChannel> Make() override {
    return test::MakeNullChannel(server, false);
  }
  std::unique_ptr<crypto::SecureChannel> MakeClient() override {
    return test::MakeNullChannel(client, true);
  }
};

// DTLS-SRTP as in production, with one certificate for all.
class DtlsSecurity : public Security {
 public:
  explicit DtlsSecurity(crypto::SrtpProfile profile)
      : certificate_(crypto::Certificate::Generate(WallMicros{test::kWorldWallOffsetUs})),
        context_(*certificate_, std::array{profile}) {
    server = client = certificate_->fingerprint();
  }
  std::unique_ptr<crypto::SecureChannel> Make() override {
    return std::make_unique<crypto::DtlsTransport>(context_, crypto::DtlsRole::kServer);
  }
  std::unique_ptr<crypto::SecureChannel> MakeClient() override {
    auto made = std::make_unique<crypto::DtlsTransport>(context_, crypto::DtlsRole::kClient);
    last_client = made.get();
    return made;
  }
  const crypto::SecureChannel* last_client = nullptr;  // while its Client lives

 private:
  const std::unique_ptr<crypto::Certificate> certificate_;
  const crypto::DtlsContext context_;
};

// Counts what a worker sends; while clients connect, also hands it to them.
struct CountingSender : PacketSender {
  void Send(TxBatch& batch) override {
    for (std::size_t i = 0; i < batch.size() && keep; ++i) {
      const TxBatch::Entry& entry = batch.entry(i);
      kept.push_back({entry.remote, {batch.data(i), batch.data(i) + entry.size}, entry.local});
    }
    sent += batch.size();
    batch.Clear();
  }
  struct Kept {
    NetAddress to;
    std::vector<std::uint8_t> bytes;
    LocalAddressId from = LocalAddressId::kAny;
  };
  bool keep = true;
  std::vector<Kept> kept;
  std::uint64_t sent = 0;
};

// What a client sends, captured before anything is counted.
struct Capture : TransmitSink {
  void Transmit(const NetAddress&, ByteSpan bytes) override {
    packets.emplace_back(bytes.begin(), bytes.end());
  }
  std::vector<std::vector<std::uint8_t>> packets;
};

// Two workers without a world around them, which would allocate for itself.
class Bench {
 public:
  explicit Bench(std::unique_ptr<Security> security = std::make_unique<NullSecurity>())
      : security_(std::move(security)) {
    for (std::size_t i = 0; i < 2; ++i) {
      workers_[i] = std::make_unique<Worker>(
          WorkerConfig{static_cast<std::uint8_t>(i), i + 1, test::kWorldWallOffsetUs},
          Worker::Links{channels[i], mesh_, *security_, senders[i], nullptr});
    }
  }

  // False when every slot is with somebody else.
  bool Receive(std::size_t worker, const NetAddress& from, ByteSpan bytes,
               LocalAddressId local = LocalAddressId::kAny) {
    RxBatch& batch = workers_[worker]->LendReceiveSlots();
    if (batch.lent == 0) return false;
    batch.entries[0].remote = from;
    batch.entries[0].local = local;
    batch.entries[0].size = static_cast<std::uint16_t>(bytes.size());
    std::memcpy(batch.entries[0].data, bytes.data(), bytes.size());
    workers_[worker]->HandleDatagrams(now, 1);
    return true;
  }
  void Poll() {
    for (const auto& worker : workers_) worker->Poll(now);
    for (control::WorkerChannel& channel : channels) {
      channel.events.Drain(limits::kEventRing, [](const control::WorkerEvent&) {});
    }
  }

  // A session on `worker`, connected.
  std::unique_ptr<test::Client> Join(std::size_t worker, std::uint32_t number) {
    const std::string suffix = std::to_string(number);
    test::Client::Identity identity;
    identity.session = control::SessionHandle(static_cast<std::uint8_t>(worker), number, 1);
    identity.ice = {"client" + suffix, "client-password-of-22-chars"};
    identity.server_ice = {"server" + suffix, "server-password-of-22-chars"};
    identity.address = NetAddress::V4(0x0a010000 + number, 40000);
    identity.server = NetAddress::V4(1, 7882);
    identity.server_fingerprint = security_->server;
    control::AddSession command;
    command.session = identity.session;
    EXPECT_TRUE(command.local.ufrag.TryAssign(identity.server_ice.ufrag));
    EXPECT_TRUE(command.local.password.TryAssign(identity.server_ice.password));
    EXPECT_TRUE(command.remote.ufrag.TryAssign(identity.ice.ufrag));
    command.remote.has_fingerprint = true;
    command.remote.fingerprint = security_->client;
    EXPECT_TRUE(channels[worker].commands.TryPush(command));
    Poll();
    auto client = std::make_unique<test::Client>(identity, security_->MakeClient());
    client->Start(now);
    Capture capture;
    for (int i = 0; i < 50 && !client->is_connected(); ++i) {
      now += Millis(20);
      client->HandleTimeout(now, capture);
      for (const auto& packet : capture.packets) (void)Receive(worker, identity.address, packet);
      capture.packets.clear();
      Poll();
      for (auto& kept : senders[worker].kept) client->HandleDatagram(now, kept.bytes, capture);
      senders[worker].kept.clear();
    }
    EXPECT_TRUE(client->is_connected());
    return client;
  }

  [[nodiscard]] Worker& worker(std::size_t i) { return *workers_[i]; }
  [[nodiscard]] Mesh& mesh() { return mesh_; }
  std::array<control::WorkerChannel, 2> channels;
  std::array<CountingSender, 2> senders;
  Instant now{Seconds(1000)};

 private:
  Mesh mesh_{2};
  const std::unique_ptr<Security> security_;
  std::array<std::unique_ptr<Worker>, 2> workers_;
};

inline control::AddSubscription SubscriptionOf(const test::Client& client, std::uint32_t number,
                                               const control::AddPublication& publication) {
  control::AddSubscription command;
  command.session = client.identity().session;
  command.subscription = control::SubscriptionHandle(command.session.worker(), number, 1);
  command.publication = publication.publication;
  command.kind = publication.kind;
  EXPECT_TRUE(command.mid.TryAssign("s"));
  command.ssrc = Ssrc{5000 + number};
  if (publication.codecs[0].has_rtx) command.rtx_ssrc = Ssrc{6000 + number};
  command.codecs.Push(publication.codecs[0]);
  command.extensions = test::TestExtensions();
  command.spatial_max = 2;
  command.temporal_max = 3;
  return command;
}

// One video publisher on worker 0 and four subscribers, two on each worker.
struct Meeting {
  explicit Meeting(Bench& bench, bool has_rtx = true, int packets_per_frame = 5);
  // What the publisher sends next, at least `count` packets.
  [[nodiscard]] std::vector<std::vector<std::uint8_t>> Packets(std::size_t count);

  std::unique_ptr<test::Client> publisher;
  std::vector<std::unique_ptr<test::Client>> subscribers;
  std::unique_ptr<test::MediaStream> stream;
};

inline Meeting::Meeting(Bench& bench, bool has_rtx, int packets_per_frame)
    : publisher(bench.Join(0, 0)) {
  control::AddPublication publication;
  publication.publication = control::PublicationHandle(0, 0, 1);
  publication.session = publisher->identity().session;
  publication.kind = control::MediaKind::kVideo;
  EXPECT_TRUE(publication.mid.TryAssign("v"));
  publication.codecs.Push({rtp::Codec::kVp8, test::kVp8Pt, test::kVp8RtxPt, has_rtx});
  publication.extensions = test::TestExtensions();
  control::LayerSource source;
  source.ssrc = Ssrc{100};
  source.rtx_ssrc = Ssrc{101};
  publication.layers.Push(source);
  EXPECT_TRUE(bench.channels[0].commands.TryPush(publication));
  EXPECT_TRUE(bench.channels[0].commands.TryPush(control::SetRoutes{publication.publication, 3}));
  for (std::uint32_t i = 0; i < 4; ++i) {
    const std::size_t worker = i % 2;
    subscribers.push_back(bench.Join(worker, i + 1));
    EXPECT_TRUE(bench.channels[worker].commands.TryPush(
        SubscriptionOf(*subscribers.back(), i, publication)));
  }
  bench.Poll();
  for (CountingSender& sender : bench.senders) sender.keep = false;
  test::MediaStream::Options options;
  options.publication = publication.publication;
  options.kind = control::MediaKind::kVideo;
  options.mid = "v";
  options.ssrc = source.ssrc;
  options.packets_per_frame = packets_per_frame;
  stream = std::make_unique<test::MediaStream>(options, 1);
}

inline std::vector<std::vector<std::uint8_t>> Meeting::Packets(std::size_t count) {
  Capture capture;
  std::uint16_t wide_seq = 0;
  while (capture.packets.size() < count) {
    for (const auto& packet : stream->NextFrame(wide_seq)) publisher->SendMade(packet, capture);
  }
  return std::move(capture.packets);
}

}  // namespace fovea::worker
