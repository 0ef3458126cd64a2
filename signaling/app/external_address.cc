#include "signaling/app/external_address.h"

#include <algorithm>
#include <utility>

#include "sfu/crypto/secret.h"
#include "signaling/io/event_loop.h"
#include "signaling/io/stun_query.h"
#include "signaling/wire/url.h"

namespace fovea::app {
namespace {

// LiveKit's, so that its configurations mean the same.
constexpr const char* kPublicServers[] = {"stun.l.google.com:19302", "stun1.l.google.com:19302"};

}  // namespace

StunEndpoint ParseStunServer(const std::string& server) {
  StunEndpoint out;
  out.host = server.starts_with("stun:") ? server.substr(5) : server;
  if (const auto url = wire::ParseHttpUrl("http://" + out.host)) {
    const std::size_t bracket = out.host.rfind(']');
    const std::size_t colon = out.host.rfind(':');
    const bool has_port =
        colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
    if (has_port) out.port = url->port;
    out.host = url->host;
  }
  return out;
}

std::vector<std::string> StunServersOf(const Config& config) {
  std::vector<std::string> out;
  for (const livekit::IceServer& server : config.server.ice_servers) {
    for (const std::string& url : server.urls) {
      if (url.starts_with("stun:")) out.push_back(url);
    }
  }
  if (out.empty()) out.assign(std::begin(kPublicServers), std::end(kPublicServers));
  return out;
}

std::optional<std::string> FindExternalAddress(const std::vector<std::string>& servers,
                                               LogSink& log) {
  bool is_interrupted = false;
  std::optional<NetAddress> seen;
  io::EventLoop* running = nullptr;
  io::EventLoop loop({.on_wake = [] {},
                      .before_sleep = [] { return false; },
                      .on_signal =
                          [&](int) {
                            is_interrupted = true;
                            running->Stop();
                          }});
  running = &loop;
  for (const std::string& server : servers) {
    const StunEndpoint endpoint = ParseStunServer(server);
    io::StunQuery::Options options{.host = endpoint.host, .port = endpoint.port};
    crypto::RandomBytes(options.id);
    const io::StunQuery query(loop.uv(), std::move(options), [&](auto answer) {
      seen = answer;
      loop.Stop();
    });
    loop.Run();
    if (seen || is_interrupted) break;
    log.Log(LogLevel::kWarn, "no answer from STUN server " + server);
  }
  loop.Drain();
  if (seen) return seen->IpString();
  log.Log(LogLevel::kWarn,
          "rtc.use_external_ip: the external address is not known, clients elsewhere may get no "
          "media; name it in rtc.node_ip");
  return std::nullopt;
}

std::vector<std::string> WithExternalAddress(const std::string& found, const RtcConfig& rtc,
                                             std::vector<std::string> own) {
  if (rtc.external_ip_only || !rtc.advertise_internal_ip) return {found};
  std::erase(own, found);
  own.insert(own.begin(), found);
  return own;
}

}  // namespace fovea::app
