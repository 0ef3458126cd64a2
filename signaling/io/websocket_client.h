// A WebSocket that we open: the client's half, for `fovea doctor`. RFC 6455 section 4.1.
// Thread: the one that runs the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sfu/core/bytes.h"
#include "sfu/core/time.h"
#include "signaling/io/byte_stream.h"
#include "signaling/wire/url.h"
#include "signaling/wire/websocket.h"

typedef struct uv_loop_s uv_loop_t;  // libuv's own name, which is a typedef in C

namespace fovea::io {

// Destroying it drops the connection; nothing is called any more.
class WebSocketClient {
 public:
  struct Options {
    wire::HttpUrl url;
    Duration timeout = Seconds(10);  // from the start to the end of everything
    // Makes the encrypted stream of a raw one, checking that the peer is `host`.
    std::function<std::unique_ptr<ByteStream>(std::unique_ptr<ByteStream>, const std::string& host)>
        wrap_tls;
    std::function<void(MutableByteSpan)> random;  // nonce and masks
  };
  using OnMessage = std::function<void(const wire::WebSocketMessage&)>;
  // The last call; `why` is a phrase for the operator.
  using OnEnd = std::function<void(const std::string& why)>;

  // Neither callback is called from in here. Either may destroy this object.
  WebSocketClient(uv_loop_t* loop, Options options, OnMessage on_message, OnEnd on_end);
  ~WebSocketClient();
  WebSocketClient(const WebSocketClient&) = delete;
  WebSocketClient& operator=(const WebSocketClient&) = delete;

  // False unless the connection is open.
  bool Send(wire::WebSocketKind kind, std::string_view payload);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea::io
