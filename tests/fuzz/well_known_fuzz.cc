// Well-known documents, and what discovery makes of the name in one.
// fuzz-deps: signaling_matrix
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sfu/core/check.h"
#include "signaling/matrix/server_discovery.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using fovea::matrix::ResolvedServer;
  using fovea::matrix::ServerDiscovery;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const fovea::Duration lifetime = fovea::matrix::WellKnownLifetime(body);
  FOVEA_CHECK(lifetime >= fovea::matrix::kWellKnownLifetimeMin);
  FOVEA_CHECK(lifetime <= fovea::matrix::kWellKnownLifetimeMax);
  const auto server = fovea::matrix::ParseWellKnownServer(body);
  if (!server) return 0;
  FOVEA_CHECK(fovea::matrix::ServerName::Parse(server->text) == server);
  ServerDiscovery discovery(*fovea::matrix::ServerName::Parse("example.com"));
  discovery.HandleWellKnown(server, lifetime);
  // At most two SRV look-ups follow.
  for (int i = 0; i < 2 && !std::holds_alternative<ResolvedServer>(discovery.step()); ++i) {
    discovery.HandleSrv({});
  }
  const auto& resolved = std::get<ResolvedServer>(discovery.step());
  FOVEA_CHECK(resolved.endpoints.size() == 1 && resolved.endpoints.front().port != 0);
  FOVEA_CHECK(resolved.host_header == server->text && resolved.tls_name == server->host);
  return 0;
}
