#include "signaling/wire/websocket.h"

#include <wslay/wslay.h>

#include <algorithm>
#include <boost/uuid/detail/sha1.hpp>
#include <utility>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "signaling/wire/base64.h"

namespace fovea::wire {
namespace {

constexpr std::string_view kAcceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t kCloseReasonBytesMax = 123;  // 125 of a control frame less the code

// A cut inside a UTF-8 sequence would make the reason invalid, so it is moved to the front of it.
std::string_view CutUtf8(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xc0) == 0x80) --bytes_max;
  return text.substr(0, bytes_max);
}

HttpResponse BadHandshake(std::string_view why) { return TextResponse(400, why); }

}  // namespace

bool IsWebSocketUpgrade(const HttpRequest& request) {
  return HeaderListHas(request.headers, "upgrade", "websocket") &&
         HeaderListHas(request.headers, "connection", "upgrade");
}

Result<HttpResponse, HttpResponse> WebSocketHandshake(const HttpRequest& request) {
  if (request.method != HttpMethod::kGet || !IsWebSocketUpgrade(request)) {
    return Failure{BadHandshake("not a WebSocket handshake")};
  }
  if (request.Header("sec-websocket-version") != "13") {
    HttpResponse response = TextResponse(426, "WebSocket version 13 is required");
    response.headers.emplace_back("Sec-WebSocket-Version", "13");
    return Failure{std::move(response)};
  }
  const auto key = request.Header("sec-websocket-key");
  const auto nonce = key ? Base64Decode(*key) : std::nullopt;
  if (!nonce || nonce->size() != 16) return Failure{BadHandshake("bad Sec-WebSocket-Key")};
  return HttpResponse{.status = 101,
                      .headers = {{"Upgrade", "websocket"},
                                  {"Connection", "Upgrade"},
                                  {"Sec-WebSocket-Accept", WebSocketAccept(*key)}},
                      .body = {}};
}

std::string WebSocketAccept(std::string_view key) {
  boost::uuids::detail::sha1 sha1;
  sha1.process_bytes(key.data(), key.size());
  sha1.process_bytes(kAcceptGuid.data(), kAcceptGuid.size());
  unsigned int words[5];
  sha1.get_digest(words);
  std::array<std::uint8_t, 20> digest{};
  for (std::size_t i = 0; i < 5; ++i) StoreBe32(&digest[i * 4], words[i]);
  return Base64Encode(digest);
}

// Where the layer itself closes: for a person who reads a log.
std::string_view ReasonFor(std::uint16_t code) {
  switch (code) {
    case close_code::kProtocolError:
      return "the bytes are no WebSocket frames";
    case close_code::kInvalidText:
      return "the text is not UTF-8";
    case close_code::kMessageTooBig:
      return "the message is too large";
    default:
      return {};
  }
}

// As a server sends it: not masked.
std::string CloseFrame(std::uint16_t code, std::string_view reason) {
  std::string frame = "\x88";
  frame += static_cast<char>(2 + reason.size());
  frame += static_cast<char>(code >> 8);
  frame += static_cast<char>(code & 0xff);
  return frame.append(reason);
}

// wslay's callbacks read from `input` and write to `output`; nothing blocks and nothing is kept in
// its queues between two calls of ours.
struct WebSocket::Wslay {
  Wslay(WebSocketSide side, std::function<void(MutableByteSpan)> random_bytes)
      : random(std::move(random_bytes)) {
    wslay_event_callbacks callbacks{};
    callbacks.recv_callback = &Receive;
    callbacks.send_callback = &Transmit;
    callbacks.on_msg_recv_callback = &OnMessage;
    callbacks.genmask_callback = &FillMask;
    const auto init = side == WebSocketSide::kServer ? &wslay_event_context_server_init
                                                     : &wslay_event_context_client_init;
    FOVEA_CHECK(init(&context, &callbacks, this) == 0);
    wslay_event_config_set_max_recv_msg_length(context, limits::kSignalMessageBytesMax);
  }
  ~Wslay() { wslay_event_context_free(context); }
  Wslay(const Wslay&) = delete;
  Wslay& operator=(const Wslay&) = delete;

  static ssize_t Receive(wslay_event_context_ptr ctx, std::uint8_t* out, std::size_t size, int,
                         void* user) {
    auto& self = *static_cast<Wslay*>(user);
    const std::size_t n = std::min(size, self.input.size());
    if (n == 0) {
      wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    std::copy_n(self.input.data(), n, out);
    self.input.remove_prefix(n);
    return static_cast<ssize_t>(n);
  }

  static int FillMask(wslay_event_context_ptr, std::uint8_t* out, std::size_t size, void* user) {
    static_cast<Wslay*>(user)->random(MutableByteSpan(out, size));
    return 0;
  }

  static ssize_t Transmit(wslay_event_context_ptr, const std::uint8_t* data, std::size_t size, int,
                          void* user) {
    static_cast<Wslay*>(user)->output.append(reinterpret_cast<const char*>(data), size);
    return static_cast<ssize_t>(size);
  }

  static void OnMessage(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* message,
                        void* user) {
    auto& self = *static_cast<Wslay*>(user);
    std::string payload(reinterpret_cast<const char*>(message->msg), message->msg_length);
    if (message->opcode == WSLAY_CONNECTION_CLOSE) {
      // The code stands in front of the reason in the payload as wslay hands it over.
      self.peer_code = message->status_code == 0 ? close_code::kNoCode : message->status_code;
      self.peer_reason = payload.size() > 2 ? payload.substr(2) : std::string();
    } else if (self.messages != nullptr && !wslay_is_ctrl_frame(message->opcode)) {
      const bool text = message->opcode == WSLAY_TEXT_FRAME;
      self.messages->push_back(
          {text ? WebSocketKind::kText : WebSocketKind::kBinary, std::move(payload)});
    }
  }

  // A frame that cannot be understood. wslay would close without a code here; RFC 6455
  // section 7.4.1 has 1002 for it.
  void FailFrame() {
    broken = true;
    if (wslay_event_get_close_sent(context) != 0) return;
    output += CloseFrame(close_code::kProtocolError, ReasonFor(close_code::kProtocolError));
    if (own_code == 0) own_code = close_code::kProtocolError;
  }

  // Where wslay itself closed, it did so without a reason, in the last frame there is. A client's
  // frames are masked and stay as they are.
  void ExplainClose() {
    if (own_code != 0 || peer_code != 0 || wslay_event_get_close_sent(context) == 0) return;
    const std::uint16_t code = wslay_event_get_status_code_sent(context);
    const std::string bare = CloseFrame(code, {});
    if (!std::string_view(output).ends_with(bare)) return;
    output.resize(output.size() - bare.size());
    output += CloseFrame(code, ReasonFor(code));
  }

  const std::function<void(MutableByteSpan)> random;
  wslay_event_context_ptr context = nullptr;
  std::string_view input;
  std::string output;
  std::vector<WebSocketMessage>* messages = nullptr;
  std::uint16_t peer_code = 0;  // 0: no close frame received
  std::string peer_reason;
  std::uint16_t own_code = 0;  // 0: we did not start closing
  bool broken = false;
};

WebSocket::WebSocket(WebSocketSide side, std::function<void(MutableByteSpan)> random)
    : wslay_(std::make_unique<Wslay>(side, std::move(random))) {}
WebSocket::~WebSocket() = default;

void WebSocket::HandleBytes(std::string_view bytes, std::vector<WebSocketMessage>& out) {
  if (finished()) return;
  wslay_->input = bytes;
  // Once we have said goodbye, what the peer still sends is read only to find its close frame.
  wslay_->messages = closing() ? nullptr : &out;
  if (wslay_event_recv(wslay_->context) != 0) wslay_->FailFrame();
  wslay_->input = {};
  wslay_->messages = nullptr;
  if (wslay_->peer_code != 0 && wslay_->own_code == 0) close_reason_ = wslay_->peer_reason;
  const bool was_closing = closing();
  Pump();
  if (!was_closing) wslay_->ExplainClose();
}

bool WebSocket::Send(WebSocketKind kind, std::string_view payload) {
  if (closing()) return false;
  const wslay_event_msg message{
      .opcode = static_cast<std::uint8_t>(kind == WebSocketKind::kText ? WSLAY_TEXT_FRAME
                                                                       : WSLAY_BINARY_FRAME),
      .msg = reinterpret_cast<const std::uint8_t*>(payload.data()),
      .msg_length = payload.size()};
  const bool queued = wslay_event_queue_msg(wslay_->context, &message) == 0;
  Pump();
  return queued;
}

bool WebSocket::SendPing() {
  if (closing()) return false;
  const wslay_event_msg message{.opcode = WSLAY_PING, .msg = nullptr, .msg_length = 0};
  const bool queued = wslay_event_queue_msg(wslay_->context, &message) == 0;
  Pump();
  return queued;
}

void WebSocket::Close(std::uint16_t code, std::string_view reason) {
  if (closing()) return;
  reason = CutUtf8(reason, kCloseReasonBytesMax);
  wslay_->own_code = code;
  close_reason_ = reason;
  wslay_event_queue_close(wslay_->context, code,
                          reinterpret_cast<const std::uint8_t*>(reason.data()), reason.size());
  Pump();
}

std::string WebSocket::TakeOutput() { return std::exchange(wslay_->output, {}); }

void WebSocket::Pump() {
  if (wslay_->broken) return;
  if (wslay_event_send(wslay_->context) != 0) wslay_->broken = true;
}

bool WebSocket::closing() const {
  return wslay_->broken || wslay_->own_code != 0 ||
         wslay_event_get_close_received(wslay_->context) != 0 ||
         wslay_event_get_close_sent(wslay_->context) != 0;
}

bool WebSocket::finished() const {
  if (wslay_->broken) return true;
  const bool received = wslay_event_get_close_received(wslay_->context) != 0;
  const bool sent = wslay_event_get_close_sent(wslay_->context) != 0;
  // wslay stops reading for good after a protocol error: then no close frame of the peer can come.
  return sent && (received || wslay_event_get_read_enabled(wslay_->context) == 0);
}

std::uint16_t WebSocket::close_code() const {
  if (wslay_->own_code != 0) return wslay_->own_code;
  if (wslay_->peer_code != 0) return wslay_->peer_code;
  if (wslay_event_get_close_sent(wslay_->context) != 0) {
    return wslay_event_get_status_code_sent(wslay_->context);
  }
  return close_code::kAbnormal;
}

}  // namespace fovea::wire
