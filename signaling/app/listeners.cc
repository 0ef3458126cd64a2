#include "signaling/app/listeners.h"

#include <utility>

namespace fovea::app {

std::optional<std::string> Listeners::Open(io::HttpServer& http) {
  if (auto error = OpenMain(http)) return error;
  for (const ListenerConfig& extra : config_.extra_listeners) {
    std::vector<NetAddress> bound;
    if (auto error = OpenPort(http, {extra.address}, extra.port, false, bound)) return error;
    plain_.insert(plain_.end(), bound.begin(), bound.end());
  }
  return std::nullopt;
}

std::optional<std::string> Listeners::OpenMain(io::HttpServer& http) {
  const TlsConfig& tls = config_.tls;
  const std::vector<std::string>& all = config_.bind_addresses;
  if (tls.cert_file.empty()) return OpenPort(http, all, config_.port, false, plain_);
  Result<io::TlsServer, std::string> server = io::TlsServer::Make(tls.cert_file, tls.key_file);
  if (!server.ok()) return "tls: " + server.error();
  tls_.emplace(std::move(*server));
  if (tls.port == 0) return OpenPort(http, all, config_.port, true, tls_addresses_);
  if (auto error = OpenPort(http, all, config_.port, false, plain_)) return error;
  return OpenPort(http, all, tls.port, true, tls_addresses_);
}

std::optional<std::string> Listeners::OpenPort(io::HttpServer& http,
                                               const std::vector<std::string>& addresses,
                                               std::uint16_t port, bool encrypted,
                                               std::vector<NetAddress>& bound) {
  io::HttpServer::StreamWrapper wrap;
  if (encrypted) {
    wrap = [this](std::unique_ptr<io::ByteStream> raw) { return tls_->Wrap(std::move(raw)); };
  }
  for (const std::string& text : addresses) {
    const std::optional<NetAddress> address = NetAddress::Parse(text.empty() ? "::" : text, port);
    if (!address.has_value()) return "bind address \"" + text + "\" is not an IP address";
    Result<NetAddress, std::string> got = http.Listen(*address, wrap);
    if (!got.ok() && text.empty())
      got = http.Listen(NetAddress::V4(0, port), wrap);  // no IPv6 here
    if (!got.ok() && text == "::1" && !bound.empty()) {
      // Development listens on both loopback addresses; a machine without IPv6 has only one.
      log_.Log(LogLevel::kInfo, got.error() + "; listening without it");
      continue;
    }
    if (!got.ok()) return got.error();
    bound.push_back(*got);
    port = got->port;  // with port 0 the other addresses take the port that the first one got
  }
  return std::nullopt;
}

void Listeners::ReloadCertificate() {
  if (!tls_.has_value()) {
    log_.Log(LogLevel::kInfo, "SIGHUP: no TLS certificate is configured, nothing to reload");
    return;
  }
  Result<io::TlsServer, std::string> server =
      io::TlsServer::Make(config_.tls.cert_file, config_.tls.key_file);
  if (!server.ok()) {
    log_.Log(LogLevel::kError, "the certificate stays as it is: " + server.error());
    return;
  }
  tls_.emplace(std::move(*server));
  log_.Log(LogLevel::kInfo, "certificate read again from " + config_.tls.cert_file);
}

}  // namespace fovea::app
