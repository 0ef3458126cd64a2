// Forwarding does not touch the heap: ten thousands of packets through two workers, none allocated.
#include <cstring>
#include <memory>
#include <vector>

#include "tests/support/allocation_counter.h"
#include "tests/support/simulator_access.h"
#include "tests/support/world/client.h"
#include "tests/unit/sfu/worker/fixture.h"

namespace fovea::worker {
namespace {

constexpr std::size_t kWarmUp = 5'000;
constexpr std::size_t kMeasured = 100'000;

struct NullFactory : ChannelFactory {
  std::unique_ptr<crypto::SecureChannel> Make() override {
    return test::MakeNullChannel(test::kServerFingerprint, false);
  }
};

// Counts what a worker sends; while clients connect, also hands it to them.
struct CountingSender : PacketSender {
  void Send(TxBatch& batch) override {
    for (std::size_t i = 0; i < batch.size() && keep; ++i) {
      kept.push_back({batch.entry(i).remote, {batch.data(i), batch.data(i) + batch.entry(i).size}});
    }
    sent += batch.size();
    batch.Clear();
  }
  struct Kept {
    NetAddress to;
    std::vector<std::uint8_t> bytes;
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
  Bench() {
    for (std::size_t i = 0; i < 2; ++i) {
      workers_[i] = std::make_unique<Worker>(
          WorkerConfig{static_cast<std::uint8_t>(i), i + 1, test::kWorldWallOffsetUs},
          Worker::Links{channels[i], mesh_, factory_, senders[i], nullptr});
    }
  }

  void Receive(std::size_t worker, const NetAddress& from, ByteSpan bytes) {
    RxBatch& batch = workers_[worker]->LendReceiveSlots();
    batch.entries[0].remote = from;
    batch.entries[0].size = static_cast<std::uint16_t>(bytes.size());
    std::memcpy(batch.entries[0].data, bytes.data(), bytes.size());
    workers_[worker]->HandleDatagrams(now, 1);
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
    control::AddSession command;
    command.session = identity.session;
    EXPECT_TRUE(command.local.ufrag.TryAssign(identity.server_ice.ufrag));
    EXPECT_TRUE(command.local.password.TryAssign(identity.server_ice.password));
    EXPECT_TRUE(command.remote.ufrag.TryAssign(identity.ice.ufrag));
    command.remote.has_fingerprint = true;
    command.remote.fingerprint = test::kClientFingerprint;
    EXPECT_TRUE(channels[worker].commands.TryPush(command));
    Poll();
    auto client = std::make_unique<test::Client>(identity);
    client->Start(now);
    Capture capture;
    for (int i = 0; i < 50 && !client->is_connected(); ++i) {
      now += Millis(20);
      client->HandleTimeout(now, capture);
      for (const auto& packet : capture.packets) Receive(worker, identity.address, packet);
      capture.packets.clear();
      Poll();
      for (auto& kept : senders[worker].kept) client->HandleDatagram(now, kept.bytes, capture);
      senders[worker].kept.clear();
    }
    EXPECT_TRUE(client->is_connected());
    return client;
  }

  [[nodiscard]] Worker& worker(std::size_t i) { return *workers_[i]; }
  std::array<control::WorkerChannel, 2> channels;
  std::array<CountingSender, 2> senders;
  Instant now{Seconds(1000)};

 private:
  Mesh mesh_{2};
  NullFactory factory_;
  std::array<std::unique_ptr<Worker>, 2> workers_;
};

control::AddSubscription SubscriptionOf(const test::Client& client, std::uint32_t number,
                                        const control::AddPublication& publication) {
  control::AddSubscription command;
  command.session = client.identity().session;
  command.subscription = control::SubscriptionHandle(command.session.worker(), number, 1);
  command.publication = publication.publication;
  command.kind = publication.kind;
  command.ssrc = Ssrc{5000 + number};
  command.rtx_ssrc = Ssrc{6000 + number};
  command.codecs.Push(publication.codecs[0]);
  command.extensions = test::TestExtensions();
  command.spatial_max = 2;
  command.temporal_max = 3;
  return command;
}

TEST(WorkerAllocations, AreNoneForForwardedPackets) {
  if (!test::AllocationCount()) GTEST_SKIP() << "a sanitizer owns the heap";
  Bench bench;
  const auto publisher = bench.Join(0, 0);
  control::AddPublication publication;
  publication.publication = control::PublicationHandle(0, 0, 1);
  publication.session = publisher->identity().session;
  publication.kind = control::MediaKind::kVideo;
  ASSERT_TRUE(publication.mid.TryAssign("v"));
  publication.codecs.Push({rtp::Codec::kVp8, test::kVp8Pt, test::kVp8RtxPt, true});
  publication.extensions = test::TestExtensions();
  control::LayerSource source;
  source.ssrc = Ssrc{100};
  source.rtx_ssrc = Ssrc{101};
  publication.layers.Push(source);
  ASSERT_TRUE(bench.channels[0].commands.TryPush(publication));
  ASSERT_TRUE(bench.channels[0].commands.TryPush(control::SetRoutes{publication.publication, 3}));
  std::vector<std::unique_ptr<test::Client>> subscribers;
  for (std::uint32_t i = 0; i < 4; ++i) {
    const std::size_t worker = i % 2;
    subscribers.push_back(bench.Join(worker, i + 1));
    ASSERT_TRUE(bench.channels[worker].commands.TryPush(
        SubscriptionOf(*subscribers.back(), i, publication)));
  }
  bench.Poll();

  test::MediaStream::Options options;
  options.publication = publication.publication;
  options.kind = control::MediaKind::kVideo;
  options.mid = "v";
  options.ssrc = source.ssrc;
  options.packets_per_frame = 5;
  test::MediaStream stream(options, 1);
  Capture capture;
  std::uint16_t wide_seq = 0;
  while (capture.packets.size() < kWarmUp + kMeasured) {
    for (const auto& packet : stream.NextFrame(wide_seq)) publisher->SendMade(packet, capture);
  }
  for (CountingSender& sender : bench.senders) sender.keep = false;

  std::uint64_t before = 0;
  for (std::size_t i = 0; i < kWarmUp + kMeasured; ++i) {
    if (i == kWarmUp) before = *test::AllocationCount();
    bench.Receive(0, publisher->identity().address, capture.packets[i]);
    if (i % 5 == 4) {
      bench.Poll();
      bench.now += Micros(500);  // consent holds out that long
    }
  }
  EXPECT_EQ(*test::AllocationCount() - before, 0U);
  const std::uint64_t forwarded =
      bench.worker(0).stats().rtp_forwarded + bench.worker(1).stats().rtp_forwarded;
  EXPECT_GT(forwarded, 4 * kMeasured);
}

}  // namespace
}  // namespace fovea::worker
