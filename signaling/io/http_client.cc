#include "signaling/io/http_client.h"

#include <optional>
#include <utility>
#include <vector>

#include "signaling/io/resolver.h"
#include "signaling/io/tcp.h"
#include "signaling/wire/http_parser.h"

namespace fovea::io {

std::string_view ToString(HttpClientError error) {
  switch (error) {
    case HttpClientError::kResolve:
      return "the host name has no address";
    case HttpClientError::kForbidden:
      return "the host's addresses may not be connected to";
    case HttpClientError::kConnect:
      return "no connection, or its certificate was refused";
    case HttpClientError::kNoTls:
      return "https is not set up";
    case HttpClientError::kConnection:
      return "the connection was lost before the response was complete";
    case HttpClientError::kBadResponse:
      return "the response is malformed or too large";
    case HttpClientError::kTimeout:
      return "no response in time";
    case HttpClientError::kTooManyCalls:
      return "too many calls under way";
  }
  return "unknown";
}

// One call from the name to the response. Every way it can end goes through End, and its owner is
// told by a timer: so never from inside Start, and never from inside a callback of the stream it
// owns.
class HttpClient::Call : public ByteStreamListener {
 public:
  Call(HttpClient& client, HttpCallId id, wire::OutgoingRequest request, HttpCallOptions options,
       OnDone on_done)
      : client_(client),
        id_(id),
        request_(std::move(request)),
        options_(std::move(options)),
        parser_({.body_bytes_max = options_.response_bytes_max != 0
                                       ? options_.response_bytes_max
                                       : client.options_.response_bytes_max,
                 .answers_head = request_.method == wire::HttpMethod::kHead}),
        on_done_(std::move(on_done)),
        timer_(client.loop_, [this] { OnTimer(); }) {
    request_.keep_alive = options_.keep_alive;
  }

  void Start() {
    timer_.StartOnce(options_.timeout.value_or(client_.options_.timeout));
    if (request_.url.tls && !client_.options_.wrap_tls) {
      return End(Failure{HttpClientError::kNoTls});
    }
    if (options_.keep_alive) connection_ = client_.pool_.Take(Place());
    if (connection_ == nullptr) return Resolve();
    reused_ = true;
    connection_->Attach(*this);
    connection_->Write(wire::SerializeRequest(request_));
  }

  void Refuse(HttpClientError error) { End(Failure{error}); }

  // What is left of the call for its owner, which destroys it afterwards.
  [[nodiscard]] OnDone TakeCallback() { return std::move(on_done_); }
  [[nodiscard]] Result<wire::HttpResponse, HttpClientError> TakeOutcome() {
    return *std::move(outcome_);
  }
  void LeaveConnection() {
    if (connection_ == nullptr || !IsReusable()) return;
    client_.pool_.Put(Place(), std::move(connection_));
  }

 private:
  [[nodiscard]] const std::string& ConnectHost() const {
    return options_.connect_host.empty() ? request_.url.host : options_.connect_host;
  }
  [[nodiscard]] std::uint16_t ConnectPort() const {
    return options_.connect_host.empty() ? request_.url.port : options_.connect_port;
  }
  [[nodiscard]] const std::string& TlsName() const {
    return options_.tls_name.empty() ? request_.url.host : options_.tls_name;
  }
  // A connection that was checked for less may not stand in for one that was checked for more.
  [[nodiscard]] std::string Place() const {
    return (options_.may_connect ? "vetted " : "any ") + ConnectHost() + " " +
           std::to_string(ConnectPort()) + (request_.url.tls ? " tls " + TlsName() : " plain");
  }

  void Resolve() {
    resolver_.emplace(client_.loop_, ConnectHost(), ConnectPort(),
                      [this](std::vector<NetAddress> addresses) {
                        if (addresses.empty()) return End(Failure{HttpClientError::kResolve});
                        if (options_.may_connect) {
                          std::erase_if(addresses, [this](const NetAddress& address) {
                            return !options_.may_connect(address);
                          });
                        }
                        if (addresses.empty()) return End(Failure{HttpClientError::kForbidden});
                        addresses_ = std::move(addresses);
                        ConnectNext();
                      });
  }

  void ConnectNext() {
    heard_ = false;
    auto raw = TcpStream::Connect(client_.loop_, addresses_[next_address_++]);
    if (raw == nullptr) return End(Failure{HttpClientError::kConnect});
    std::unique_ptr<ByteStream> stream = std::move(raw);
    if (request_.url.tls) stream = client_.options_.wrap_tls(std::move(stream), TlsName());
    connection_ = std::make_unique<ReusableConnection>(std::move(stream));
    connection_->Start(*this);
    connection_->Write(wire::SerializeRequest(request_));
  }

  // The peer closed the connection while it was idle, as it may: another one will do.
  [[nodiscard]] bool StartOver() {
    if (!reused_ || heard_) return false;
    reused_ = false;
    sent_ = false;
    connection_.reset();
    Resolve();
    return true;
  }

  void OnBytes(std::string_view bytes) override {
    heard_ = true;
    if (outcome_) {
      surplus_ = true;
      return;
    }
    CheckParser(parser_.Feed(bytes));
  }
  void OnEnd() override {
    if (outcome_ || StartOver()) return;
    const auto state = parser_.FeedEnd();
    if (state == wire::HttpParseState::kFailed) {
      return End(Failure{heard_ ? HttpClientError::kBadResponse : HttpClientError::kConnection});
    }
    CheckParser(state);
  }
  void OnDrained() override { sent_ = true; }
  void OnFailure() override {
    if (outcome_ || StartOver()) return;
    // Only while nothing has left: a request may have been carried out although no answer came.
    if (!sent_ && next_address_ < addresses_.size()) return ConnectNext();
    End(Failure{sent_ ? HttpClientError::kConnection : HttpClientError::kConnect});
  }

  void CheckParser(wire::HttpParseState state) {
    switch (state) {
      case wire::HttpParseState::kNeedMore:
        return;
      case wire::HttpParseState::kComplete:
        return End(parser_.Take());
      case wire::HttpParseState::kFailed:
        return End(Failure{HttpClientError::kBadResponse});
    }
  }

  // Both sides want it, and the response ended by its own length, not with the connection.
  [[nodiscard]] bool IsReusable() const {
    if (!options_.keep_alive || !outcome_ || !outcome_->ok() || surplus_) return false;
    const wire::HttpHeaders& headers = (*outcome_)->headers;
    if (wire::HeaderListHas(headers, "connection", "close")) return false;
    return wire::FindHeader(headers, "content-length").has_value() ||
           wire::HeaderListHas(headers, "transfer-encoding", "chunked");
  }

  void End(Result<wire::HttpResponse, HttpClientError> outcome) {
    outcome_.emplace(std::move(outcome));
    timer_.StartOnce(Duration::zero());
  }

  void OnTimer() {
    if (!outcome_) outcome_.emplace(Failure{HttpClientError::kTimeout});
    client_.OnCallDone(id_);  // destroys this
  }

  HttpClient& client_;
  const HttpCallId id_;
  wire::OutgoingRequest request_;
  const HttpCallOptions options_;
  wire::HttpResponseParser parser_;
  OnDone on_done_;
  std::optional<Result<wire::HttpResponse, HttpClientError>> outcome_;
  std::optional<Resolver> resolver_;
  std::vector<NetAddress> addresses_;
  std::size_t next_address_ = 0;
  std::unique_ptr<ReusableConnection> connection_;
  bool reused_ = false;  // the connection comes from the pool
  bool sent_ = false;
  bool heard_ = false;
  bool surplus_ = false;  // more came than the response
  Timer timer_;
};

HttpClient::HttpClient(uv_loop_t* loop, HttpClientOptions options)
    : loop_(loop), options_(std::move(options)), pool_(loop) {}
HttpClient::~HttpClient() = default;

HttpCallId HttpClient::Start(wire::OutgoingRequest request, OnDone on_done) {
  return Start(std::move(request), options_.timeout, std::move(on_done));
}

HttpCallId HttpClient::Start(wire::OutgoingRequest request, Duration timeout, OnDone on_done) {
  HttpCallOptions options;
  options.timeout = timeout;
  return Start(std::move(request), std::move(options), std::move(on_done));
}

HttpCallId HttpClient::Start(wire::OutgoingRequest request, HttpCallOptions options,
                             OnDone on_done) {
  const HttpCallId id(next_id_++);
  const bool full = calls_.size() >= options_.calls_max;
  auto call =
      std::make_unique<Call>(*this, id, std::move(request), std::move(options), std::move(on_done));
  Call& started = *calls_.emplace(id.value(), std::move(call)).first->second;
  if (full) {
    started.Refuse(HttpClientError::kTooManyCalls);
  } else {
    started.Start();
  }
  return id;
}

void HttpClient::Cancel(HttpCallId id) { calls_.erase(id.value()); }

void HttpClient::OnCallDone(HttpCallId id) {
  const auto it = calls_.find(id.value());
  if (it == calls_.end()) return;
  // The callback may start or cancel other calls, or destroy the client: nothing of ours is touched
  // once it runs.
  const std::unique_ptr<Call> call = std::move(it->second);
  calls_.erase(it);
  call->LeaveConnection();
  call->TakeCallback()(call->TakeOutcome());
}

}  // namespace fovea::io
