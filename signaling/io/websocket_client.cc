#include "signaling/io/websocket_client.h"

#include <array>
#include <utility>
#include <vector>

#include "sfu/core/limits.h"
#include "signaling/io/resolver.h"
#include "signaling/io/tcp.h"
#include "signaling/io/timer.h"
#include "signaling/wire/base64.h"
#include "signaling/wire/http_message.h"

namespace fovea::io {
namespace {

constexpr std::size_t kNonceBytes = 16;

std::string NewKey(const std::function<void(MutableByteSpan)>& random) {
  std::array<std::uint8_t, kNonceBytes> nonce{};
  random(nonce);
  return wire::Base64Encode(nonce);
}

}  // namespace

class WebSocketClient::Impl : private ByteStreamListener {
 public:
  Impl(uv_loop_t* loop, Options options, OnMessage on_message, WebSocketClient::OnEnd on_end)
      : loop_(loop),
        options_(std::move(options)),
        key_(NewKey(options_.random)),
        socket_(wire::WebSocketSide::kClient, options_.random),
        on_message_(std::move(on_message)),
        on_end_(std::move(on_end)),
        timer_(loop, [this] { End("it took too long"); }),
        resolver_(loop, options_.url.host, options_.url.port,
                  [this](const std::vector<NetAddress>& found) { OnResolved(found); }) {
    timer_.StartOnce(options_.timeout);
  }
  ~Impl() override {
    if (destroyed_ != nullptr) *destroyed_ = true;
  }

  bool Send(wire::WebSocketKind kind, std::string_view payload) {
    if (!is_open_ || !socket_.Send(kind, payload)) return false;
    Flush();
    return true;
  }

 private:
  void OnResolved(const std::vector<NetAddress>& found) {
    if (found.empty()) return End("the host has no address");
    std::unique_ptr<ByteStream> stream = TcpStream::Connect(loop_, found.front());
    if (stream == nullptr) return End("no connection");
    if (options_.url.tls) stream = options_.wrap_tls(std::move(stream), options_.url.host);
    stream_ = std::move(stream);
    stream_->Start(*this);
    stream_->Write(wire::SerializeRequest({.url = options_.url,
                                           .headers = {{"Connection", "Upgrade"},
                                                       {"Upgrade", "websocket"},
                                                       {"Sec-WebSocket-Version", "13"},
                                                       {"Sec-WebSocket-Key", key_}}}));
  }

  void OnBytes(std::string_view bytes) override {
    if (is_open_) return Decode(bytes);
    head_ += bytes;
    const std::size_t end = head_.find("\r\n\r\n");
    if (end == std::string::npos) {
      if (head_.size() > limits::kHttpHeaderBytesMax) End("the answer is too long");
      return;
    }
    const std::string rest = head_.substr(end + 4);
    head_.resize(end);
    // Only who has read our key can give this answer: RFC 6455 section 4.1.
    if (head_.find(" 101 ") == std::string::npos ||
        head_.find(wire::WebSocketAccept(key_)) == std::string::npos) {
      return End("no WebSocket: " + head_.substr(0, head_.find('\r')));
    }
    is_open_ = true;
    Decode(rest);
  }
  void OnEnd() override { End("closed by the server"); }
  void OnDrained() override {}
  void OnFailure() override { End("the connection failed"); }

  void Decode(std::string_view bytes) {
    std::vector<wire::WebSocketMessage> messages;
    socket_.HandleBytes(bytes, messages);
    Flush();
    bool destroyed = false;
    destroyed_ = &destroyed;
    for (const wire::WebSocketMessage& message : messages) {
      on_message_(message);
      if (destroyed) return;
    }
    destroyed_ = nullptr;
    if (socket_.closing()) End("closed by the server");
  }

  void Flush() {
    if (std::string bytes = socket_.TakeOutput(); !bytes.empty()) stream_->Write(std::move(bytes));
  }

  // The last thing a callback does: the owner may destroy this.
  void End(const std::string& why) {
    timer_.Stop();
    is_open_ = false;
    if (const auto on_end = std::exchange(on_end_, nullptr)) on_end(why);
  }

  uv_loop_t* const loop_;
  const Options options_;
  const std::string key_;
  wire::WebSocket socket_;
  OnMessage on_message_;
  WebSocketClient::OnEnd on_end_;
  Timer timer_;
  std::unique_ptr<ByteStream> stream_;
  std::string head_;  // of the answer to the handshake
  bool is_open_ = false;
  bool* destroyed_ = nullptr;  // set while the owner is being called
  Resolver resolver_;
};

WebSocketClient::WebSocketClient(uv_loop_t* loop, Options options, OnMessage on_message,
                                 OnEnd on_end)
    : impl_(std::make_unique<Impl>(loop, std::move(options), std::move(on_message),
                                   std::move(on_end))) {}
WebSocketClient::~WebSocketClient() = default;

bool WebSocketClient::Send(wire::WebSocketKind kind, std::string_view payload) {
  return impl_->Send(kind, payload);
}

}  // namespace fovea::io
