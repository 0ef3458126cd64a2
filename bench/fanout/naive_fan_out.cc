#include "bench/fanout/naive_fan_out.h"

#include <netinet/in.h>
#include <uv.h>

#include <array>
#include <cstring>
#include <vector>

#include "bench/cpu_clock.h"
#include "sfu/core/bytes.h"
#include "sfu/core/check.h"

namespace fovea::bench {
namespace {

constexpr std::size_t kBurstMax = 32;
constexpr std::size_t kBufferBytes = 1500;

// libuv keeps the request and the bytes until the packet is out.
struct SendRequest {
  uv_udp_send_t uv;
  std::array<std::uint8_t, kBufferBytes> bytes;
};

struct Subscriber {
  srtp_t session = nullptr;
  sockaddr_in address{};
  std::uint32_t ssrc = 0;
};

sockaddr_in LoopbackAddress(std::uint16_t port) {
  sockaddr_in address{};
  FOVEA_CHECK(uv_ip4_addr("127.0.0.1", port, &address) == 0);
  return address;
}

}  // namespace

struct NaiveFanOut::Impl {
  Impl(const LibSrtp& srtp, const Receivers& receivers);
  ~Impl();
  void HandleDatagram(std::uint8_t* packet, std::size_t size);

  const LibSrtp library;
  uv_loop_t loop{};
  uv_udp_t socket{};
  NetAddress address;
  std::array<char, 65536> receive_buffer{};
  srtp_t from_publisher = nullptr;
  std::vector<Subscriber> subscribers;
  std::vector<SendRequest> requests;
  std::vector<SendRequest*> free_requests;
  std::uint64_t sent = 0;

  LoopbackSocket publisher_socket;
  srtp_t publisher = nullptr;
  std::uint16_t next_seq = 1;
};

NaiveFanOut::Impl::Impl(const LibSrtp& srtp, const Receivers& receivers)
    : library(srtp), requests(receivers.count() * kBurstMax) {
  from_publisher = MakeSession(library, SrtpCipher::kGcm128, SrtpDirection::kUnprotect, 0);
  publisher = MakeSession(library, SrtpCipher::kGcm128, SrtpDirection::kProtect, 0);
  for (std::size_t i = 0; i < receivers.count(); ++i) {
    const auto number = static_cast<std::uint32_t>(i + 1);
    subscribers.push_back(
        {MakeSession(library, SrtpCipher::kGcm128, SrtpDirection::kProtect, number),
         LoopbackAddress(receivers[i].address().port), 1000 + number});
  }
  for (SendRequest& request : requests) free_requests.push_back(&request);

  FOVEA_CHECK(uv_loop_init(&loop) == 0);
  FOVEA_CHECK(uv_udp_init(&loop, &socket) == 0);
  const sockaddr_in any_port = LoopbackAddress(0);
  FOVEA_CHECK(uv_udp_bind(&socket, reinterpret_cast<const sockaddr*>(&any_port), 0) == 0);
  sockaddr_in bound{};
  int length = sizeof bound;
  FOVEA_CHECK(uv_udp_getsockname(&socket, reinterpret_cast<sockaddr*>(&bound), &length) == 0);
  address = NetAddress::V4(0x7f000001, ntohs(bound.sin_port));
  socket.data = this;
  uv_udp_recv_start(
      &socket,
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        auto* self = static_cast<Impl*>(handle->data);
        *buffer = uv_buf_init(self->receive_buffer.data(), sizeof self->receive_buffer);
      },
      [](uv_udp_t* handle, ssize_t size, const uv_buf_t* buffer, const sockaddr*, unsigned) {
        if (size <= 0) return;
        static_cast<Impl*>(handle->data)
            ->HandleDatagram(reinterpret_cast<std::uint8_t*>(buffer->base),
                             static_cast<std::size_t>(size));
      });
}

NaiveFanOut::Impl::~Impl() {
  uv_close(reinterpret_cast<uv_handle_t*>(&socket), nullptr);
  uv_run(&loop, UV_RUN_DEFAULT);
  FOVEA_CHECK(uv_loop_close(&loop) == 0);
  for (const Subscriber& subscriber : subscribers) (void)library.dealloc(subscriber.session);
  (void)library.dealloc(from_publisher);
  (void)library.dealloc(publisher);
}

void NaiveFanOut::Impl::HandleDatagram(std::uint8_t* packet, std::size_t size) {
  int plain_size = static_cast<int>(size);
  FOVEA_CHECK(library.unprotect(from_publisher, packet, &plain_size) == srtp_err_status_ok);
  for (const Subscriber& subscriber : subscribers) {
    FOVEA_CHECK(!free_requests.empty());
    SendRequest* request = free_requests.back();
    free_requests.pop_back();
    request->uv.data = this;
    std::uint8_t* out = request->bytes.data();
    std::memcpy(out, packet, static_cast<std::size_t>(plain_size));
    // Everybody has numbers of their own, though here they only differ in the SSRC.
    StoreBe16(out + 2, LoadBe16(packet + 2));
    StoreBe32(out + 4, LoadBe32(packet + 4));
    StoreBe32(out + 8, subscriber.ssrc);
    int protected_size = plain_size;
    FOVEA_CHECK(library.protect(subscriber.session, out, &protected_size) == srtp_err_status_ok);
    const uv_buf_t buffer =
        uv_buf_init(reinterpret_cast<char*>(out), static_cast<unsigned>(protected_size));
    const int error = uv_udp_send(
        &request->uv, &socket, &buffer, 1, reinterpret_cast<const sockaddr*>(&subscriber.address),
        [](uv_udp_send_t* done, int status) {
          auto* self = static_cast<Impl*>(done->data);
          FOVEA_CHECK(status == 0);
          ++self->sent;
          self->free_requests.push_back(reinterpret_cast<SendRequest*>(done));
        });
    FOVEA_CHECK(error == 0);
  }
}

NaiveFanOut::NaiveFanOut(const LibSrtp& library, const Receivers& receivers)
    : impl_(std::make_unique<Impl>(library, receivers)) {}

NaiveFanOut::~NaiveFanOut() = default;

std::string NaiveFanOut::name() const { return "naive: libuv, " + impl_->library.name; }

Cost NaiveFanOut::Forward(std::size_t burst) {
  FOVEA_CHECK(burst <= kBurstMax);
  for (std::size_t i = 0; i < burst; ++i) {
    std::array<std::uint8_t, kBufferBytes> packet{};
    packet[0] = 0x80;
    packet[1] = 96;
    StoreBe16(&packet[2], impl_->next_seq++);
    StoreBe32(&packet[8], 0x5eed);
    int size = kRtpPacketBytes;
    FOVEA_CHECK(impl_->library.protect(impl_->publisher, packet.data(), &size) ==
                srtp_err_status_ok);
    impl_->publisher_socket.Send(impl_->address,
                                 ByteSpan(packet).first(static_cast<std::size_t>(size)));
  }
  const std::uint64_t expected = burst * impl_->subscribers.size();
  const std::uint64_t until = impl_->sent + expected;
  const std::int64_t start = ThreadCpuNanos();
  while (impl_->sent < until) uv_run(&impl_->loop, UV_RUN_NOWAIT);
  const std::int64_t end = ThreadCpuNanos();
  return {.cpu_nanos = end - start, .packets = expected};
}

}  // namespace fovea::bench
