// Fovea as the token service of another LiveKit server (LIVEKIT_URL points there): tokens,
// delegated leave, and that server's webhooks; no rooms and no media. matrixrtc reference,
// section 8. Thread: signaling.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sfu/core/log.h"
#include "signaling/app/appservice.h"
#include "signaling/app/config.h"
#include "signaling/app/delayed_leaves.h"
#include "signaling/app/external_sfu.h"
#include "signaling/app/listeners.h"
#include "signaling/app/metrics_listener.h"
#include "signaling/app/redis_jobs.h"
#include "signaling/app/sfu_webhook.h"
#include "signaling/app/state_store.h"
#include "signaling/app/token_front.h"
#include "signaling/io/event_loop.h"
#include "signaling/io/http_server.h"
#include "signaling/io/timer.h"
#include "signaling/io/tls.h"

namespace fovea::app {

class ExternalServer : public io::HttpHandler, private TransactionSink {
 public:
  // REQUIRES: config.external.url is set.
  explicit ExternalServer(Config config);
  ~ExternalServer() override;
  ExternalServer(const ExternalServer&) = delete;
  ExternalServer& operator=(const ExternalServer&) = delete;

  // Takes up the stored jobs, and removes the expired ones, before it listens. The error is a
  // sentence for the operator; nothing keeps running then.
  [[nodiscard]] std::optional<std::string> Start();
  // Prints the ready line and serves until SIGTERM or SIGINT.
  void Run();

 private:
  // io::HttpHandler
  void OnRequest(io::IncomingRequest request, io::ResponseWriter writer) override;
  void OnUpgrade(io::IncomingRequest request, io::UpgradeWriter writer) override;
  [[nodiscard]] std::size_t LargeBodyBytesMax(const wire::HttpRequest& head) override;
  [[nodiscard]] wire::HttpResponse RefuseBody(const wire::HttpRequest& head) override;

  void OnSignal(int number);
  [[nodiscard]] std::optional<std::string> StartTls();
  [[nodiscard]] std::optional<std::string> StartStore();
  void StartLeaves();
  [[nodiscard]] std::optional<std::string> ResumeJobs();
  [[nodiscard]] Result<std::vector<matrix::LeaveJob>, std::string> LoadFromRedis();
  void HandleWebhook(const wire::HttpRequest& request);
  void PrintReady() const;
  [[nodiscard]] std::optional<std::string> OpenMetrics();
  [[nodiscard]] MetricsFacts CountForMetrics() const;

  void FindHomeserver();
  // TransactionSink. What is pushed is of no use here: nobody is put out of another server's rooms.
  focus::TransactionOutcome OnTransaction(Instant, const std::string&, std::string_view) override {
    return focus::TransactionOutcome::kTaken;
  }
  void OnPing(Instant) override {}

  // Constant after construction, but for the URL of a homeserver that is known by name only.
  Config config_;
  const std::unique_ptr<LogSink> log_;
  Listeners listeners_;

  io::EventLoop loop_;
  std::optional<io::TlsClient> tls_;
  std::unique_ptr<StateStore> state_;  // null: Redis keeps the jobs
  std::unique_ptr<RedisJobs> redis_;   // null: the state file does, or nobody
  std::unique_ptr<ExternalSfu> sfu_;
  bool is_closing_ = false;  // being destroyed: nothing below is to be counted on
  std::unique_ptr<TokenFront> tokens_;
  std::unique_ptr<DelayedLeaves> leaves_;
  std::unique_ptr<Appservice> appservice_;  // null: no homeserver is registered here
  std::unique_ptr<io::Timer> find_again_;
  std::unique_ptr<io::HttpServer> http_;
  std::unique_ptr<MetricsListener> metrics_;  // null: not asked for
  double started_unix_ = 0;
};

}  // namespace fovea::app
