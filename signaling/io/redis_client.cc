#include "signaling/io/redis_client.h"

#include <charconv>
#include <utility>

#include "sfu/core/check.h"
#include "signaling/io/tcp.h"
#include "signaling/wire/url.h"

namespace fovea::io {
namespace {

template <class Number>
bool ReadNumber(std::string_view text, Number& out) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out);
  return !text.empty() && error == std::errc() && stop == end;
}

bool ReadCredentials(std::string_view text, RedisAddress& out) {
  const std::size_t colon = text.find(':');
  const auto user = wire::PercentDecode(text.substr(0, colon));
  const auto password = wire::PercentDecode(
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1));
  if (!user.has_value() || !password.has_value()) return false;
  out.user = *user;
  out.password = *password;
  return true;
}

}  // namespace

std::optional<RedisAddress> ParseRedisUrl(std::string_view url) {
  RedisAddress out;
  if (url.starts_with("rediss://")) {
    out.tls = true;
    url.remove_prefix(9);
  } else if (url.starts_with("redis://")) {
    url.remove_prefix(8);
  } else {
    return std::nullopt;
  }
  const std::size_t slash = url.find('/');
  if (slash != std::string_view::npos && slash + 1 < url.size() &&
      !ReadNumber(url.substr(slash + 1), out.database)) {
    return std::nullopt;
  }
  std::string_view place = url.substr(0, slash);
  if (const std::size_t at = place.rfind('@'); at != std::string_view::npos) {
    if (!ReadCredentials(place.substr(0, at), out)) return std::nullopt;
    place.remove_prefix(at + 1);
  }
  const std::size_t colon = place.rfind(':');
  if (place.starts_with('[')) {
    const std::size_t bracket = place.find(']');
    if (bracket == std::string_view::npos) return std::nullopt;
    out.host = place.substr(1, bracket - 1);
    place.remove_prefix(bracket + 1);
    if (!place.empty() && (place[0] != ':' || !ReadNumber(place.substr(1), out.port))) {
      return std::nullopt;
    }
  } else {
    out.host = place.substr(0, colon);
    if (colon != std::string_view::npos && !ReadNumber(place.substr(colon + 1), out.port)) {
      return std::nullopt;
    }
  }
  if (out.host.empty() || out.port == 0) return std::nullopt;
  return out;
}

RedisClient::RedisClient(uv_loop_t* loop, RedisClientOptions options)
    : loop_(loop), options_(std::move(options)), timer_(loop, [this] { OnTimer(); }) {}
RedisClient::~RedisClient() = default;

void RedisClient::Run(const std::vector<Command>& commands, OnDone on_done) {
  FOVEA_CHECK(!is_busy() && !commands.empty());
  on_done_ = std::move(on_done);
  batch_.clear();
  for (const Command& command : commands) batch_ += wire::SerializeRespCommand(command);
  expected_ = commands.size();
  greetings_ = 0;
  values_.clear();
  if (outcome_.has_value()) stream_.reset();  // lost since the last batch
  outcome_.reset();
  timer_.StartOnce(options_.timeout);
  if (stream_ != nullptr) return SendBatch(/*is_new_connection=*/false);
  if (options_.address.tls && !options_.wrap_tls)
    return End(Failure{std::string("TLS is not set up")});
  resolver_.emplace(loop_, options_.address.host, options_.address.port,
                    [this](std::vector<NetAddress> addresses) { Connect(std::move(addresses)); });
}

void RedisClient::Connect(std::vector<NetAddress> addresses) {
  if (addresses.empty()) return End(Failure{std::string("the host name has no address")});
  std::unique_ptr<ByteStream> raw = TcpStream::Connect(loop_, addresses.front());
  if (raw == nullptr) return End(Failure{std::string("no sockets left")});
  stream_ = options_.address.tls ? options_.wrap_tls(std::move(raw), options_.address.host)
                                 : std::move(raw);
  parser_ = {};
  stream_->Start(*this);
  SendBatch(/*is_new_connection=*/true);
}

void RedisClient::SendBatch(bool is_new_connection) {
  const RedisAddress& address = options_.address;
  std::string greeting;
  if (is_new_connection && !address.password.empty()) {
    Command auth = {"AUTH", address.password};
    if (!address.user.empty()) auth.insert(auth.begin() + 1, address.user);
    greeting += wire::SerializeRespCommand(auth);
    ++greetings_;
  }
  if (is_new_connection && address.database != 0) {
    greeting += wire::SerializeRespCommand({"SELECT", std::to_string(address.database)});
    ++greetings_;
  }
  stream_->Write(greeting + batch_);
}

void RedisClient::OnBytes(std::string_view bytes) {
  parser_.Feed(bytes);
  while (auto value = parser_.Next()) TakeValue(std::move(*value));
  if (parser_.is_broken()) End(Failure{std::string("what answers is no Redis server")});
}

void RedisClient::TakeValue(wire::RespValue value) {
  if (!is_busy() || outcome_.has_value()) return;
  if (greetings_ > 0) {
    --greetings_;
    if (value.kind == wire::RespValue::Kind::kError) End(Failure{value.text});
    return;
  }
  values_.push_back(std::move(value));
  if (values_.size() == expected_) End(std::move(values_));
}

void RedisClient::OnEnd() { End(Failure{std::string("the connection was closed")}); }
void RedisClient::OnFailure() { End(Failure{std::string("no connection")}); }

void RedisClient::End(Result<std::vector<wire::RespValue>, std::string> outcome) {
  if (outcome_.has_value()) return;
  outcome_.emplace(std::move(outcome));
  timer_.StartOnce(Duration::zero());
}

void RedisClient::OnTimer() {
  if (!outcome_.has_value()) outcome_.emplace(Failure{std::string("no response in time")});
  if (!outcome_->ok()) {
    resolver_.reset();
    stream_.reset();
  }
  const auto outcome = std::move(*outcome_);
  // Also after a connection was lost between two batches, when nobody waits for an outcome.
  outcome_.reset();
  const OnDone on_done = std::exchange(on_done_, nullptr);
  if (on_done != nullptr) on_done(outcome);
}

}  // namespace fovea::io
