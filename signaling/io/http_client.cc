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
  Call(HttpClient& client, HttpCallId id, wire::OutgoingRequest request, OnDone on_done)
      : client_(client),
        id_(id),
        request_(std::move(request)),
        parser_({.body_bytes_max = client.options_.response_bytes_max,
                 .answers_head = request_.method == wire::HttpMethod::kHead}),
        on_done_(std::move(on_done)),
        timer_(client.loop_, [this] { OnTimer(); }) {}

  void Start(Duration timeout) {
    timer_.StartOnce(timeout);
    if (request_.url.tls && !client_.options_.wrap_tls) {
      return End(Failure{HttpClientError::kNoTls});
    }
    resolver_.emplace(client_.loop_, request_.url.host, request_.url.port,
                      [this](std::vector<NetAddress> addresses) {
                        addresses_ = std::move(addresses);
                        if (addresses_.empty()) return End(Failure{HttpClientError::kResolve});
                        ConnectNext();
                      });
  }

  void Refuse(HttpClientError error) { End(Failure{error}); }

  [[nodiscard]] OnDone TakeCallback() { return std::move(on_done_); }
  [[nodiscard]] Result<wire::HttpResponse, HttpClientError> TakeOutcome() {
    return *std::move(outcome_);
  }

 private:
  void ConnectNext() {
    heard_ = false;
    auto raw = TcpStream::Connect(client_.loop_, addresses_[next_address_++]);
    if (raw == nullptr) return End(Failure{HttpClientError::kConnect});
    stream_ = std::move(raw);
    if (request_.url.tls) {
      stream_ = client_.options_.wrap_tls(std::move(stream_), request_.url.host);
    }
    stream_->Start(*this);
    stream_->Write(wire::SerializeRequest(request_));
  }

  void OnBytes(std::string_view bytes) override {
    heard_ = true;
    if (outcome_) return;
    CheckParser(parser_.Feed(bytes));
  }
  void OnEnd() override {
    if (outcome_) return;
    const auto state = parser_.FeedEnd();
    if (state == wire::HttpParseState::kFailed) {
      return End(Failure{heard_ ? HttpClientError::kBadResponse : HttpClientError::kConnection});
    }
    CheckParser(state);
  }
  void OnDrained() override { sent_ = true; }
  void OnFailure() override {
    if (outcome_) return;
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
  const wire::OutgoingRequest request_;
  wire::HttpResponseParser parser_;
  OnDone on_done_;
  std::optional<Result<wire::HttpResponse, HttpClientError>> outcome_;
  std::optional<Resolver> resolver_;
  std::vector<NetAddress> addresses_;
  std::size_t next_address_ = 0;
  std::unique_ptr<ByteStream> stream_;
  bool sent_ = false;
  bool heard_ = false;
  Timer timer_;
};

HttpClient::HttpClient(uv_loop_t* loop, HttpClientOptions options)
    : loop_(loop), options_(std::move(options)) {}
HttpClient::~HttpClient() = default;

HttpCallId HttpClient::Start(wire::OutgoingRequest request, OnDone on_done) {
  return Start(std::move(request), options_.timeout, std::move(on_done));
}

HttpCallId HttpClient::Start(wire::OutgoingRequest request, Duration timeout, OnDone on_done) {
  const HttpCallId id(next_id_++);
  const bool full = calls_.size() >= options_.calls_max;
  auto call = std::make_unique<Call>(*this, id, std::move(request), std::move(on_done));
  Call& started = *calls_.emplace(id.value(), std::move(call)).first->second;
  if (full) {
    started.Refuse(HttpClientError::kTooManyCalls);
  } else {
    started.Start(timeout);
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
  call->TakeCallback()(call->TakeOutcome());
}

}  // namespace fovea::io
