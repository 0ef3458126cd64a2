#include "signaling/app/token_front.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "sfu/io/interfaces.h"
#include "sfu/io/system_clock.h"
#include "signaling/app/asking_mint_policy.h"
#include "signaling/matrix/egress_policy.h"

namespace fovea::app {
namespace {

matrix::EgressPolicy PolicyOf(const FederationConfig& federation) {
  std::vector<matrix::Cidr> allowed;
  for (const std::string& range : federation.allow_networks) {
    if (const auto parsed = matrix::Cidr::Parse(range)) allowed.push_back(*parsed);
  }
  std::vector<NetAddress> own;
  for (const std::string& ip : io::InterfaceAddresses(io::Loopback::kInclude)) {
    if (const auto address = NetAddress::Parse(ip, 0)) own.push_back(*address);
  }
  return {std::move(allowed), std::move(own)};
}

// Servers that the operator named are not held up by those that others name.
bool IsNamed(const Config& config, const std::string& server_name) {
  if (server_name == config.homeserver.name) return true;
  if (config.federation.servers.contains(server_name)) return true;
  const std::vector<std::string>& names = config.access.full_access_homeservers;
  return std::find(names.begin(), names.end(), server_name) != names.end();
}

FederationClientOptions OptionsOf(const Config& config) {
  FederationClientOptions options;
  options.own_server_name = config.homeserver.name;
  options.own_server_url = config.homeserver.url;
  options.servers = config.federation.servers;
  options.policy = PolicyOf(config.federation);
  options.is_trusted = [&config](const std::string& name) { return IsNamed(config, name); };
  return options;
}

CsApiDirectoryConfig DirectoryOf(const Config& config) {
  CsApiDirectoryConfig out;
  out.configured = config.federation.cs_api;
  if (!config.homeserver.url.empty()) {
    out.configured.try_emplace(config.homeserver.name, config.homeserver.url);
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<TokenFront>, std::string> TokenFront::Make(Parts parts) {
  std::unique_ptr<TokenFront> front(new TokenFront);
  const Config& config = parts.config;
  const FederationConfig& federation = config.federation;
  Result<io::TlsClient, std::string> tls =
      io::TlsClient::Make(io::TlsTrust{.ca_file = federation.ca_file,
                                       .with_system = true,
                                       .verify = !federation.insecure_skip_verify_tls});
  if (!tls.ok()) return Failure{"federation: " + tls.error()};
  front->federation_tls_.emplace(*std::move(tls));
  Result<io::TlsClient, std::string> own =
      io::TlsClient::Make(io::TlsTrust{.ca_file = config.homeserver.ca_file,
                                       .with_system = true,
                                       .verify = !federation.insecure_skip_verify_tls});
  if (!own.ok()) return Failure{"homeserver: " + own.error()};
  front->own_tls_.emplace(*std::move(own));
  front->federation_ = std::make_unique<FederationClient>(
      parts.loop, OptionsOf(config), &*front->federation_tls_, &*front->own_tls_);
  front->cs_api_ = std::make_unique<CsApiDirectory>(DirectoryOf(config), front->federation_.get());
  if (!config.homeserver.name.empty() && !config.appservice.as_token.empty()) {
    front->homeserver_ = std::make_unique<HomeserverClient>(parts.loop, config.homeserver,
                                                            config.appservice, &*front->own_tls_);
  }
  front->policy_ = std::move(parts.policy);
  if (front->policy_ == nullptr) {
    front->policy_ = std::make_unique<AskingMintPolicy>(front->homeserver_.get());
  }
  front->service_ = std::make_unique<TokenService>(
      config, TokenService::Ports{.federation = *front->federation_,
                                  .policy = *front->policy_,
                                  .homeserver = front->homeserver_.get(),
                                  .open_room = std::move(parts.open_room),
                                  .delegation = nullptr,
                                  .log = parts.log,
                                  .now_unix = [] { return io::WallNow().value / 1'000'000; },
                                  .on_answered = std::move(parts.on_answered)});
  return front;
}

}  // namespace fovea::app
