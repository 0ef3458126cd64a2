// HTTP/1.1 and WebSocket server on the signaling loop. Thread: the one that runs the loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/core/net_address.h"
#include "sfu/core/result.h"
#include "sfu/core/strong_id.h"
#include "signaling/io/tcp.h"
#include "signaling/io/timer.h"
#include "signaling/wire/http_message.h"
#include "signaling/wire/websocket.h"

namespace fovea::io {

class HttpConnection;
class HttpServer;

using HttpConnectionId = StrongId<struct HttpConnectionTag, std::uint64_t>;

struct IncomingRequest {
  wire::HttpRequest http;
  NetAddress peer;  // of the TCP connection: a reverse proxy's, if there is one
};

// The duty to answer one request, now or later. Move-only. Destroyed unanswered, it answers 500, so
// that a forgotten request is seen and not waited for. An answer to a client that is gone is
// dropped.
class ResponseWriter {
 public:
  ResponseWriter(HttpServer* server, HttpConnectionId id) : server_(server), id_(id) {}
  ResponseWriter(ResponseWriter&& other) noexcept;
  ResponseWriter& operator=(ResponseWriter&&) = delete;
  ~ResponseWriter();

  // Once.
  void Send(wire::HttpResponse response);
  [[nodiscard]] bool client_is_there() const;

 private:
  HttpServer* server_;  // null: answered or moved from
  HttpConnectionId id_;
};

// Called at most once each way it says; never from inside a call into the connection.
struct WebSocketCallbacks {
  std::function<void(wire::WebSocketMessage)> on_message;
  // The peer closed, the connection was lost, or its send queue overflowed (code 1013). Not called
  // after our own Close or Abort.
  std::function<void(std::uint16_t code, std::string_view reason)> on_close;
};

// Names a WebSocket; a plain value. Calls after its end do nothing.
class WebSocketConnection {
 public:
  WebSocketConnection() = default;
  WebSocketConnection(HttpServer* server, HttpConnectionId id) : server_(server), id_(id) {}

  // The limit of what may wait for a slow client is limits::kWsSendQueueBytesMax: beyond it the
  // connection is closed with 1013.
  void SendBinary(std::string_view payload) const;
  void SendText(std::string_view payload) const;
  // Sends what is queued, then the close frame; waits close_timeout for the peer's.
  void Close(std::uint16_t code, std::string_view reason) const;
  // Drops the TCP connection without a word.
  void Abort() const;
  [[nodiscard]] bool open() const;
  [[nodiscard]] HttpConnectionId id() const { return id_; }

 private:
  HttpServer* server_ = nullptr;
  HttpConnectionId id_;
};

// The duty to answer a WebSocket handshake: accept it, or refuse with a plain HTTP response, now or
// later. Destroyed unanswered, it refuses with 500.
class UpgradeWriter {
 public:
  explicit UpgradeWriter(ResponseWriter writer, HttpServer* server, HttpConnectionId id)
      : writer_(std::move(writer)), server_(server), id_(id) {}

  // Nothing if the client is gone by now; then no callback will be called either.
  [[nodiscard]] std::optional<WebSocketConnection> Accept(WebSocketCallbacks callbacks);
  void Refuse(wire::HttpResponse response) { writer_.Send(std::move(response)); }
  [[nodiscard]] bool client_is_there() const { return writer_.client_is_there(); }

 private:
  ResponseWriter writer_;
  HttpServer* server_;
  HttpConnectionId id_;
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual void OnRequest(IncomingRequest request, ResponseWriter writer) = 0;
  // Only for handshakes that are in order; the others are refused before.
  virtual void OnUpgrade(IncomingRequest request, UpgradeWriter writer) = 0;
  // How large the body of a request with this head may be, where it is larger than
  // limits::kHttpBodyBytesMax. Zero: it is refused with 413.
  [[nodiscard]] virtual std::size_t LargeBodyBytesMax(const wire::HttpRequest& /*head*/) {
    return 0;
  }
  // The answer to a request with this head, whose body is larger than that.
  [[nodiscard]] virtual wire::HttpResponse RefuseBody(const wire::HttpRequest& /*head*/) {
    return wire::TextResponse(413, "the body of the request is too large");
  }
};

struct HttpServerOptions {
  Duration request_timeout = Seconds(15);  // from the first byte of a request to its last
  Duration idle_timeout = Seconds(75);     // of a kept connection between requests
  Duration write_timeout = Seconds(30);    // without the client taking a byte of what waits for it
  Duration ping_interval = Seconds(10);    // WebSocket level; LiveKit's figure
  Duration silence_timeout = Seconds(30);  // a WebSocket client that does not even answer pings
  Duration close_timeout = Seconds(2);     // for the peer's goodbye, before the socket is dropped
  Duration sweep_interval = Millis(500);   // how exact all of these are
  std::size_t connections_max = limits::kHttpConnectionsMax;
};

// Accepts connections, reads requests one at a time from each, and hands them to the handler.
//
// The server outlives every writer and connection value it gave out. After its destruction the loop
// has to turn once more for libuv to free the handles.
class HttpServer {
 public:
  HttpServer(uv_loop_t* loop, HttpHandler& handler, HttpServerOptions options = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // May be called for several addresses. Port 0 picks a free port; the result says which. Where TLS
  // is wanted, `wrap` makes the encrypted stream of a raw one.
  using StreamWrapper = std::function<std::unique_ptr<ByteStream>(std::unique_ptr<ByteStream>)>;
  [[nodiscard]] Result<NetAddress, std::string> Listen(const NetAddress& address,
                                                       StreamWrapper wrap = {});
  // No new connections; those that are open go on.
  void StopListening();

  [[nodiscard]] std::size_t connection_count() const { return connections_.size(); }
  [[nodiscard]] std::uint64_t accepted_total() const { return accepted_total_; }
  [[nodiscard]] std::uint64_t refused_total() const { return refused_total_; }  // at the limit

 private:
  friend class HttpConnection;
  friend class ResponseWriter;
  friend class UpgradeWriter;
  friend class WebSocketConnection;

  void OnAccept(std::unique_ptr<TcpStream> stream, const StreamWrapper& wrap);
  [[nodiscard]] HttpConnection* Find(HttpConnectionId id) const;
  // Has the connection looked at once the current callback has returned: to report its end, and to
  // be destroyed if it is over.
  void Schedule(HttpConnectionId id);
  void HandleScheduled();
  void Sweep();
  [[nodiscard]] Instant Now() const;  // of the loop: a deadline's clock, not a wall clock

  uv_loop_t* const loop_;
  HttpHandler& handler_;
  const HttpServerOptions options_;
  std::vector<std::unique_ptr<TcpListener>> listeners_;
  std::unordered_map<std::uint64_t, std::unique_ptr<HttpConnection>> connections_;
  std::vector<HttpConnectionId> scheduled_;
  Timer scheduled_timer_;
  Timer sweep_timer_;
  std::uint64_t next_id_ = 1;
  std::uint64_t accepted_total_ = 0;
  std::uint64_t refused_total_ = 0;
};

}  // namespace fovea::io
