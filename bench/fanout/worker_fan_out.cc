#include "bench/fanout/worker_fan_out.h"

#include <uv.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "bench/cpu_clock.h"
#include "bench/fanout/vp8_source.h"
#include "sfu/control/channel.h"
#include "sfu/crypto/certificate.h"
#include "sfu/crypto/dtls.h"
#include "sfu/crypto/dtls_context.h"
#include "sfu/io/system_clock.h"
#include "sfu/io/udp_port.h"
#include "sfu/worker/worker.h"
#include "tests/support/test_peer.h"

namespace fovea::bench {
namespace {

constexpr const char* kServerUfrag = "serv";
constexpr const char* kPassword = "a-password-of-at-least-22";
constexpr std::size_t kSrtpTagBytes = 16;
constexpr Duration kConnectTimeout = Seconds(20);

class ServerChannels : public worker::ChannelFactory {
 public:
  explicit ServerChannels(const crypto::Certificate& certificate) : context_(certificate) {}
  std::unique_ptr<crypto::SecureChannel> Make() override {
    return std::make_unique<crypto::DtlsTransport>(context_, crypto::DtlsRole::kServer);
  }

 private:
  const crypto::DtlsContext context_;
};

// A participant's end: a TestPeer on a loopback socket.
class Client : private TransmitSink {
 public:
  Client(std::size_t number, const crypto::DtlsContext& context, LoopbackSocket& socket)
      : socket_(socket),
        peer_({"peer" + std::to_string(number), kPassword},
              std::make_unique<crypto::DtlsTransport>(context, crypto::DtlsRole::kClient), number) {
  }

  void Call(Instant now, const std::string& ufrag, const crypto::Fingerprint& fingerprint,
            const NetAddress& server) {
    server_ = server;
    peer_.SetRemote(now, {ufrag, kPassword}, fingerprint, server);
  }
  void Run(Instant now) {
    std::array<std::uint8_t, limits::kDatagramBytesMax> buffer;
    while (const auto datagram = socket_.Receive(buffer)) {
      peer_.HandleDatagram(now, {server_, *datagram}, *this, output_);
    }
    if (peer_.NextDeadline().IsDue(now)) peer_.HandleTimeout(now, *this);
  }
  void Publish(const Vp8Source::Packet& packet) {
    FOVEA_CHECK(peer_.SendRtp(packet.seq, packet.bytes, packet.header_bytes, *this));
  }
  void StopReading() { socket_.StopReading(); }
  [[nodiscard]] const test::TestPeer& peer() const { return peer_; }

 private:
  void Transmit(const NetAddress& remote, ByteSpan bytes) override { socket_.Send(remote, bytes); }

  LoopbackSocket& socket_;
  test::TestPeer peer_;
  NetAddress server_;
  transport::SessionOutput output_;
};

std::unique_ptr<io::UdpPort> OpenPort() {
  auto port = io::UdpPort::Open({.bind = NetAddress::V4(0x7f000001, 0)});
  if (!port.ok()) {
    std::fprintf(stderr, "fanout_bench: %s\n", port.error().c_str());
    std::exit(1);
  }
  return std::move(*port);
}

}  // namespace

struct WorkerFanOut::Impl {
  explicit Impl(Receivers& receivers);
  ~Impl();

  // One turn of the worker, as sfu/io/worker_thread.cc has it.
  void Turn();
  void RunLoopOnce() { uv_run(&loop, UV_RUN_NOWAIT); }
  void DrainEvents();
  void AddParticipants(const Receivers& receivers);
  void Connect();

  const std::unique_ptr<crypto::Certificate> server_certificate =
      crypto::Certificate::Generate(io::WallNow());
  const std::unique_ptr<crypto::Certificate> client_certificate =
      crypto::Certificate::Generate(io::WallNow());
  const crypto::DtlsContext client_context{*client_certificate};
  ServerChannels channels{*server_certificate};
  control::WorkerChannel channel;
  worker::Mesh mesh{1};
  const std::unique_ptr<io::UdpPort> port = OpenPort();
  worker::Worker worker;
  uv_loop_t loop{};
  uv_poll_t poll{};
  uv_timer_t timer{};

  LoopbackSocket publisher_socket;
  std::vector<std::unique_ptr<Client>> clients;  // the publisher first
  Vp8Source source;
  std::size_t connected = 0;
};

WorkerFanOut::Impl::Impl(Receivers& receivers)
    : worker({.index = 0, .seed = 1, .wall_offset_us = 0}, {channel, mesh, channels, *port}) {
  FOVEA_CHECK(uv_loop_init(&loop) == 0);
  FOVEA_CHECK(uv_poll_init(&loop, &poll, port->fd()) == 0);
  FOVEA_CHECK(uv_timer_init(&loop, &timer) == 0);
  poll.data = timer.data = this;
  uv_poll_start(&poll, UV_READABLE,
                [](uv_poll_t* handle, int, int) { static_cast<Impl*>(handle->data)->Turn(); });
  clients.push_back(std::make_unique<Client>(0, client_context, publisher_socket));
  for (std::size_t i = 0; i < receivers.count(); ++i) {
    clients.push_back(std::make_unique<Client>(i + 1, client_context, receivers[i]));
  }
  AddParticipants(receivers);
  Connect();
}

WorkerFanOut::Impl::~Impl() {
  uv_close(reinterpret_cast<uv_handle_t*>(&poll), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
  uv_run(&loop, UV_RUN_DEFAULT);
  FOVEA_CHECK(uv_loop_close(&loop) == 0);
}

void WorkerFanOut::Impl::Turn() {
  const Instant now = io::MonotonicNow();
  for (;;) {
    worker::RxBatch& batch = worker.LendReceiveSlots();
    const std::size_t lent = batch.lent;
    const std::size_t received = port->Receive(batch);
    if (received > 0) worker.HandleDatagrams(now, received);
    if (received < lent) break;
  }
  worker.Poll(now);
  const Instant at = worker.NextDeadline().at;
  const std::int64_t wait_ms = at <= now ? 0 : (at - now) / Millis(1) + 1;
  uv_update_time(&loop);
  uv_timer_start(
      &timer, [](uv_timer_t* handle) { static_cast<Impl*>(handle->data)->Turn(); },
      static_cast<std::uint64_t>(std::min<std::int64_t>(wait_ms, 1000)), 0);
}

void WorkerFanOut::Impl::DrainEvents() {
  channel.events.Drain(limits::kEventRing, [&](const control::WorkerEvent& event) {
    if (std::holds_alternative<control::SessionConnected>(event)) ++connected;
    FOVEA_CHECK(!std::holds_alternative<control::SessionDisconnected>(event));
  });
}

void WorkerFanOut::Impl::AddParticipants(const Receivers& receivers) {
  const control::PublicationHandle publication(0, 0, 1);
  control::CodecMapping vp8;
  vp8.codec = rtp::Codec::kVp8;
  vp8.pt = Vp8Source::kPayloadType;
  vp8.rtx_pt = PayloadType{97};
  vp8.has_rtx = true;
  rtp::ExtensionMap extensions;
  FOVEA_CHECK(extensions.TrySet(rtp::ExtensionUri::kTransportCc, Vp8Source::kTransportCcId));
  for (std::size_t i = 0; i <= receivers.count(); ++i) {
    const auto slot = static_cast<std::uint32_t>(i);
    const control::SessionHandle session(0, slot, 1);
    control::AddSession add;
    add.session = session;
    FOVEA_CHECK(add.local.ufrag.TryAssign(kServerUfrag + std::to_string(i)));
    FOVEA_CHECK(add.local.password.TryAssign(kPassword));
    FOVEA_CHECK(add.remote.ufrag.TryAssign(clients[i]->peer().local().ufrag));
    add.remote.has_fingerprint = true;
    add.remote.fingerprint = client_certificate->fingerprint();
    FOVEA_CHECK(channel.commands.TryPush(add));
    if (i == 0) {
      control::AddPublication publish;
      publish.publication = publication;
      publish.session = session;
      publish.kind = control::MediaKind::kVideo;
      publish.codecs.Push(vp8);
      publish.extensions = extensions;
      control::LayerSource layer;
      layer.ssrc = Vp8Source::kSsrc;
      publish.layers.Push(layer);
      FOVEA_CHECK(channel.commands.TryPush(publish));
      continue;
    }
    control::AddSubscription subscribe;
    subscribe.subscription = control::SubscriptionHandle(0, slot, 1);
    subscribe.session = session;
    subscribe.publication = publication;
    subscribe.kind = control::MediaKind::kVideo;
    subscribe.ssrc = Ssrc{1000 + 2 * slot};
    subscribe.rtx_ssrc = Ssrc{1001 + 2 * slot};
    subscribe.codecs.Push(vp8);
    subscribe.spatial_max = 2;
    subscribe.temporal_max = 3;
    FOVEA_CHECK(channel.commands.TryPush(subscribe));
    // The ring is small, and the worker is ours to run.
    worker.Poll(io::MonotonicNow());
  }
}

void WorkerFanOut::Impl::Connect() {
  const Instant start = io::MonotonicNow();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i]->Call(start, kServerUfrag + std::to_string(i), server_certificate->fingerprint(),
                     port->local());
  }
  for (Instant now = start; connected < clients.size(); now = io::MonotonicNow()) {
    if (now - start > kConnectTimeout) {
      std::fprintf(stderr, "fanout_bench: %zu of %zu sessions connected\n", connected,
                   clients.size());
      std::exit(1);
    }
    for (const auto& client : clients) client->Run(now);
    RunLoopOnce();
    DrainEvents();
  }
  for (const auto& client : clients) {
    client->Run(io::MonotonicNow());
    FOVEA_CHECK(client->peer().is_connected());
    FOVEA_CHECK(client->peer().srtp_profile() == crypto::SrtpProfile::kAeadAes128Gcm);
  }
  for (const auto& client : clients) client->StopReading();
}

WorkerFanOut::WorkerFanOut(Receivers& receivers) : impl_(std::make_unique<Impl>(receivers)) {}

WorkerFanOut::~WorkerFanOut() = default;

Cost WorkerFanOut::Forward(std::size_t burst) {
  Client& publisher = *impl_->clients.front();
  for (std::size_t i = 0; i < burst; ++i) publisher.Publish(impl_->source.Next());
  const std::uint64_t expected = burst * (impl_->clients.size() - 1);
  const std::uint64_t forwarded_before = impl_->worker.stats().rtp_forwarded;
  const std::uint64_t bytes_before = impl_->worker.stats().bytes_sent;
  const std::uint64_t sent_before = impl_->port->packets_sent();
  const std::int64_t start = ThreadCpuNanos();
  impl_->RunLoopOnce();
  const std::int64_t end = ThreadCpuNanos();
  // All of the burst in that turn, whole, and out of the socket as well; reports may come on top.
  FOVEA_CHECK(impl_->worker.stats().rtp_forwarded - forwarded_before == expected);
  FOVEA_CHECK(impl_->worker.stats().bytes_sent - bytes_before >=
              expected * (kRtpPacketBytes + kSrtpTagBytes));
  FOVEA_CHECK(impl_->port->packets_sent() - sent_before >= expected);
  return {.cpu_nanos = end - start, .packets = expected};
}

void WorkerFanOut::KeepAlive() {
  const Instant now = io::MonotonicNow();
  for (const auto& client : impl_->clients) client->Run(now);
  impl_->RunLoopOnce();
  impl_->DrainEvents();
}

bool WorkerFanOut::segmentation_enabled() const { return impl_->port->segmentation_enabled(); }

}  // namespace fovea::bench
