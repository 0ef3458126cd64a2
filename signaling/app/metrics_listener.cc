#include "signaling/app/metrics_listener.h"

#include <utility>

#include "sfu/core/limits.h"
#include "sfu/crypto/hmac.h"
#include "signaling/wire/base64.h"
#include "signaling/wire/metrics_text.h"

namespace fovea::app {
namespace {

io::HttpServerOptions OptionsOf() {
  io::HttpServerOptions options;
  options.connections_max = limits::kMetricsConnectionsMax;
  return options;
}

}  // namespace

bool MayReadMetrics(const PrometheusConfig& config, const wire::HttpRequest& request) {
  if (config.username.empty() && config.password.empty()) return true;
  constexpr std::string_view kScheme = "Basic ";
  const auto header = request.Header("Authorization");
  if (!header.has_value() || !header->starts_with(kScheme)) return false;
  const std::optional<std::string> given = wire::Base64Decode(header->substr(kScheme.size()));
  const std::string wanted = config.username + ":" + config.password;
  return given.has_value() &&
         crypto::ConstantTimeEquals(wire::AsBytes(*given), wire::AsBytes(wanted));
}

MetricsListener::MetricsListener(uv_loop_t* loop, const PrometheusConfig& config, Census census)
    : config_(config), census_(std::move(census)), http_(loop, *this, OptionsOf()) {}

std::optional<std::string> MetricsListener::Open(const std::vector<std::string>& addresses) {
  for (const std::string& text : addresses) {
    const auto address = NetAddress::Parse(text.empty() ? "::" : text, config_.port);
    if (!address.has_value()) return "bind address \"" + text + "\" is not an IP address";
    Result<NetAddress, std::string> got = http_.Listen(*address);
    if (!got.ok() && text.empty()) got = http_.Listen(NetAddress::V4(0, config_.port));
    // Development listens on both loopback addresses; a machine without IPv6 has only one.
    if (!got.ok() && text == "::1" && !bound_.empty()) continue;
    if (!got.ok()) return "prometheus.port: " + got.error();
    bound_.push_back(*got);
  }
  return std::nullopt;
}

void MetricsListener::OnRequest(io::IncomingRequest request, io::ResponseWriter writer) {
  writer.Send(Answer(request.http));
}

void MetricsListener::OnUpgrade(io::IncomingRequest /*request*/, io::UpgradeWriter writer) {
  writer.Refuse(wire::TextResponse(404, "404 page not found"));
}

wire::HttpResponse MetricsListener::Answer(const wire::HttpRequest& request) const {
  if (!MayReadMetrics(config_, request)) {
    wire::HttpResponse response = wire::TextResponse(401, "a name and a password are needed");
    response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"metrics\"");
    return response;
  }
  if (request.target.path != "/metrics") return wire::TextResponse(404, "404 page not found");
  if (request.method != wire::HttpMethod::kGet && request.method != wire::HttpMethod::kHead) {
    return wire::TextResponse(405, "");
  }
  wire::HttpResponse response;
  response.headers.emplace_back("Content-Type", wire::MetricsText::kContentType);
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = MetricsPage(census_());
  return response;
}

}  // namespace fovea::app
