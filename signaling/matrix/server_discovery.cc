#include "signaling/matrix/server_discovery.h"

#include <algorithm>
#include <charconv>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "signaling/wire/json.h"

namespace fovea::matrix {

void SortSrvRecords(std::vector<SrvRecord>& records) {
  std::erase_if(records, [](const SrvRecord& r) { return r.target.empty() || r.target == "."; });
  std::stable_sort(records.begin(), records.end(), [](const SrvRecord& a, const SrvRecord& b) {
    return std::pair(a.priority, -int{a.weight}) < std::pair(b.priority, -int{b.weight});
  });
}

std::optional<ServerName> ParseWellKnownServer(std::string_view body) {
  if (body.size() > limits::kWellKnownBytesMax) return std::nullopt;
  const auto document = wire::ParseJson(body);
  if (!document || !document->is_object()) return std::nullopt;
  const auto server = document->find("m.server");
  if (server == document->end() || !server->is_string()) return std::nullopt;
  return ServerName::Parse(server->get_ref<const std::string&>());
}

Duration WellKnownLifetime(std::optional<std::string_view> cache_control) {
  if (!cache_control) return kWellKnownLifetimeDefault;
  if (cache_control->find("no-store") != std::string_view::npos ||
      cache_control->find("no-cache") != std::string_view::npos) {
    return kWellKnownLifetimeMin;
  }
  constexpr std::string_view kMaxAge = "max-age=";
  const std::size_t at = cache_control->find(kMaxAge);
  if (at == std::string_view::npos) return kWellKnownLifetimeDefault;
  const std::string_view digits = cache_control->substr(at + kMaxAge.size());
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (error == std::errc::result_out_of_range) return kWellKnownLifetimeMax;
  if (error != std::errc()) return kWellKnownLifetimeDefault;
  return std::clamp<Duration>(Seconds(seconds), kWellKnownLifetimeMin, kWellKnownLifetimeMax);
}

ServerDiscovery::ServerDiscovery(const ServerName& name) : name_(name) {
  if (name.is_address || name.port) {
    lifetime_ = kWellKnownLifetimeMax;  // the name says it all
    Finish({{name.host, name.port.value_or(kFederationPort)}});
  } else {
    step_ = FetchWellKnown{name.host};
  }
}

void ServerDiscovery::HandleWellKnown(std::optional<ServerName> delegated, Duration lifetime) {
  FOVEA_CHECK(std::holds_alternative<FetchWellKnown>(step_));
  if (delegated) {
    name_ = *std::move(delegated);
    lifetime_ = lifetime;
  }
  // A delegated name is not delegated again.
  if (name_.is_address || name_.port) {
    Finish({{name_.host, name_.port.value_or(kFederationPort)}});
  } else {
    step_ = LookUpSrv{"_matrix-fed._tcp." + name_.host};
  }
}

void ServerDiscovery::HandleSrv(const std::vector<SrvRecord>& records) {
  FOVEA_CHECK(std::holds_alternative<LookUpSrv>(step_));
  if (!records.empty()) {
    std::vector<Endpoint> endpoints;
    for (const SrvRecord& record : records) endpoints.push_back({record.target, record.port});
    Finish(std::move(endpoints));
  } else if (!old_service_) {
    old_service_ = true;
    step_ = LookUpSrv{"_matrix._tcp." + name_.host};
  } else {
    Finish({{name_.host, kFederationPort}});
  }
}

void ServerDiscovery::Finish(std::vector<Endpoint> endpoints) {
  step_ = ResolvedServer{.endpoints = std::move(endpoints),
                         .host_header = name_.text,
                         .tls_name = name_.host,
                         .lifetime = lifetime_};
}

}  // namespace fovea::matrix
