// HTTP client for short calls: webhooks and homeservers. No redirects. A connection serves one
// call, or several after each other where the calls say so. Thread: the one that runs the loop;
// names are resolved on libuv's thread pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "sfu/core/limits.h"
#include "sfu/core/net_address.h"
#include "sfu/core/result.h"
#include "sfu/core/strong_id.h"
#include "signaling/io/byte_stream.h"
#include "signaling/io/http_connection_pool.h"
#include "signaling/io/timer.h"
#include "signaling/wire/http_message.h"

namespace fovea::io {

enum class HttpClientError {
  kResolve,      // the host has no address
  kForbidden,    // none of its addresses may be connected to
  kConnect,      // no address accepted a connection, or its certificate was refused
  kNoTls,        // https without a wrapper for it
  kConnection,   // lost before the response was complete
  kBadResponse,  // not HTTP, or larger than response_bytes_max
  kTimeout,
  kTooManyCalls
};
[[nodiscard]] std::string_view ToString(HttpClientError error);

using HttpCallId = StrongId<struct HttpCallTag, std::uint64_t>;

struct HttpClientOptions {
  Duration timeout = Seconds(10);  // of a whole call, name resolution included
  std::size_t response_bytes_max = limits::kHttpBodyBytesMax;
  std::size_t calls_max = 1024;  // beyond it calls fail with kTooManyCalls
  // Makes the encrypted stream of a raw one, checking that the peer is `host`.
  std::function<std::unique_ptr<ByteStream>(std::unique_ptr<ByteStream>, const std::string& host)>
      wrap_tls;
};

// How one call differs from the others.
struct HttpCallOptions {
  std::optional<Duration> timeout;     // of the whole call; unset: the client's
  std::size_t response_bytes_max = 0;  // 0: the client's
  // Where to connect instead of where the URL says, and whose certificate to ask for. The URL still
  // says what Host and the target are.
  std::string connect_host;
  std::uint16_t connect_port = 0;
  std::string tls_name;
  // Which addresses may be connected to; null: any. Names are resolved once, and it is the address
  // that was asked about that is connected to.
  std::function<bool(const NetAddress&)> may_connect;
  // Use a connection that an earlier call left open, and leave this one's open. Only for calls that
  // may be made twice: an idle connection can be closed by the peer at any moment.
  bool keep_alive = false;
};

// Destroying the client drops the calls under way without a callback. After that the loop has to
// turn until libuv has let go of its handles.
class HttpClient {
 public:
  using OnDone = std::function<void(Result<wire::HttpResponse, HttpClientError>)>;

  explicit HttpClient(uv_loop_t* loop, HttpClientOptions options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `on_done` is called once, later, unless the call is cancelled. Any complete response counts as
  // success, whatever its status.
  HttpCallId Start(wire::OutgoingRequest request, OnDone on_done);
  // For calls that wait longer or shorter than usual, such as a long poll.
  HttpCallId Start(wire::OutgoingRequest request, Duration timeout, OnDone on_done);
  HttpCallId Start(wire::OutgoingRequest request, HttpCallOptions options, OnDone on_done);
  // No callback any more. An unknown id is fine: the call may just have ended.
  void Cancel(HttpCallId id);
  [[nodiscard]] std::size_t call_count() const { return calls_.size(); }
  [[nodiscard]] std::size_t idle_connection_count() const { return pool_.size(); }

 private:
  class Call;
  void OnCallDone(HttpCallId id);

  uv_loop_t* const loop_;
  const HttpClientOptions options_;
  HttpConnectionPool pool_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Call>> calls_;
  std::uint64_t next_id_ = 1;
};

}  // namespace fovea::io
