#include "signaling/io/stun_query.h"

#include <uv.h>

#include <array>
#include <utility>
#include <vector>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "sfu/stun/message_writer.h"
#include "signaling/io/resolver.h"
#include "signaling/io/sockaddr.h"
#include "signaling/io/timer.h"

namespace fovea::io {
namespace {

// RFC 8489 doubles from half a second; people wait for this, and nothing else is on the line.
constexpr Duration kBetweenAttempts = Millis(400);
// RFC 8445 section 5.1.2.1: of a peer-reflexive candidate, the only one. Nobody compares it.
constexpr std::uint32_t kPriority = (110U << 24) | (65535U << 8) | 255U;

}  // namespace

class StunQuery::Impl {
 public:
  Impl(uv_loop_t* loop, Options options, OnAnswer on_answer)
      : loop_(loop),
        options_(std::move(options)),
        on_answer_(std::move(on_answer)),
        timer_(loop, [this] { Send(); }),
        resolver_(loop, options_.host, options_.port,
                  [this](const std::vector<NetAddress>& found) { OnResolved(found); }) {}

  ~Impl() {
    if (socket_ == nullptr) return;
    socket_->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&socket_->uv),
             [](uv_handle_t* handle) { delete static_cast<Socket*>(handle->data); });
  }

 private:
  // Freed by libuv's close callback.
  struct Socket {
    uv_udp_t uv{};
    Impl* owner = nullptr;  // null: nobody waits any more
    std::array<char, limits::kStunAnswerBytesMax> buffer{};
  };

  void OnResolved(const std::vector<NetAddress>& found) {
    if (found.empty()) return Finish(std::nullopt);
    server_ = found.front();
    socket_ = new Socket;
    socket_->owner = this;
    FOVEA_CHECK(uv_udp_init(loop_, &socket_->uv) == 0);
    socket_->uv.data = socket_;
    const NetAddress any = *NetAddress::Parse(server_.is_v4() ? "0.0.0.0" : "::", 0);
    const sockaddr_storage local = ToSockaddr(any);
    if (uv_udp_bind(&socket_->uv, reinterpret_cast<const sockaddr*>(&local), 0) != 0 ||
        uv_udp_recv_start(&socket_->uv, LendBuffer, OnDatagram) != 0) {
      return Finish(std::nullopt);
    }
    Send();
  }

  void Send() {
    if (attempts_++ >= options_.attempts) return Finish(std::nullopt);
    stun::MessageWriter writer(stun::MessageClass::kRequest, options_.id);
    if (!options_.username.empty()) {
      writer.Username(options_.username);
      writer.IceControlling(/*tie_breaker=*/1);  // a lite agent never controls
      writer.Priority(kPriority);
      writer.Integrity(ByteSpan(reinterpret_cast<const std::uint8_t*>(options_.password.data()),
                                options_.password.size()),
                       options_.hmac);
    }
    writer.Fingerprint();
    const ByteSpan bytes = writer.Finish();
    // libuv wants a buffer that it could write to, and does not.
    uv_buf_t buffer = uv_buf_init(
        reinterpret_cast<char*>(const_cast<std::uint8_t*>(bytes.data())),  // NOLINT: see above
        static_cast<unsigned>(bytes.size()));
    const sockaddr_storage to = ToSockaddr(server_);
    // What is not sent now is sent by the next attempt.
    (void)uv_udp_try_send(&socket_->uv, &buffer, 1, reinterpret_cast<const sockaddr*>(&to));
    timer_.StartOnce(kBetweenAttempts);
  }

  static void LendBuffer(uv_handle_t* handle, std::size_t, uv_buf_t* out) {
    auto& buffer = static_cast<Socket*>(handle->data)->buffer;
    *out = uv_buf_init(buffer.data(), static_cast<unsigned>(buffer.size()));
  }

  static void OnDatagram(uv_udp_t* uv, ssize_t size, const uv_buf_t* buffer, const sockaddr* from,
                         unsigned) {
    Impl* self = static_cast<Socket*>(uv->data)->owner;
    if (self == nullptr || size <= 0 || from == nullptr) return;
    const auto message = stun::Parse(ByteSpan(reinterpret_cast<const std::uint8_t*>(buffer->base),
                                              static_cast<std::size_t>(size)));
    if (!message.ok() || message->transaction_id != self->options_.id ||
        message->message_class != stun::MessageClass::kSuccess) {
      return;
    }
    if (message->xor_mapped_address.has_value()) self->Finish(message->xor_mapped_address);
  }

  // The last thing a callback does: the owner may destroy this.
  void Finish(std::optional<NetAddress> seen) {
    timer_.Stop();
    if (OnAnswer on_answer = std::exchange(on_answer_, nullptr)) on_answer(seen);
  }

  uv_loop_t* const loop_;
  const Options options_;
  OnAnswer on_answer_;
  Timer timer_;
  NetAddress server_;
  Socket* socket_ = nullptr;
  int attempts_ = 0;
  Resolver resolver_;
};

StunQuery::StunQuery(uv_loop_t* loop, Options options, OnAnswer on_answer)
    : impl_(std::make_unique<Impl>(loop, std::move(options), std::move(on_answer))) {}
StunQuery::~StunQuery() = default;

}  // namespace fovea::io
