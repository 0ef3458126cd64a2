// HTTP/1.1 parsing without I/O: bytes in, messages out. RFC 9112; the grammar is Boost.Beast's, the
// bounds are ours. Thread: one parser per connection, owned by the signaling thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "signaling/wire/http_message.h"

namespace fovea::wire {

enum class HttpParseState { kNeedMore, kComplete, kFailed };

// Reads requests one after another from a connection.
//
// Limits: limits::kHttpRequestLineBytesMax (414), kHttpHeaderBytesMax (431), kHttpBodyBytesMax
// (413). Anything ambiguous about where a message ends is refused with 400, because a proxy in
// front may read it the other way.
class HttpRequestParser {
 public:
  // How large a body may be that is announced or grows larger than kHttpBodyBytesMax, judged by the
  // request's head. At most kHttpLargeBodyBytesMax counts.
  using LargeBody = std::function<std::size_t(const HttpRequest& head)>;

  explicit HttpRequestParser(LargeBody large_body = {});
  ~HttpRequestParser();
  HttpRequestParser(const HttpRequestParser&) = delete;
  HttpRequestParser& operator=(const HttpRequestParser&) = delete;

  // Takes all of `bytes`. Once a request is complete, further bytes are only kept; the caller
  // counts what it feeds then and stops reading when a client sends ahead too far.
  HttpParseState Feed(std::string_view bytes);

  // The finished request. Bytes behind it stay buffered until the next Feed, which may be empty.
  // REQUIRES: state() == kComplete.
  [[nodiscard]] HttpRequest Take();

  // What followed the request just taken, for a protocol that takes the connection over.
  [[nodiscard]] std::string TakeBuffered();

  [[nodiscard]] HttpParseState state() const { return state_; }
  [[nodiscard]] int error_status() const { return error_status_; }  // 0 unless kFailed
  // True while the head is complete, asks for "100 Continue" and none of the body has come.
  [[nodiscard]] bool wants_continue() const;
  [[nodiscard]] std::size_t buffered_bytes() const { return buffer_.size(); }
  // Nothing of a next request has arrived: the connection may be closed without a loss.
  [[nodiscard]] bool idle() const;

 private:
  struct Machine;
  void Advance();
  void Fail(int status);
  [[nodiscard]] int CheckHead() const;
  [[nodiscard]] bool BodyIsTooLarge();
  [[nodiscard]] HttpRequest Head() const;

  const LargeBody large_body_;
  std::unique_ptr<Machine> machine_;
  std::string buffer_;
  HttpParseState state_ = HttpParseState::kNeedMore;
  int error_status_ = 0;
};

// Reads the one response of a connection that is closed afterwards.
class HttpResponseParser {
 public:
  struct Options {
    std::size_t body_bytes_max = 0;
    bool answers_head = false;  // no body follows whatever the head says
  };
  explicit HttpResponseParser(Options options);
  ~HttpResponseParser();
  HttpResponseParser(const HttpResponseParser&) = delete;
  HttpResponseParser& operator=(const HttpResponseParser&) = delete;

  HttpParseState Feed(std::string_view bytes);
  // The peer sent its last byte: completes a body without a length, fails one cut short.
  HttpParseState FeedEnd();

  // REQUIRES: kComplete.
  [[nodiscard]] HttpResponse Take();

 private:
  struct Machine;
  const Options options_;
  std::unique_ptr<Machine> machine_;
  std::string buffer_;
  HttpParseState state_ = HttpParseState::kNeedMore;
};

}  // namespace fovea::wire
