#include "signaling/app/server.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <thread>
#include <utility>

#include "sfu/crypto/secret.h"
#include "sfu/io/system_clock.h"
#include "signaling/app/candidate_addresses.h"
#include "signaling/app/external_address.h"
#include "signaling/app/join_params.h"
#include "signaling/app/log.h"
#include "signaling/app/metrics_census.h"
#include "signaling/app/version.h"
#include "signaling/app/webhooks.h"
#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

// Events taken from one worker per turn. Larger: one busy worker delays the others' news.
constexpr std::size_t kEventsPerTurn = 1024;
constexpr std::size_t kAppDataPerTurn = 512;
// Shorter follows bursts, longer lets in those who come in between.
constexpr Duration kLoadInterval = Seconds(1);

std::uint64_t RandomSeed() {
  std::uint64_t seed = 0;
  crypto::RandomBytes(MutableByteSpan(reinterpret_cast<std::uint8_t*>(&seed), sizeof seed));
  return seed;
}

std::size_t WorkerCount(const RtcConfig& rtc) {
  std::size_t count = rtc.workers;
  if (count == 0) count = std::max(2U, std::thread::hardware_concurrency()) - 1;
  if (rtc.udp_ports.first != 0 && rtc.udp_ports.last > rtc.udp_ports.first) {
    count = std::min<std::size_t>(count, std::size_t{rtc.udp_ports.last} - rtc.udp_ports.first + 1);
  } else if (rtc.udp_ports.first != 0) {
    count = 1;  // one port, one worker
  }
  return std::clamp<std::size_t>(count, 1, limits::kWorkersMax);
}

Config Completed(Config config) {
  config.server.allow_side_sessions = config.homeserver.name.empty();
  return config;
}

livekit::WebhookOptions WebhookOptionsOf(const Config& config) {
  livekit::WebhookOptions options;
  options.api_key = config.webhook.api_key;
  const auto key = config.keys.find(config.webhook.api_key);
  if (key != config.keys.end()) options.secret = key->second;
  for (const WebhookTarget& target : config.webhook.targets) {
    options.targets.push_back({target.url, target.include_events, target.exclude_events});
  }
  return options;
}

}  // namespace

Server::Server(Config config)
    : config_(Completed(std::move(config))),
      log_(MakeLog(config_.log)),
      listeners_(config_, *log_),
      loop_({[this] { Turn(); }, [this] { return BeforeSleep(); },
             [this](int number) { OnSignal(number); }}),
      rng_(RandomSeed()) {}

Server::~Server() {
  // Answering the requests that still wait may bring up those that were sent behind them.
  is_closing_ = true;
  for (const auto& worker : workers_) worker->Stop();
  metrics_.reset();
  // Requests that wait for a homeserver hold on to their connections: they go first.
  if (context_ != nullptr) context_->presence = nullptr;
  matrix_.reset();
  // So do calls of the server API that wait for a participant.
  if (rooms_ != nullptr) rooms_->Shutdown(io::MonotonicNow());
  http_.reset();
  timer_.reset();
  room_service_.reset();
  rooms_.reset();
  context_.reset();
  webhooks_.reset();
  loop_.Drain();
}

std::optional<std::string> Server::Start() {
  for (const std::string& note : config_.notes) log_->Log(LogLevel::kInfo, note);
  started_unix_ = static_cast<double>(io::WallNow().value) / 1e6;
  if (!config_.page_dir.empty()) {
    Result<Page, std::string> page = Page::Load(config_.page_dir);
    if (!page.ok()) return page.error();
    page_ = std::move(*page);
  }
  certificate_ = crypto::Certificate::Generate(io::WallNow());
  if (auto error = StartWorkers()) return error;

  Result<io::TlsClient, std::string> tls = io::TlsClient::Make("");
  if (tls.ok()) {
    tls_client_.emplace(std::move(*tls));
  } else {
    log_->Log(LogLevel::kWarn, "https webhooks will fail: " + tls.error());
  }
  // Nothing else may wake this thread for a minute once the last room is gone.
  webhooks_ = std::make_unique<Webhooks>(
      loop_.uv(), WebhookOptionsOf(config_), &io::WallOffsetMicros,
      tls_client_.has_value() ? &*tls_client_ : nullptr, [this] { Turn(); });
  context_ = std::make_unique<livekit::Context>(
      livekit::Context{config_.server, signals_, *media_, webhooks_->queue(), *this, *log_, rng_,
                       &crypto::RandomBytes, &io::WallOffsetMicros});
  rooms_ = std::make_unique<livekit::RoomManager>(*context_);
  room_service_ = std::make_unique<livekit::RoomService>(*context_, *rooms_, config_.keys);
  timer_ = std::make_unique<io::Timer>(loop_.uv(), [this] { Turn(); });
  http_ = std::make_unique<io::HttpServer>(loop_.uv(), *this);
  matrix_ = std::make_unique<MatrixSide>(
      MatrixSide::Parts{.loop = loop_.uv(),
                        .config = config_,
                        .log = *log_,
                        .context = *context_,
                        .rooms = *rooms_,
                        .turn_soon = [this] { timer_->StartOnce(Duration::zero()); }});
  context_->presence = matrix_.get();
  if (auto error = matrix_->Start(io::MonotonicNow())) return error;
  if (auto error = listeners_.Open(*http_)) return error;
  return OpenMetrics();
}

std::optional<std::string> Server::OpenMetrics() {
  if (config_.prometheus.port == 0) return std::nullopt;
  metrics_ = std::make_unique<MetricsListener>(loop_.uv(), config_.prometheus,
                                               [this] { return CountForMetrics(); });
  return metrics_->Open(config_.bind_addresses);
}

MetricsFacts Server::CountForMetrics() {
  MetricsFacts facts{.version = kVersion, .node_id = config_.server.node_id};
  facts.process = CountProcess(started_unix_);
  facts.http_connections = http_->connection_count();
  MediaFacts& media = facts.media.emplace();
  for (const auto& worker : workers_) media.workers.push_back(worker->Read());
  media.data_hub = data_->Drops();
  media.data_drops = context_->data_drops;
  media.joins = joins_;
  media.joins_refused = joins_refused_;
  media.webhooks_delivered = webhooks_->queue().delivered_total();
  media.webhooks_dropped = webhooks_->queue().dropped_total();
  CountRooms(*rooms_, matrix_->conductor(), media);
  call_series_left_out_ += media.calls_left_out_total;
  media.calls_left_out_total = call_series_left_out_;
  matrix_->Count(io::MonotonicNow(), facts);
  return facts;
}

std::size_t Server::LargeBodyBytesMax(const wire::HttpRequest& head) {
  return is_closing_ ? 0 : matrix_->LargeBodyBytesMax(head);
}

wire::HttpResponse Server::RefuseBody(const wire::HttpRequest& head) {
  if (!is_closing_ && matrix_->IsTokenRequest(head.target)) return TokenService::RefuseBody();
  wire::HttpResponse response = HttpHandler::RefuseBody(head);
  wire::AddCorsHeaders(response);
  return response;
}

void Server::OnSignal(int number) {
  if (number == SIGHUP) return listeners_.ReloadCertificate();
  stopping_ = true;
  loop_.Stop();
}

std::optional<std::string> Server::StartWorkers() {
  const std::size_t count = WorkerCount(config_.rtc);
  Result<std::vector<std::string>, std::string> candidates = CandidateAddresses(config_.rtc);
  if (!candidates.ok()) return candidates.error();
  std::vector<std::string> ips = std::move(*candidates);
  if (config_.rtc.use_external_ip && config_.rtc.node_ips.empty()) {
    if (const auto found = FindExternalAddress(StunServersOf(config_), *log_)) {
      log_->Log(LogLevel::kInfo, "STUN servers see this machine at " + *found);
      ips = WithExternalAddress(*found, config_.rtc, std::move(ips));
    }
  }
  const bool all_loopback = std::all_of(ips.begin(), ips.end(), [](const std::string& ip) {
    return ip.starts_with("127.") || ip == "::1";
  });
  const bool any_v6 = std::any_of(ips.begin(), ips.end(), [](const std::string& ip) {
    return ip.find(':') != std::string::npos;
  });
  mesh_ = std::make_unique<worker::Mesh>(count);
  std::vector<focus::MediaPlane::WorkerEnd> ends;
  std::vector<control::WorkerProxy*> proxies;
  for (std::size_t i = 0; i < count; ++i) {
    channels_.push_back(std::make_unique<control::WorkerChannel>());
    io::WorkerThreadConfig worker;
    worker.worker.index = static_cast<std::uint8_t>(i);
    worker.worker.seed = RandomSeed();
    worker.worker.wall_offset_us = io::WallOffsetMicros();
    worker.worker.uplinks.key_frame_intervals = config_.rtc.key_frame_intervals;
    worker.worker.uplinks.speaker = {.active_dbov = config_.audio.active_level,
                                     .active_percent = config_.audio.min_percentile,
                                     .smooth_windows = config_.audio.smooth_intervals};
    const std::uint16_t first = config_.rtc.udp_ports.first;
    const auto port = static_cast<std::uint16_t>(first == 0 ? 0 : first + i);
    const char* bind_to = all_loopback && !any_v6 ? "127.0.0.1" : (any_v6 ? "::" : "0.0.0.0");
    worker.udp.bind = *NetAddress::Parse(bind_to, port);
    auto thread =
        io::WorkerThread::Make(worker, *channels_[i], *mesh_, *certificate_, &loop_.waker());
    if (!thread.ok()) return thread.error();
    workers_.push_back(std::move(*thread));
    mesh_->SetWake(i, &channels_[i]->worker_parker, &workers_[i]->waker());
    proxies_.push_back(
        std::make_unique<control::WorkerProxy>(*channels_[i], &workers_[i]->waker()));
    focus::MediaPlane::WorkerEnd end;
    end.proxy = proxies_.back().get();
    end.transport.fingerprint = crypto::ToString(certificate_->fingerprint());
    for (const std::string& ip : ips)
      end.transport.candidates.push_back({ip, workers_[i]->local().port, false});
    ends.push_back(std::move(end));
    proxies.push_back(proxies_.back().get());
  }
  data_ = std::make_unique<focus::DataHub>(std::move(proxies));
  media_ = std::make_unique<focus::MediaPlane>(std::move(ends), *data_);
  for (const auto& thread : workers_) thread->Start();
  return std::nullopt;
}

void Server::PrintReady() const {
  nlohmann::json ready;
  ready["event"] = "ready";
  const auto shown = [](const NetAddress& address) {
    const std::string ip = address.IpString();
    return (ip == "::" || ip == "0.0.0.0" ? std::string("127.0.0.1")
                                          : (address.is_v4() ? ip : "[" + ip + "]")) +
           ":" + std::to_string(address.port);
  };
  const std::vector<NetAddress>& plain = listeners_.plain();
  const std::vector<NetAddress>& tls = listeners_.tls();
  ready["http"] = plain.empty() ? "" : shown(plain.front());
  if (!tls.empty()) ready["https"] = shown(tls.front());
  if (metrics_ != nullptr) ready["metrics"] = shown(metrics_->bound().front());
  ready["udp"] = nlohmann::json::array();
  for (const auto& worker : workers_) ready["udp"].push_back(shown(worker->local()));
  std::printf("%s\n", wire::DumpJson(ready).c_str());
  if (page_.has_value()) {
    const bool https = plain.empty();
    const NetAddress& address = https ? tls.front() : plain.front();
    std::printf("Open %s://localhost:%u/ in two tabs to hold a call.\n", https ? "https" : "http",
                unsigned{address.port});
  }
  std::fflush(stdout);
}

void Server::Run() {
  PrintReady();
  Turn();
  loop_.Run();
  log_->Log(LogLevel::kInfo, "stopping");
  http_->StopListening();
  if (metrics_ != nullptr) metrics_->StopListening();
  matrix_->StopServing();
  rooms_->Shutdown(io::MonotonicNow());
  Turn();
  loop_.Drain();  // lets the goodbyes leave
}

void Server::DrainWorkers(Instant now) {
  for (const auto& channel : channels_) {
    channel->signaling_parker.Unpark();
    channel->events.Drain(kEventsPerTurn, [&](const control::WorkerEvent& event) {
      const bool is_fence_complete = media_->HandleEvent(event);
      if (is_fence_complete) {
        matrix_->HandleFence(now, std::get<control::FenceReached>(event).id);
      }
      if (const auto* connected = std::get_if<control::SessionConnected>(&event)) {
        data_->HandleConnected(now, connected->session);
      }
      rooms_->HandleWorkerEvent(now, event);
    });
    channel->app_data_up.Drain(
        kAppDataPerTurn, [&](const control::AppData& data) { data_->HandleAppData(now, data); });
  }
}

void Server::Turn() {
  if (is_closing_) return;
  const Instant now = io::MonotonicNow();
  DrainWorkers(now);
  while (const auto message = data_->PollIncoming()) {
    rooms_->HandleData(now, message->session, message->lane, message->bytes);
  }
  if (data_->NextDeadline().IsDue(now)) data_->HandleTimeout(now);
  while (const auto message = data_->PollIncoming()) {
    rooms_->HandleData(now, message->session, message->lane, message->bytes);
  }
  if (rooms_->NextDeadline().IsDue(now)) rooms_->HandleTimeout(now);
  matrix_->Pump(now);
  webhooks_->Pump(now);
  media_->Flush();
  MeasureLoad(now);
  SetTimer(now);
}

void Server::MeasureLoad(Instant now) {
  if (config_.server.bytes_per_second_max == 0 || now < load_read_at_ + kLoadInterval) return;
  std::uint64_t bytes = 0;
  for (const auto& worker : workers_) {
    const worker::WorkerStats stats = worker->Read().stats;
    bytes += stats.bytes_received + stats.bytes_sent;
  }
  const auto elapsed_us = static_cast<std::uint64_t>(ToMicros(now - load_read_at_));
  context_->bytes_per_second = (bytes - load_bytes_) * 1'000'000 / elapsed_us;
  load_bytes_ = bytes;
  load_read_at_ = now;
}

void Server::SetTimer(Instant now) {
  Deadline next = Soonest(rooms_->NextDeadline(), data_->NextDeadline());
  next = Soonest(next, webhooks_->NextDeadline());
  next = Soonest(next, matrix_->NextDeadline());
  const Duration longest = config_.server.bytes_per_second_max > 0 ? kLoadInterval : Seconds(60);
  timer_->StartOnce(
      std::clamp<Duration>(next.at == kNever ? longest : next.at - now, Duration(0), longest));
}

bool Server::BeforeSleep() {
  media_->Flush();
  bool work = false;
  for (const auto& channel : channels_) {
    channel->signaling_parker.Park();
    work = work || !channel->events.Empty() || !channel->app_data_up.Empty();
  }
  return work;
}

std::string Server::Refresh(const wire::TokenGrants& token, const std::string& room,
                            const pb::ParticipantInfo& participant, std::int64_t ttl_seconds) {
  const auto key = config_.keys.find(token.api_key);
  if (key == config_.keys.end()) return {};
  const std::int64_t now_unix = io::WallNow().value / 1'000'000;
  return wire::SignToken(RefreshedGrants(token, participant, room, now_unix, ttl_seconds),
                         key->second);
}

}  // namespace fovea::app
