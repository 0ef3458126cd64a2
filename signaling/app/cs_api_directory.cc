#include "signaling/app/cs_api_directory.h"

#include <algorithm>
#include <utility>

#include "sfu/core/limits.h"
#include "sfu/io/system_clock.h"
#include "signaling/matrix/client_well_known.h"

namespace fovea::app {
namespace {

constexpr Duration kFoundLifetime = Seconds(4 * 3600);
// A server that is just down is asked again soon, but not by every token request.
constexpr Duration kNotFoundLifetime = Seconds(60);
constexpr Duration kTimeout = Seconds(5);

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

CsApiDirectory::CsApiDirectory(CsApiDirectoryConfig config, GuardedHttp* http)
    : config_(std::move(config)), http_(http) {}

void CsApiDirectory::Resolve(const std::string& server_name, OnResolved on_resolved) {
  const auto configured = config_.configured.find(server_name);
  if (configured != config_.configured.end()) {
    return on_resolved(CsApi{configured->second, /*is_discovered=*/false});
  }
  if (http_ == nullptr) return on_resolved(std::nullopt);
  const auto cached = cache_.find(server_name);
  if (cached != cache_.end() && cached->second.expires_at > io::MonotonicNow()) {
    if (!cached->second.base_url.has_value()) return on_resolved(std::nullopt);
    return on_resolved(CsApi{*cached->second.base_url, /*is_discovered=*/true});
  }
  const auto [waiting, is_first] = waiting_.try_emplace(server_name);
  waiting->second.push_back(std::move(on_resolved));
  if (!is_first) return;
  Fetch(server_name, "https://" + server_name + "/.well-known/matrix/client",
        limits::kWellKnownRedirectsMax);
}

void CsApiDirectory::Fetch(const std::string& server_name, const std::string& url,
                           int redirects_left) {
  const auto parsed = wire::ParseHttpUrl(url);
  if (!parsed.has_value() || !parsed->tls) return End(server_name, std::nullopt);
  wire::OutgoingRequest request;
  request.url = *parsed;
  http_->Start(
      std::move(request), kTimeout,
      [this, server_name, url, redirects_left](const std::optional<wire::HttpResponse>& response) {
        HandleDocument(server_name, url, redirects_left, response);
      });
}

void CsApiDirectory::HandleDocument(const std::string& server_name, const std::string& url,
                                    int redirects_left,
                                    const std::optional<wire::HttpResponse>& response) {
  if (!response.has_value()) return End(server_name, std::nullopt);
  const auto location = response->Header("Location");
  if (IsRedirect(response->status) && location.has_value() && redirects_left > 0) {
    std::string next(*location);
    // A path of the same server, or a URL of its own.
    if (next.starts_with('/') && !next.starts_with("//")) {
      next = url.substr(0, url.find('/', std::string_view("https://").size())) + next;
    }
    return Fetch(server_name, next, redirects_left - 1);
  }
  if (response->status != 200 || response->body.size() > limits::kWellKnownBytesMax) {
    return End(server_name, std::nullopt);
  }
  End(server_name, matrix::ReadHomeserverUrl(response->body));
}

void CsApiDirectory::End(const std::string& server_name, std::optional<std::string> base_url) {
  const Duration lifetime = base_url.has_value() ? kFoundLifetime : kNotFoundLifetime;
  if (cache_.size() >= limits::kCsApisCachedMax && !cache_.contains(server_name)) {
    cache_.erase(std::min_element(cache_.begin(), cache_.end(), [](const auto& a, const auto& b) {
      return a.second.expires_at < b.second.expires_at;
    }));
  }
  cache_[server_name] = {base_url, io::MonotonicNow() + lifetime};
  auto waiting = waiting_.extract(server_name);
  for (const OnResolved& on_resolved : waiting.mapped()) {
    on_resolved(base_url.has_value() ? std::optional(CsApi{*base_url, /*is_discovered=*/true})
                                     : std::nullopt);
  }
}

}  // namespace fovea::app
