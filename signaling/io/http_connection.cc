#include "signaling/io/http_connection.h"

#include <utility>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"

namespace fovea::io {

HttpConnection::HttpConnection(HttpServer& server, HttpConnectionId id,
                               std::unique_ptr<ByteStream> stream, const NetAddress& peer)
    : server_(server),
      id_(id),
      peer_(peer),
      stream_(std::move(stream)),
      parser_([this](const wire::HttpRequest& head) {
        body_refusal_ = server_.handler_.RefuseBody(head);
        return server_.handler_.LargeBodyBytesMax(head);
      }) {
  state_since_ = last_heard_ = last_progress_ = last_ping_ = server_.Now();
  stream_->Start(*this);
}

void HttpConnection::OnBytes(std::string_view bytes) {
  last_heard_ = server_.Now();
  switch (state_) {
    case State::kReading:
      if (parser_.idle()) state_since_ = last_heard_;
      parser_.Feed(bytes);
      return HandleParsed();
    case State::kHandling:
      // One request ahead may be read; it waits, complete or refused, until this one is answered.
      // The parser's buffer alone does not tell how far: a body has left it.
      ahead_bytes_ += bytes.size();
      if (parser_.Feed(bytes) != wire::HttpParseState::kNeedMore ||
          ahead_bytes_ > limits::kHttpReadAheadBytes) {
        stream_->PauseReading();
      }
      return;
    case State::kWebSocket:
      return ReadWebSocket(bytes);
    case State::kFinishing:
    case State::kDead:
      return;
  }
}

void HttpConnection::OnEnd() {
  peer_ended_ = true;
  switch (state_) {
    case State::kReading:
      // The answer to the last request may still be on its way.
      return Finish();
    case State::kFinishing:
      return DieIfSent();
    case State::kHandling:
      // A client may close its half behind the last request and still read the answer, but no
      // client of ours does; for the handler it is more useful to know that nobody waits.
      return Die();
    case State::kWebSocket:
      ReportClose(wire::close_code::kAbnormal, "");
      return Die();
    case State::kDead:
      return;
  }
}

void HttpConnection::OnDrained() {
  last_progress_ = server_.Now();
  if (state_ == State::kFinishing && peer_ended_) DieIfSent();
}

void HttpConnection::OnFailure() {
  if (state_ == State::kWebSocket) ReportClose(wire::close_code::kAbnormal, "");
  Die();
}

// Dispatches requests as long as they are complete and answered at once. A handler that answers
// from inside its call gets here again through Respond: the loop, not the stack, takes the next
// request.
void HttpConnection::HandleParsed() {
  if (std::exchange(in_parser_loop_, true)) return;
  while (state_ == State::kReading && parser_.state() == wire::HttpParseState::kComplete) {
    DispatchRequest();
    if (state_ == State::kReading) parser_.Feed({});
  }
  in_parser_loop_ = false;
  if (state_ != State::kReading) return;
  if (parser_.state() == wire::HttpParseState::kFailed) {
    const int status = parser_.error_status();
    Reject(status == 413 && body_refusal_.has_value()
               ? *body_refusal_
               : wire::TextResponse(status, "malformed or oversized request"));
  } else if (parser_.wants_continue() && !std::exchange(sent_continue_, true)) {
    stream_->Write("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

void HttpConnection::DispatchRequest() {
  wire::HttpRequest request = parser_.Take();
  ahead_bytes_ = parser_.buffered_bytes();
  if (ahead_bytes_ > limits::kHttpReadAheadBytes) stream_->PauseReading();
  state_ = State::kHandling;
  state_since_ = server_.Now();
  sent_continue_ = false;
  keep_alive_ = request.keep_alive;
  head_only_ = request.method == wire::HttpMethod::kHead;
  if (wire::IsWebSocketUpgrade(request)) return DispatchUpgrade(std::move(request));
  server_.handler_.OnRequest({std::move(request), peer_}, ResponseWriter(&server_, id_));
}

void HttpConnection::DispatchUpgrade(wire::HttpRequest request) {
  keep_alive_ = false;  // after a refusal: browsers open a new connection anyway
  auto handshake = wire::WebSocketHandshake(request);
  if (!handshake) return Respond(handshake.error());
  handshake_ = *std::move(handshake);
  server_.handler_.OnUpgrade({std::move(request), peer_},
                             UpgradeWriter(ResponseWriter(&server_, id_), &server_, id_));
}

void HttpConnection::Respond(const wire::HttpResponse& response) {
  if (state_ != State::kHandling) return;
  stream_->Write(
      wire::SerializeResponse(response, {.keep_alive = keep_alive_, .head_only = head_only_}));
  state_since_ = last_progress_ = server_.Now();
  if (!keep_alive_) return Finish();
  state_ = State::kReading;
  parser_.Feed({});
  stream_->ResumeReading();
  HandleParsed();
}

// Answers what never became a request.
void HttpConnection::Reject(const wire::HttpResponse& response) {
  state_ = State::kHandling;
  keep_alive_ = false;
  head_only_ = false;
  Respond(response);
}

bool HttpConnection::AcceptUpgrade(WebSocketCallbacks callbacks) {
  if (state_ != State::kHandling) return false;
  stream_->Write(wire::SerializeResponse(handshake_, {}));
  state_ = State::kWebSocket;
  state_since_ = last_heard_ = last_progress_ = last_ping_ = server_.Now();
  websocket_ = std::make_unique<wire::WebSocket>();
  callbacks_ = std::move(callbacks);
  stream_->ResumeReading();
  // A client that did not wait for the answer: its frames are read after this call has returned.
  if (parser_.buffered_bytes() > 0) server_.Schedule(id_);
  return true;
}

void HttpConnection::ReadWebSocket(std::string_view bytes) {
  std::vector<wire::WebSocketMessage> messages;
  websocket_->HandleBytes(bytes, messages);
  for (wire::WebSocketMessage& message : messages) {
    if (silenced_ || close_is_due_ || state_ != State::kWebSocket) break;
    callbacks_.on_message(std::move(message));
  }
  if (state_ != State::kWebSocket) return;
  if (websocket_->closing()) ReportClose(websocket_->close_code(), websocket_->close_reason());
  FlushWebSocket();
}

void HttpConnection::FlushWebSocket() {
  std::string output = websocket_->TakeOutput();
  if (!output.empty()) {
    if (stream_->unsent_bytes() == 0) last_progress_ = server_.Now();
    stream_->Write(std::move(output));
  }
  if (websocket_->finished()) return Finish();
  if (stream_->unsent_bytes() <= limits::kWsSendQueueBytesMax || websocket_->closing()) return;
  constexpr std::string_view kReason = "the client reads too slowly";
  ReportClose(wire::close_code::kTryAgainLater, kReason);
  websocket_->Close(wire::close_code::kTryAgainLater, kReason);
  state_since_ = server_.Now();
  stream_->Write(websocket_->TakeOutput());
}

void HttpConnection::Send(wire::WebSocketKind kind, std::string_view payload) {
  if (!is_open_websocket()) return;
  websocket_->Send(kind, payload);
  FlushWebSocket();
}

void HttpConnection::CloseWebSocket(std::uint16_t code, std::string_view reason) {
  silenced_ = true;
  if (!is_open_websocket()) return;
  websocket_->Close(code, reason);
  state_since_ = server_.Now();
  FlushWebSocket();
}

void HttpConnection::Abort() {
  silenced_ = true;
  Die();
}

bool HttpConnection::is_open_websocket() const {
  return state_ == State::kWebSocket && !websocket_->closing();
}

void HttpConnection::ReportClose(std::uint16_t code, std::string_view reason) {
  if (silenced_ || close_is_due_ || close_code_ != 0) return;
  close_is_due_ = true;
  close_code_ = code;
  close_reason_ = reason;
  server_.Schedule(id_);
}

bool HttpConnection::Settle() {
  if (state_ == State::kWebSocket && parser_.buffered_bytes() > 0) {
    ReadWebSocket(parser_.TakeBuffered());
  }
  if (std::exchange(close_is_due_, false) && !silenced_) {
    callbacks_.on_close(close_code_, close_reason_);
  }
  return state_ == State::kDead;
}

void HttpConnection::Finish() {
  state_ = State::kFinishing;
  state_since_ = server_.Now();
  stream_->Finish();
  // What the client still sends has to be read: closing a socket with unread bytes resets it, and
  // the client may lose the answer.
  if (!peer_ended_) return stream_->ResumeReading();
  DieIfSent();
}

void HttpConnection::DieIfSent() {
  if (stream_->unsent_bytes() == 0) Die();
}

void HttpConnection::Die() {
  if (state_ == State::kDead) return;
  state_ = State::kDead;
  stream_.reset();
  server_.Schedule(id_);
}

void HttpConnection::CheckTimeouts(Instant now) {
  const HttpServerOptions& options = server_.options_;
  if (state_ == State::kDead) return;
  const std::size_t unsent = stream_->unsent_bytes();
  if (unsent == 0 || unsent < std::exchange(last_unsent_, unsent)) {
    last_progress_ = now;
  } else if (now - last_progress_ > options.write_timeout) {
    return OnFailure();
  }
  switch (state_) {
    case State::kReading: {
      const bool idle = parser_.idle();
      if (now - state_since_ <= (idle ? options.idle_timeout : options.request_timeout)) return;
      if (idle) return Die();
      return Reject(wire::TextResponse(408, "the request did not arrive in time"));
    }
    case State::kWebSocket:
      if (websocket_->closing()) {
        if (now - state_since_ > options.close_timeout) Die();
        return;
      }
      if (now - last_heard_ > options.silence_timeout) return OnFailure();
      if (now - last_ping_ >= options.ping_interval) {
        last_ping_ = now;
        websocket_->SendPing();
        FlushWebSocket();
      }
      return;
    case State::kFinishing:
      if (now - state_since_ > options.close_timeout && stream_->unsent_bytes() == 0) Die();
      return;
    case State::kHandling:  // how long an answer may take is the handler's business
    case State::kDead:
      return;
  }
}

}  // namespace fovea::io
