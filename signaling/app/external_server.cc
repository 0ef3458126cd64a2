#include "signaling/app/external_server.h"

#include <uv.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <utility>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "sfu/crypto/secret.h"
#include "sfu/io/system_clock.h"
#include "signaling/app/log.h"
#include "signaling/app/metrics_census.h"
#include "signaling/app/version.h"
#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

// Redis has this long to take the purge of expired jobs before we serve without it.
constexpr Duration kPurgeTimeout = Seconds(5);
constexpr Duration kFindHomeserverAgain = Seconds(10);

std::uint64_t RandomSeed() {
  std::uint64_t seed = 0;
  crypto::RandomBytes(MutableByteSpan(reinterpret_cast<std::uint8_t*>(&seed), sizeof seed));
  return seed;
}

bool IsWebhook(const wire::RequestTarget& target) { return target.path.ends_with("/sfu_webhook"); }

}  // namespace

ExternalServer::ExternalServer(Config config)
    : config_(std::move(config)),
      log_(MakeLog(config_.log)),
      listeners_(config_, *log_),
      loop_({[] {}, [] { return false; }, [this](int number) { OnSignal(number); }}) {
  FOVEA_CHECK(!config_.external.url.empty());
}

ExternalServer::~ExternalServer() {
  // Requests that wait hold on to their connections, and answering them may bring up those behind.
  is_closing_ = true;
  metrics_.reset();
  find_again_.reset();
  leaves_.reset();
  tokens_.reset();
  http_.reset();
  sfu_.reset();
  redis_.reset();
  state_.reset();
  loop_.Drain();
}

void ExternalServer::OnSignal(int number) {
  if (number == SIGHUP) return listeners_.ReloadCertificate();
  loop_.Stop();
}

std::optional<std::string> ExternalServer::Start() {
  for (const std::string& note : config_.notes) log_->Log(LogLevel::kInfo, note);
  if (config_.keys.empty()) return "an API key is needed: LIVEKIT_KEY and LIVEKIT_SECRET";
  if (!RoomServiceUrl(config_.external.url).has_value()) {
    return "LIVEKIT_URL: \"" + config_.external.url + "\" is not a ws:// or wss:// URL";
  }
  if (auto error = StartTls()) return error;
  if (auto error = StartStore()) return error;
  const auto& [key, secret] = *config_.keys.begin();
  io::HttpClientOptions http;
  http.wrap_tls = [this](std::unique_ptr<io::ByteStream> raw, const std::string& host) {
    return tls_->Wrap(std::move(raw), host);
  };
  sfu_ = std::make_unique<ExternalSfu>(
      loop_.uv(),
      ExternalSfuConfig{config_.external.url, key, secret,
                        Seconds(config_.external.sanity_check_interval_s)},
      std::move(http), *log_);
  Result<std::unique_ptr<TokenFront>, std::string> tokens =
      TokenFront::Make({.loop = loop_.uv(),
                        .config = config_,
                        .log = *log_,
                        .policy = nullptr,  // AskingMintPolicy
                        .open_room =
                            [this](const std::string& room, std::function<void(bool)> on_opened) {
                              sfu_->CreateRoom(room, std::move(on_opened));
                            },
                        .on_answered = [] {}});
  if (!tokens.ok()) return tokens.error();
  tokens_ = std::move(*tokens);
  if (!config_.appservice.hs_token.empty()) {
    TransactionSink& sink = *this;
    appservice_ = std::make_unique<Appservice>(config_.appservice.hs_token, sink);
    find_again_ = std::make_unique<io::Timer>(loop_.uv(), [this] { FindHomeserver(); });
    if (config_.homeserver.url.empty() && !config_.homeserver.name.empty()) FindHomeserver();
  }
  StartLeaves();
  if (auto error = ResumeJobs()) return error;
  http_ = std::make_unique<io::HttpServer>(loop_.uv(), *this);
  if (auto error = listeners_.Open(*http_)) return error;
  return OpenMetrics();
}

// Of a homeserver whose routes come by here the environment tells the name alone.
void ExternalServer::FindHomeserver() {
  if (is_closing_) return;
  tokens_->cs_api().Resolve(config_.homeserver.name, [this](const std::optional<CsApi>& api) {
    if (is_closing_) return;
    if (!api.has_value()) return find_again_->StartOnce(kFindHomeserverAgain);
    config_.homeserver.url = api->base_url;
  });
}

std::optional<std::string> ExternalServer::OpenMetrics() {
  started_unix_ = static_cast<double>(io::WallNow().value) / 1e6;
  if (config_.prometheus.port == 0) return std::nullopt;
  metrics_ = std::make_unique<MetricsListener>(loop_.uv(), config_.prometheus,
                                               [this] { return CountForMetrics(); });
  return metrics_->Open(config_.bind_addresses);
}

MetricsFacts ExternalServer::CountForMetrics() const {
  MetricsFacts facts{.version = kVersion};
  facts.process = CountProcess(started_unix_);
  facts.http_connections = http_->connection_count();
  facts.tokens = tokens_->service().CountTokens();
  facts.delayed_leaves = leaves_->CountLeaves();
  if (state_ != nullptr && state_->has_file()) facts.state = StateFacts{state_->is_degraded()};
  return facts;
}

std::optional<std::string> ExternalServer::StartTls() {
  Result<io::TlsClient, std::string> tls =
      io::TlsClient::Make(io::TlsTrust{.ca_file = config_.homeserver.ca_file,
                                       .with_system = true,
                                       .verify = !config_.federation.insecure_skip_verify_tls});
  if (!tls.ok()) return "https: " + tls.error();
  tls_.emplace(std::move(*tls));
  return std::nullopt;
}

std::optional<std::string> ExternalServer::StartStore() {
  if (!config_.external.redis_url.empty()) {
    const auto address =
        RedisAddressOf(config_.external.redis_url, config_.external.redis_password);
    if (!address.has_value()) return "LIVEKIT_REDIS_URL: expected redis://host:port/0";
    io::RedisClientOptions options;
    options.address = *address;
    options.wrap_tls = [this](std::unique_ptr<io::ByteStream> raw, const std::string& host) {
      return tls_->Wrap(std::move(raw), host);
    };
    redis_ = std::make_unique<RedisJobs>(loop_.uv(), std::move(options), *log_);
    return std::nullopt;
  }
  state_ = std::make_unique<StateStore>();
  if (config_.state.file.empty()) {
    log_->Log(LogLevel::kInfo,
              "no LIVEKIT_REDIS_URL and no state.file: a restart forgets delegated leaves");
    return std::nullopt;
  }
  auto opened = StateStore::Open(loop_.uv(), config_.state.file, *log_);
  if (opened.ok()) {
    state_ = std::move(*opened);
  } else {
    log_->Log(LogLevel::kError, opened.error() + "; a restart will forget delegated leaves");
  }
  return std::nullopt;
}

void ExternalServer::StartLeaves() {
  DelayedLeavesConfig leaves;
  // The SFU goes on while we restart: whoever was connected most likely still is.
  leaves.table.return_window = Seconds(3600);
  leaves.own_server_name = config_.homeserver.name;
  leaves.as_token = config_.appservice.as_token;
  leaves.seed = RandomSeed();
  leaves.wall_offset = &io::WallOffsetMicros;
  LeaveJobStore& store = redis_ != nullptr ? static_cast<LeaveJobStore&>(*redis_)
                                           : static_cast<LeaveJobStore&>(*state_);
  io::HttpClientOptions http;
  http.wrap_tls = [this](std::unique_ptr<io::ByteStream> raw, const std::string& host) {
    return tls_->Wrap(std::move(raw), host);
  };
  leaves_ = std::make_unique<DelayedLeaves>(
      loop_.uv(), std::move(leaves),
      DelayedLeaves::Ports{tokens_->cs_api(), &tokens_->federation(), store, *sfu_, *log_},
      std::move(http));
  sfu_->SetListener([this](Instant now, const matrix::LeaveKey& key, bool present) {
    if (present) return leaves_->HandleConnected(now, key.room_name, key.identity);
    leaves_->HandleLeft(now, key.room_name, key.identity, matrix::LeftReason::kGone);
  });
  if (!config_.access.delegation) return;
  // Nothing to verify: which homeservers there are shows only with the tokens they vouch for.
  leaves_->SkipVerification();
  tokens_->service().SetDelegation(leaves_.get());
}

Result<std::vector<matrix::LeaveJob>, std::string> ExternalServer::LoadFromRedis() {
  std::optional<Result<std::vector<matrix::LeaveJob>, std::string>> loaded;
  redis_->Load([&loaded](auto result) { loaded.emplace(std::move(result)); });
  while (!loaded.has_value()) uv_run(loop_.uv(), UV_RUN_ONCE);  // ends by the client's timeout
  return std::move(*loaded);
}

std::optional<std::string> ExternalServer::ResumeJobs() {
  std::vector<matrix::LeaveJob> jobs;
  if (redis_ != nullptr) {
    auto loaded = LoadFromRedis();
    if (!loaded.ok()) return "LIVEKIT_REDIS_URL: " + loaded.error();
    jobs = std::move(*loaded);
  } else {
    jobs = state_->Jobs();
  }
  const std::size_t resumed = leaves_->Resume(io::MonotonicNow(), jobs);
  if (!jobs.empty()) {
    log_->Log(LogLevel::kInfo, "delegated leaves: " + std::to_string(resumed) + " resumed, " +
                                   std::to_string(jobs.size() - resumed) + " expired");
  }
  if (redis_ == nullptr) {
    state_->Flush();
    return std::nullopt;
  }
  bool is_late = false;
  io::Timer timer(loop_.uv(), [&is_late] { is_late = true; });
  timer.StartOnce(kPurgeTimeout);
  while (!redis_->is_idle() && !is_late) uv_run(loop_.uv(), UV_RUN_ONCE);
  return std::nullopt;
}

void ExternalServer::PrintReady() const {
  nlohmann::json ready;
  ready["event"] = "ready";
  const std::vector<NetAddress>& all =
      listeners_.plain().empty() ? listeners_.tls() : listeners_.plain();
  std::string ip = all.empty() ? "" : all.front().IpString();
  if (ip == "::" || ip == "0.0.0.0") ip = "127.0.0.1";
  if (ip.find(':') != std::string::npos) ip = "[" + ip + "]";
  ready["http"] = all.empty() ? "" : ip + ":" + std::to_string(all.front().port);
  ready["sfu"] = config_.external.url;
  std::printf("%s\n", wire::DumpJson(ready).c_str());
  std::fflush(stdout);
}

void ExternalServer::Run() {
  PrintReady();
  loop_.Run();
  log_->Log(LogLevel::kInfo, "stopping");
  tokens_->service().StopServing();
  http_->StopListening();
  if (metrics_ != nullptr) metrics_->StopListening();
  if (state_ != nullptr) state_->Flush();
  loop_.Drain();
}

std::size_t ExternalServer::LargeBodyBytesMax(const wire::HttpRequest& head) {
  if (IsWebhook(head.target)) return limits::kSfuWebhookBytesMax;
  return appservice_ == nullptr || is_closing_ ? 0 : appservice_->LargeBodyBytesMax(head);
}

wire::HttpResponse ExternalServer::RefuseBody(const wire::HttpRequest& head) {
  return TokenService::Handles(head.target) ? TokenService::RefuseBody()
                                            : HttpHandler::RefuseBody(head);
}

void ExternalServer::OnUpgrade(io::IncomingRequest /*request*/, io::UpgradeWriter writer) {
  writer.Refuse(wire::TextResponse(404, "not found"));
}

void ExternalServer::OnRequest(io::IncomingRequest request, io::ResponseWriter writer) {
  const wire::RequestTarget& target = request.http.target;
  if (is_closing_) {
    return writer.Send(TokenService::Handles(target)
                           ? TokenService::AnswerClosing(request.http.method)
                           : wire::TextResponse(503, "the server is shutting down"));
  }
  if (TokenService::Handles(target)) {
    return tokens_->service().Handle(io::MonotonicNow(), std::move(request), std::move(writer));
  }
  if (appservice_ != nullptr && Appservice::Handles(target)) {
    return writer.Send(appservice_->Handle(io::MonotonicNow(), request.http));
  }
  const wire::HttpMethod method = request.http.method;
  if (target.path.ends_with("/healthz")) {
    const bool is_read = method == wire::HttpMethod::kGet || method == wire::HttpMethod::kHead;
    return writer.Send(wire::TextResponse(is_read ? 200 : 405, ""));
  }
  if (IsWebhook(target)) {
    if (method != wire::HttpMethod::kPost) return writer.Send(wire::TextResponse(405, ""));
    HandleWebhook(request.http);
    // Also for what was not believed: the sender would only try again.
    return writer.Send(wire::TextResponse(200, ""));
  }
  writer.Send(wire::TextResponse(404, "not found"));
}

void ExternalServer::HandleWebhook(const wire::HttpRequest& request) {
  const auto event = ReadSfuWebhook(request, config_.keys, io::WallNow().value / 1'000'000);
  if (!event.has_value()) return;
  const Instant now = io::MonotonicNow();
  const matrix::LeaveKey& key = event->key;
  switch (event->kind) {
    case SfuEvent::Kind::kJoined:
      sfu_->HandleConnected(now, key);
      return leaves_->HandleConnected(now, key.room_name, key.identity);
    case SfuEvent::Kind::kLeft: {
      matrix::LeftReason reason = LeftReasonOf(event->disconnect_reason);
      // It is not we who stop: its clients may come back, or not. A sanity check would tell.
      if (reason == matrix::LeftReason::kFocusStopping) reason = matrix::LeftReason::kGone;
      if (reason == matrix::LeftReason::kSuperseded) sfu_->HandleSuperseded(now, key);
      return leaves_->HandleLeft(now, key.room_name, key.identity, reason);
    }
    case SfuEvent::Kind::kAborted:
      return leaves_->HandleAborted(now, key.room_name, key.identity);
  }
}

}  // namespace fovea::app
