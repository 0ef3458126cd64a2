#include "signaling/wire/http_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/optional.hpp>
#include <utility>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"

namespace fovea::wire {
namespace {

namespace beast_http = boost::beast::http;

HttpMethod ToMethod(beast_http::verb verb) {
  switch (verb) {
    case beast_http::verb::get:
      return HttpMethod::kGet;
    case beast_http::verb::head:
      return HttpMethod::kHead;
    case beast_http::verb::post:
      return HttpMethod::kPost;
    case beast_http::verb::put:
      return HttpMethod::kPut;
    case beast_http::verb::patch:
      return HttpMethod::kPatch;
    case beast_http::verb::delete_:
      return HttpMethod::kDelete;
    case beast_http::verb::options:
      return HttpMethod::kOptions;
    default:  // Beast knows WebDAV and more; to us they are all alike.
      return HttpMethod::kOther;
  }
}

template <class Fields>
HttpHeaders ToHeaders(const Fields& fields) {
  HttpHeaders out;
  for (const auto& field : fields) {
    const auto name = field.name_string();
    const auto value = field.value();
    out.emplace_back(std::string(name.data(), name.size()),
                     std::string(value.data(), value.size()));
  }
  return out;
}

// The shortest end of a chunked message, "0 CRLF CRLF". Beast (1.74) asserts that it sees all of it
// at once when no chunk came before, so anything shorter waits; no message can end in fewer bytes.
constexpr std::size_t kChunkedEndBytes = 5;

// Feeds as much of `buffer` as the parser takes and removes it. False: malformed, see `error`.
// Beast's eager mode would do the loop itself, but it forgets an error found at the end of the head
// (a body announced as too large) when bytes of the body are there already.
template <class Parser>
bool Consume(Parser& parser, std::string& buffer, boost::system::error_code& error) {
  std::size_t at = 0;
  while (!parser.is_done() && at < buffer.size()) {
    const bool in_chunks = parser.is_header_done() && parser.chunked();
    if (in_chunks && buffer.size() - at < kChunkedEndBytes) break;
    error = {};
    at += parser.put(boost::asio::const_buffer(buffer.data() + at, buffer.size() - at), error);
    if (error == beast_http::error::need_more) {
      error = {};
      break;
    }
    if (error) return false;
  }
  buffer.erase(0, at);
  return true;
}

}  // namespace

struct HttpRequestParser::Machine {
  Machine() {
    parser.header_limit(limits::kHttpHeaderBytesMax);
    parser.body_limit(limits::kHttpLargeBodyBytesMax);  // BodyIsTooLarge is stricter
  }
  beast_http::request_parser<beast_http::string_body> parser;
  std::optional<std::size_t> body_bytes_max;  // asked for once
};

HttpRequestParser::HttpRequestParser(LargeBody large_body)
    : large_body_(std::move(large_body)), machine_(std::make_unique<Machine>()) {}
HttpRequestParser::~HttpRequestParser() = default;

HttpParseState HttpRequestParser::Feed(std::string_view bytes) {
  if (state_ == HttpParseState::kFailed) return state_;
  buffer_ += bytes;
  if (state_ == HttpParseState::kNeedMore) Advance();
  return state_;
}

void HttpRequestParser::Advance() {
  auto& parser = machine_->parser;
  boost::system::error_code error;
  if (!Consume(parser, buffer_, error)) {
    if (error == beast_http::error::header_limit) return Fail(431);
    if (error == beast_http::error::body_limit) return Fail(413);
    if (error == beast_http::error::bad_version) return Fail(505);
    return Fail(400);
  }
  if (!parser.is_header_done()) {
    const bool line_is_open = buffer_.find('\n') >= limits::kHttpRequestLineBytesMax;
    if (line_is_open && buffer_.size() >= limits::kHttpRequestLineBytesMax) Fail(414);
    return;
  }
  if (const int status = CheckHead(); status != 0) return Fail(status);
  if (BodyIsTooLarge()) return Fail(413);
  if (parser.is_done()) state_ = HttpParseState::kComplete;
}

// What the grammar lets through but a server has to refuse. Returns 0 or the status to answer with.
int HttpRequestParser::CheckHead() const {
  const auto& parser = machine_->parser;
  const auto& message = parser.get();
  if (message.target().size() > limits::kHttpRequestLineBytesMax) return 414;
  // RFC 9112 section 3.2: exactly one Host in HTTP/1.1.
  const std::size_t hosts = message.count(beast_http::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() >= 11)) return 400;
  // RFC 9112 section 6.3: without chunked as the last coding the end of a request is unknown.
  if (message.count(beast_http::field::transfer_encoding) > 0 && !parser.chunked()) return 400;
  const auto target = message.target();
  return ParseRequestTarget({target.data(), target.size()}) ? 0 : 400;
}

bool HttpRequestParser::BodyIsTooLarge() {
  const auto& parser = machine_->parser;
  const std::uint64_t announced = parser.content_length().value_or(0);
  const std::uint64_t size = std::max<std::uint64_t>(announced, parser.get().body().size());
  if (size <= limits::kHttpBodyBytesMax) return false;
  std::optional<std::size_t>& allowed = machine_->body_bytes_max;
  if (!allowed.has_value()) allowed = large_body_ ? large_body_(Head()) : std::size_t{0};
  return size > *allowed;
}

void HttpRequestParser::Fail(int status) {
  state_ = HttpParseState::kFailed;
  error_status_ = status;
  buffer_.clear();
}

HttpRequest HttpRequestParser::Take() {
  FOVEA_CHECK(state_ == HttpParseState::kComplete);
  HttpRequest out = Head();
  out.body = std::move(machine_->parser.get().body());
  machine_ = std::make_unique<Machine>();
  state_ = HttpParseState::kNeedMore;
  return out;
}

HttpRequest HttpRequestParser::Head() const {
  const auto& message = machine_->parser.get();
  const auto target = message.target();
  auto parsed_target = ParseRequestTarget({target.data(), target.size()});
  FOVEA_CHECK(parsed_target.has_value());  // CheckHead saw it
  return {.method = ToMethod(message.method()),
          .target = *std::move(parsed_target),
          .headers = ToHeaders(message),
          .body = {},
          .keep_alive = message.keep_alive()};
}

std::string HttpRequestParser::TakeBuffered() { return std::exchange(buffer_, {}); }

bool HttpRequestParser::wants_continue() const {
  const auto& parser = machine_->parser;
  if (state_ != HttpParseState::kNeedMore || !parser.is_header_done()) return false;
  return parser.get().body().empty() && buffer_.empty() &&
         boost::beast::iequals(parser.get()[beast_http::field::expect], "100-continue");
}

bool HttpRequestParser::idle() const {
  return state_ == HttpParseState::kNeedMore && buffer_.empty() && !machine_->parser.got_some();
}

struct HttpResponseParser::Machine {
  explicit Machine(const Options& options) {
    parser.header_limit(limits::kHttpHeaderBytesMax);
    parser.body_limit(options.body_bytes_max);
    parser.skip(options.answers_head);
  }
  beast_http::response_parser<beast_http::string_body> parser;
};

HttpResponseParser::HttpResponseParser(Options options)
    : options_(options), machine_(std::make_unique<Machine>(options)) {}
HttpResponseParser::~HttpResponseParser() = default;

HttpParseState HttpResponseParser::Feed(std::string_view bytes) {
  if (state_ != HttpParseState::kNeedMore) return state_;
  buffer_ += bytes;
  while (state_ == HttpParseState::kNeedMore) {
    boost::system::error_code error;
    if (!Consume(machine_->parser, buffer_, error)) {
      state_ = HttpParseState::kFailed;
    } else if (!machine_->parser.is_done()) {
      break;
    } else if (machine_->parser.get().result_int() < 200) {
      machine_ = std::make_unique<Machine>(options_);  // interim: the real response follows
    } else {
      state_ = HttpParseState::kComplete;
    }
  }
  return state_;
}

HttpParseState HttpResponseParser::FeedEnd() {
  if (state_ != HttpParseState::kNeedMore) return state_;
  boost::system::error_code error;
  if (machine_->parser.got_some()) machine_->parser.put_eof(error);
  const bool complete = !error && machine_->parser.is_done();
  state_ = complete ? HttpParseState::kComplete : HttpParseState::kFailed;
  return state_;
}

HttpResponse HttpResponseParser::Take() {
  FOVEA_CHECK(state_ == HttpParseState::kComplete);
  auto& message = machine_->parser.get();
  return {.status = static_cast<int>(message.result_int()),
          .headers = ToHeaders(message),
          .body = std::move(message.body())};
}

}  // namespace fovea::wire
