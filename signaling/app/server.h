// The running focus: listeners, workers, rooms and what connects them. The composition root; its
// constructor order is the object graph. Thread: signaling, from Start() to the end of Run().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sfu/core/log.h"
#include "sfu/core/result.h"
#include "sfu/crypto/certificate.h"
#include "sfu/io/worker_thread.h"
#include "signaling/app/config.h"
#include "signaling/app/listeners.h"
#include "signaling/app/matrix_side.h"
#include "signaling/app/metrics_listener.h"
#include "signaling/app/page.h"
#include "signaling/app/signal_hub.h"
#include "signaling/focus/data_hub.h"
#include "signaling/focus/media_plane.h"
#include "signaling/io/event_loop.h"
#include "signaling/io/http_server.h"
#include "signaling/io/timer.h"
#include "signaling/io/tls.h"
#include "signaling/livekit/room_manager.h"
#include "signaling/livekit/room_service.h"
#include "signaling/wire/join_request.h"

namespace fovea::app {

class Webhooks;

class Server : public io::HttpHandler, public livekit::TokenPort {
 public:
  explicit Server(Config config);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds everything. The error is a sentence for the operator; nothing keeps running then.
  [[nodiscard]] std::optional<std::string> Start();
  // Prints the ready line, serves until SIGTERM or SIGINT, then puts everybody out and returns.
  void Run();

 private:
  // io::HttpHandler
  void OnRequest(io::IncomingRequest request, io::ResponseWriter writer) override;
  void OnUpgrade(io::IncomingRequest request, io::UpgradeWriter writer) override;
  [[nodiscard]] std::size_t LargeBodyBytesMax(const wire::HttpRequest& head) override;
  [[nodiscard]] wire::HttpResponse RefuseBody(const wire::HttpRequest& head) override;
  // livekit::TokenPort
  std::string Refresh(const wire::TokenGrants& token, const std::string& room,
                      const pb::ParticipantInfo& participant, std::int64_t ttl_seconds) override;

  [[nodiscard]] wire::HttpResponse Answer(const wire::HttpRequest& request);
  [[nodiscard]] wire::HttpResponse Validate(const wire::HttpRequest& request,
                                            wire::SignalPath path);
  [[nodiscard]] wire::HttpResponse DevToken(const wire::HttpRequest& request) const;
  [[nodiscard]] std::optional<std::string> StartWorkers();
  void OnSignal(int number);
  // One turn: events and data from the workers, timers, commands to the workers.
  void Turn();
  void DrainWorkers(Instant now);
  [[nodiscard]] bool BeforeSleep();
  void MeasureLoad(Instant now);
  void SetTimer(Instant now);
  void PrintReady() const;
  [[nodiscard]] std::optional<std::string> OpenMetrics();
  [[nodiscard]] MetricsFacts CountForMetrics();

  // Constant after construction.
  const Config config_;
  const std::unique_ptr<LogSink> log_;
  std::optional<Page> page_;
  Listeners listeners_;

  io::EventLoop loop_;
  std::unique_ptr<crypto::Certificate> certificate_;
  std::vector<std::unique_ptr<control::WorkerChannel>> channels_;
  std::unique_ptr<worker::Mesh> mesh_;
  std::vector<std::unique_ptr<io::WorkerThread>> workers_;
  std::vector<std::unique_ptr<control::WorkerProxy>> proxies_;
  std::unique_ptr<focus::DataHub> data_;
  std::unique_ptr<focus::MediaPlane> media_;
  SignalHub signals_;
  Rng rng_;
  std::optional<io::TlsClient> tls_client_;
  std::unique_ptr<Webhooks> webhooks_;
  std::unique_ptr<livekit::Context> context_;
  std::unique_ptr<livekit::RoomManager> rooms_;
  std::unique_ptr<livekit::RoomService> room_service_;
  std::unique_ptr<MatrixSide> matrix_;

  std::unique_ptr<io::Timer> timer_;
  std::unique_ptr<io::HttpServer> http_;
  std::unique_ptr<MetricsListener> metrics_;  // null: not asked for
  bool is_closing_ = false;                   // being destroyed: nothing below is to be counted on
  bool stopping_ = false;
  // Counters for metrics of what nobody else counts.
  double started_unix_ = 0;
  std::uint64_t joins_ = 0;
  std::uint64_t joins_refused_ = 0;
  Instant load_read_at_{};
  std::uint64_t load_bytes_ = 0;  // through the workers, at load_read_at_
  std::uint64_t call_series_left_out_ = 0;
};

}  // namespace fovea::app
