// The addresses that the focus serves HTTP on, plain and TLS, and the certificate that TLS shows,
// which can be replaced while connections are open. Thread: signaling.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sfu/core/log.h"
#include "sfu/core/net_address.h"
#include "signaling/app/config.h"
#include "signaling/io/http_server.h"
#include "signaling/io/tls.h"

namespace fovea::app {

// Outlives the HttpServer that it opened listeners on.
class Listeners {
 public:
  Listeners(const Config& config, LogSink& log) : config_(config), log_(log) {}
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  // The error is a sentence for the operator.
  [[nodiscard]] std::optional<std::string> Open(io::HttpServer& http);
  // Reads the certificate and key again. New connections get the new one; the open ones keep
  // theirs. Files that cannot be used leave everything as it is, with an error in the log.
  void ReloadCertificate();

  [[nodiscard]] const std::vector<NetAddress>& plain() const { return plain_; }
  [[nodiscard]] const std::vector<NetAddress>& tls() const { return tls_addresses_; }

 private:
  [[nodiscard]] std::optional<std::string> OpenMain(io::HttpServer& http);
  [[nodiscard]] std::optional<std::string> OpenPort(io::HttpServer& http,
                                                    const std::vector<std::string>& addresses,
                                                    std::uint16_t port, bool encrypted,
                                                    std::vector<NetAddress>& bound);

  const Config& config_;
  LogSink& log_;
  std::optional<io::TlsServer> tls_;
  std::vector<NetAddress> plain_;
  std::vector<NetAddress> tls_addresses_;
};

}  // namespace fovea::app
