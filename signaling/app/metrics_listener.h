// The listener for /metrics: a port of its own, as LiveKit has, so that a firewall can tell
// scrapers from clients. Thread: signaling.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sfu/core/net_address.h"
#include "signaling/app/config.h"
#include "signaling/app/metrics.h"
#include "signaling/io/http_server.h"

namespace fovea::app {

// Whether the request may read. Basic authentication (RFC 7617) where a name or a password is set.
[[nodiscard]] bool MayReadMetrics(const PrometheusConfig& config, const wire::HttpRequest& request);

class MetricsListener : public io::HttpHandler {
 public:
  // Counts what there is to count, for one answer. Never called after the destructor began.
  using Census = std::function<MetricsFacts()>;
  MetricsListener(uv_loop_t* loop, const PrometheusConfig& config, Census census);

  // At the addresses that clients are served at. The error is a sentence for the operator.
  [[nodiscard]] std::optional<std::string> Open(const std::vector<std::string>& addresses);
  void StopListening() { http_.StopListening(); }
  [[nodiscard]] const std::vector<NetAddress>& bound() const { return bound_; }

 private:
  // io::HttpHandler
  void OnRequest(io::IncomingRequest request, io::ResponseWriter writer) override;
  void OnUpgrade(io::IncomingRequest request, io::UpgradeWriter writer) override;
  [[nodiscard]] wire::HttpResponse Answer(const wire::HttpRequest& request) const;

  const PrometheusConfig& config_;
  const Census census_;
  io::HttpServer http_;
  std::vector<NetAddress> bound_;
};

}  // namespace fovea::app
