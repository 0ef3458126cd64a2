// WebSocket without I/O, once the handshake is done. RFC 6455; the framing is wslay's. No extension
// is ever negotiated: permessage-deflate costs memory per connection and saves little on media
// signalling. Thread: one object per connection, owned by the signaling thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/bytes.h"
#include "sfu/core/result.h"
#include "signaling/wire/http_message.h"

namespace fovea::wire {

// Whether the client wants to leave HTTP for WebSocket. Says nothing about whether it asks
// correctly.
[[nodiscard]] bool IsWebSocketUpgrade(const HttpRequest& request);

// The 101 response of RFC 6455 section 4.2.2, or the refusal (400; 426 for another version).
[[nodiscard]] Result<HttpResponse, HttpResponse> WebSocketHandshake(const HttpRequest& request);

// RFC 6455 section 4.2.2 step 5.4.
[[nodiscard]] std::string WebSocketAccept(std::string_view key);

namespace close_code {
inline constexpr std::uint16_t kNormal = 1000;
inline constexpr std::uint16_t kGoingAway = 1001;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kNoCode = 1005;    // never sent: the close frame had no code
inline constexpr std::uint16_t kAbnormal = 1006;  // never sent: there was no close frame
inline constexpr std::uint16_t kInvalidText = 1007;
inline constexpr std::uint16_t kPolicyViolation = 1008;
inline constexpr std::uint16_t kMessageTooBig = 1009;
inline constexpr std::uint16_t kInternalError = 1011;
inline constexpr std::uint16_t kTryAgainLater = 1013;
}  // namespace close_code

enum class WebSocketSide : std::uint8_t { kServer, kClient };
enum class WebSocketKind : std::uint8_t { kText, kBinary };

struct WebSocketMessage {
  WebSocketKind kind = WebSocketKind::kBinary;
  std::string payload;
};

// Frames in, messages out, and back.
//
// Invariants:
//  (1) After a close frame was sent or received no message is delivered or accepted for sending.
//  (2) Pings are answered, and a close frame is echoed, by bytes in TakeOutput().
// Limits: limits::kSignalMessageBytesMax per message over all its fragments; a longer one closes
// with 1009. Malformed frames, those masked as the other side does and bad UTF-8 close with the
// codes of RFC 6455. A server says why in words, too.
class WebSocket {
 public:
  // A client masks what it sends, with bytes from `random`; a server does not need it.
  explicit WebSocket(WebSocketSide side = WebSocketSide::kServer,
                     std::function<void(MutableByteSpan)> random = {});
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // Appends finished messages to `out`.
  void HandleBytes(std::string_view bytes, std::vector<WebSocketMessage>& out);

  // False once closing.
  bool Send(WebSocketKind kind, std::string_view payload);
  bool SendPing();
  // The first call counts. `reason` is cut to the 123 bytes a close frame has room for.
  void Close(std::uint16_t code, std::string_view reason);

  // Bytes for the transport, in order.
  [[nodiscard]] std::string TakeOutput();

  [[nodiscard]] bool closing() const;
  // Both close frames are exchanged, or the stream cannot be followed any further: flush and close
  // the transport.
  [[nodiscard]] bool finished() const;
  // The code the session ended with: the peer's if it closed first, else ours; kAbnormal while
  // open.
  [[nodiscard]] std::uint16_t close_code() const;
  [[nodiscard]] const std::string& close_reason() const { return close_reason_; }

 private:
  struct Wslay;
  void Pump();

  std::unique_ptr<Wslay> wslay_;
  std::string close_reason_;
};

}  // namespace fovea::wire
