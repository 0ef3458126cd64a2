// A Redis server, for a few keys: batches of commands over one connection that is opened when it is
// needed. RESP2. Thread: the one that runs the loop; names are resolved on libuv's thread pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sfu/core/net_address.h"
#include "sfu/core/result.h"
#include "signaling/io/byte_stream.h"
#include "signaling/io/resolver.h"
#include "signaling/io/timer.h"
#include "signaling/wire/resp.h"

namespace fovea::io {

struct RedisAddress {
  bool tls = false;
  std::string host;
  std::uint16_t port = 6379;
  std::string user;      // of AUTH; empty: the default user
  std::string password;  // empty: no AUTH
  std::uint32_t database = 0;
};

// redis://[user[:password]@]host[:port][/database], rediss:// for TLS.
[[nodiscard]] std::optional<RedisAddress> ParseRedisUrl(std::string_view url);

struct RedisClientOptions {
  RedisAddress address;
  Duration timeout = Seconds(5);  // of a whole batch, connecting included
  std::function<std::unique_ptr<ByteStream>(std::unique_ptr<ByteStream>, const std::string& host)>
      wrap_tls;
};

// Destroying it drops the batch under way without a callback.
class RedisClient : private ByteStreamListener {
 public:
  using Command = std::vector<std::string>;
  // One value per command, in order. The error is a sentence; the connection is closed then, and
  // which of the commands were carried out is unknown.
  using OnDone = std::function<void(Result<std::vector<wire::RespValue>, std::string>)>;

  RedisClient(uv_loop_t* loop, RedisClientOptions options);
  ~RedisClient() override;
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  // REQUIRES: !is_busy(), and at least one command. Calls back once, later. An error that Redis
  // reports for a command is a value; one for AUTH or SELECT fails the batch.
  void Run(const std::vector<Command>& commands, OnDone on_done);
  [[nodiscard]] bool is_busy() const { return on_done_ != nullptr; }

 private:
  void OnBytes(std::string_view bytes) override;
  void OnEnd() override;
  void OnDrained() override {}
  void OnFailure() override;

  void Connect(std::vector<NetAddress> addresses);
  void SendBatch(bool is_new_connection);
  void TakeValue(wire::RespValue value);
  // Tells by the timer: never from inside Run or a callback of the stream.
  void End(Result<std::vector<wire::RespValue>, std::string> outcome);
  void OnTimer();

  uv_loop_t* const loop_;
  const RedisClientOptions options_;
  std::optional<Resolver> resolver_;
  std::unique_ptr<ByteStream> stream_;
  wire::RespParser parser_;
  std::string batch_;
  std::size_t greetings_ = 0;  // replies to AUTH and SELECT that are still to come
  std::size_t expected_ = 0;
  std::vector<wire::RespValue> values_;
  OnDone on_done_;
  std::optional<Result<std::vector<wire::RespValue>, std::string>> outcome_;
  Timer timer_;
};

}  // namespace fovea::io
