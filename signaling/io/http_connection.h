// One TCP connection of the HTTP server: requests first, perhaps a WebSocket afterwards. Used by
// http_server.cc alone. Thread: the one that runs the loop.
#pragma once

#include <memory>
#include <string>

#include "signaling/io/byte_stream.h"
#include "signaling/io/http_server.h"
#include "signaling/wire/http_parser.h"

namespace fovea::io {

// Invariants:
//  (1) The handler has at most one unanswered request of a connection; of a client that sends ahead
//      one more request waits in the parser, and everything else in the kernel.
//  (2) on_close is called at most once, and only by Settle, so never from inside a user's call.
//  (3) In kDead the stream is gone; Settle then returns true and the server destroys the object.
class HttpConnection : public ByteStreamListener {
 public:
  HttpConnection(HttpServer& server, HttpConnectionId id, std::unique_ptr<ByteStream> stream,
                 const NetAddress& peer);

  // For the writers and connection values.
  void Respond(const wire::HttpResponse& response);
  bool AcceptUpgrade(WebSocketCallbacks callbacks);
  void Send(wire::WebSocketKind kind, std::string_view payload);
  void CloseWebSocket(std::uint16_t code, std::string_view reason);
  void Abort();
  [[nodiscard]] bool awaits_response() const { return state_ == State::kHandling; }
  [[nodiscard]] bool is_open_websocket() const;

  // Reports the end of a WebSocket if that is due. True: over, destroy.
  bool Settle();
  void CheckTimeouts(Instant now);

 private:
  enum class State {
    kReading,    // waits for a request or is in the middle of one
    kHandling,   // the handler has a request
    kWebSocket,  // frames both ways, including the exchange of close frames
    kFinishing,  // everything is written; waits for the peer to close
    kDead
  };

  void OnBytes(std::string_view bytes) override;
  void OnEnd() override;
  void OnDrained() override;
  void OnFailure() override;

  void HandleParsed();
  void DispatchRequest();
  void DispatchUpgrade(wire::HttpRequest request);
  void ReadWebSocket(std::string_view bytes);
  void FlushWebSocket();
  void ReportClose(std::uint16_t code, std::string_view reason);
  void Reject(const wire::HttpResponse& response);
  void Finish();
  void DieIfSent();
  void Die();

  // Constant after construction.
  HttpServer& server_;
  const HttpConnectionId id_;
  const NetAddress peer_;

  std::unique_ptr<ByteStream> stream_;
  State state_ = State::kReading;
  wire::HttpRequestParser parser_;
  std::size_t ahead_bytes_ = 0;  // that came behind the request that is being answered
  bool in_parser_loop_ = false;
  bool sent_continue_ = false;
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool peer_ended_ = false;

  // Only of a handshake or a WebSocket.
  std::unique_ptr<wire::WebSocket> websocket_;
  wire::HttpResponse handshake_;
  std::optional<wire::HttpResponse>
      body_refusal_;  // if the body of the current request is too large
  WebSocketCallbacks callbacks_;
  bool silenced_ = false;  // our side closed: nothing is reported any more
  bool close_is_due_ = false;
  std::uint16_t close_code_ = 0;
  std::string close_reason_;

  // Deadlines' starting points.
  Instant state_since_;
  Instant last_heard_;
  Instant last_progress_;        // something was sent, or nothing waited to be
  std::size_t last_unsent_ = 0;  // at the last sweep
  Instant last_ping_;
};

}  // namespace fovea::io
