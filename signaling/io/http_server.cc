#include "signaling/io/http_server.h"

#include <uv.h>

#include <utility>

#include "signaling/io/http_connection.h"

namespace fovea::io {

ResponseWriter::ResponseWriter(ResponseWriter&& other) noexcept
    : server_(std::exchange(other.server_, nullptr)), id_(other.id_) {}

ResponseWriter::~ResponseWriter() {
  if (server_ != nullptr) Send(wire::TextResponse(500, "internal error"));
}

void ResponseWriter::Send(wire::HttpResponse response) {
  HttpServer* server = std::exchange(server_, nullptr);
  if (server == nullptr) return;
  if (HttpConnection* connection = server->Find(id_)) connection->Respond(response);
}

bool ResponseWriter::client_is_there() const {
  const HttpConnection* connection = server_ == nullptr ? nullptr : server_->Find(id_);
  return connection != nullptr && connection->awaits_response();
}

std::optional<WebSocketConnection> UpgradeWriter::Accept(WebSocketCallbacks callbacks) {
  HttpConnection* connection = writer_.client_is_there() ? server_->Find(id_) : nullptr;
  if (connection == nullptr || !connection->AcceptUpgrade(std::move(callbacks)))
    return std::nullopt;
  return WebSocketConnection(server_, id_);
}

void WebSocketConnection::SendBinary(std::string_view payload) const {
  HttpConnection* connection = server_ == nullptr ? nullptr : server_->Find(id_);
  if (connection != nullptr) connection->Send(wire::WebSocketKind::kBinary, payload);
}

void WebSocketConnection::SendText(std::string_view payload) const {
  HttpConnection* connection = server_ == nullptr ? nullptr : server_->Find(id_);
  if (connection != nullptr) connection->Send(wire::WebSocketKind::kText, payload);
}

void WebSocketConnection::Close(std::uint16_t code, std::string_view reason) const {
  HttpConnection* connection = server_ == nullptr ? nullptr : server_->Find(id_);
  if (connection != nullptr) connection->CloseWebSocket(code, reason);
}

void WebSocketConnection::Abort() const {
  HttpConnection* connection = server_ == nullptr ? nullptr : server_->Find(id_);
  if (connection != nullptr) connection->Abort();
}

bool WebSocketConnection::open() const {
  const HttpConnection* connection = server_ == nullptr ? nullptr : server_->Find(id_);
  return connection != nullptr && connection->is_open_websocket();
}

HttpServer::HttpServer(uv_loop_t* loop, HttpHandler& handler, HttpServerOptions options)
    : loop_(loop),
      handler_(handler),
      options_(options),
      scheduled_timer_(loop, [this] { HandleScheduled(); }),
      sweep_timer_(loop, [this] { Sweep(); }) {
  sweep_timer_.StartEvery(options_.sweep_interval);
}

HttpServer::~HttpServer() = default;

Result<NetAddress, std::string> HttpServer::Listen(const NetAddress& address, StreamWrapper wrap) {
  auto listener = TcpListener::Open(
      loop_, address, [this, wrap = std::move(wrap)](std::unique_ptr<TcpStream> stream) {
        OnAccept(std::move(stream), wrap);
      });
  if (!listener) return Failure{listener.error()};
  listeners_.push_back(*std::move(listener));
  return listeners_.back()->local();
}

void HttpServer::StopListening() { listeners_.clear(); }

void HttpServer::OnAccept(std::unique_ptr<TcpStream> stream, const StreamWrapper& wrap) {
  if (connections_.size() >= options_.connections_max) {
    ++refused_total_;
    return;  // dropping the stream closes it: a full server has nothing to spare for a farewell
  }
  ++accepted_total_;
  const HttpConnectionId id(next_id_++);
  const NetAddress peer = stream->peer();
  std::unique_ptr<ByteStream> bytes = std::move(stream);
  if (wrap) bytes = wrap(std::move(bytes));
  connections_.emplace(id.value(),
                       std::make_unique<HttpConnection>(*this, id, std::move(bytes), peer));
}

HttpConnection* HttpServer::Find(HttpConnectionId id) const {
  const auto it = connections_.find(id.value());
  return it == connections_.end() ? nullptr : it->second.get();
}

void HttpServer::Schedule(HttpConnectionId id) {
  scheduled_.push_back(id);
  if (!scheduled_timer_.active()) scheduled_timer_.StartOnce(Duration::zero());
}

void HttpServer::HandleScheduled() {
  const std::vector<HttpConnectionId> due = std::exchange(scheduled_, {});
  for (const HttpConnectionId id : due) {
    HttpConnection* connection = Find(id);
    if (connection != nullptr && connection->Settle()) connections_.erase(id.value());
  }
}

void HttpServer::Sweep() {
  const Instant now = Now();
  for (const auto& [id, connection] : connections_) connection->CheckTimeouts(now);
}

Instant HttpServer::Now() const {
  return Instant(Millis(static_cast<std::int64_t>(uv_now(loop_))));
}

}  // namespace fovea::io
