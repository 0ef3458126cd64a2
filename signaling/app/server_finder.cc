#include "signaling/app/server_finder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "sfu/core/limits.h"
#include "sfu/io/system_clock.h"
#include "signaling/wire/url.h"

namespace fovea::app {

struct ServerFinder::Search {
  explicit Search(const matrix::ServerName& name) : discovery(name) {}
  matrix::ServerDiscovery discovery;
  std::vector<OnFound> waiting;
  std::unique_ptr<io::SrvLookup> srv;
};

ServerFinder::ServerFinder(uv_loop_t* loop, io::HttpClient& http, MayConnect may_connect)
    : loop_(loop), http_(http), may_connect_(std::move(may_connect)) {}
ServerFinder::~ServerFinder() = default;

void ServerFinder::Find(Instant now, const matrix::ServerName& name, OnFound on_found) {
  if (const auto cached = cache_.find(name.text); cached != cache_.end()) {
    if (now < cached->second.expires_at) {
      const matrix::ResolvedServer server = cached->second.server;
      return on_found(&server);
    }
    cache_.erase(cached);
  }
  if (const auto running = searches_.find(name.text); running != searches_.end()) {
    running->second->waiting.push_back(std::move(on_found));
    return;
  }
  auto search = std::make_unique<Search>(name);
  if (const auto* done = std::get_if<matrix::ResolvedServer>(&search->discovery.step())) {
    return on_found(done);  // an address or a port: nothing to look up, nothing to remember
  }
  if (searches_.size() >= limits::kServerSearchesMax) return on_found(nullptr);
  search->waiting.push_back(std::move(on_found));
  searches_.emplace(name.text, std::move(search));
  Continue(name.text);
}

void ServerFinder::Continue(const std::string& name) {
  const auto it = searches_.find(name);
  if (it == searches_.end()) return;
  Search& search = *it->second;
  const matrix::ServerDiscovery::Step step = search.discovery.step();
  if (const auto* fetch = std::get_if<matrix::ServerDiscovery::FetchWellKnown>(&step)) {
    FetchWellKnown(name, "https://" + fetch->host + "/.well-known/matrix/server",
                   limits::kWellKnownRedirectsMax);
  } else if (const auto* srv = std::get_if<matrix::ServerDiscovery::LookUpSrv>(&step)) {
    // The one before has called back, so it is done with; it may be replaced from its own callback.
    search.srv = std::make_unique<io::SrvLookup>(
        loop_, srv->name, [this, name](const std::vector<io::SrvAnswer>& answers) {
          HandleSrv(std::string(name), answers);
        });
  } else {
    const auto& server = std::get<matrix::ResolvedServer>(step);
    Remember(io::MonotonicNow(), name, server);
    const std::vector<OnFound> waiting = std::move(search.waiting);
    searches_.erase(it);
    for (const OnFound& on_found : waiting) on_found(&server);
  }
}

void ServerFinder::FetchWellKnown(const std::string& name, const std::string& url,
                                  int redirects_left) {
  const std::optional<wire::HttpUrl> parsed = wire::ParseHttpUrl(url);
  const auto it = searches_.find(name);
  if (it == searches_.end()) return;
  if (!parsed || !parsed->tls) {
    it->second->discovery.HandleWellKnown(std::nullopt, Duration(0));
    return Continue(name);
  }
  io::HttpCallOptions options;
  options.timeout = kWellKnownTimeout;
  options.response_bytes_max = limits::kWellKnownBytesMax;
  options.may_connect = may_connect_;
  http_.Start({.method = wire::HttpMethod::kGet, .url = *parsed}, std::move(options),
              [this, name, url, redirects_left](const auto& result) {
                HandleWellKnown(name, url, redirects_left, result);
              });
}

void ServerFinder::HandleWellKnown(const std::string& name, const std::string& url,
                                   int redirects_left,
                                   const Result<wire::HttpResponse, io::HttpClientError>& result) {
  const auto it = searches_.find(name);
  if (it == searches_.end()) return;
  if (result.ok() && redirects_left > 0) {
    if (const auto target = RedirectTarget(url, *result)) {
      return FetchWellKnown(name, *target, redirects_left - 1);
    }
  }
  std::optional<matrix::ServerName> delegated;
  Duration lifetime{};
  if (result.ok() && result->status == 200) {
    delegated = matrix::ParseWellKnownServer(result->body);
    lifetime = matrix::WellKnownLifetime(result->Header("cache-control"));
  }
  it->second->discovery.HandleWellKnown(std::move(delegated), lifetime);
  Continue(name);
}

void ServerFinder::HandleSrv(const std::string& name, const std::vector<io::SrvAnswer>& answers) {
  const auto it = searches_.find(name);
  if (it == searches_.end()) return;
  std::vector<matrix::SrvRecord> records;
  for (const io::SrvAnswer& answer : answers) {
    records.push_back({answer.priority, answer.weight, answer.port, answer.target});
  }
  matrix::SortSrvRecords(records);
  it->second->discovery.HandleSrv(records);
  Continue(name);
}

void ServerFinder::Remember(Instant now, const std::string& name,
                            const matrix::ResolvedServer& server) {
  if (cache_.size() >= limits::kServersFoundMax) {
    cache_.erase(std::min_element(cache_.begin(), cache_.end(), [](const auto& a, const auto& b) {
      return a.second.expires_at < b.second.expires_at;
    }));
  }
  cache_.insert_or_assign(name, Cached{server, now + std::min(server.lifetime, kCacheMax)});
}

std::optional<std::string> RedirectTarget(const std::string& url,
                                          const wire::HttpResponse& response) {
  switch (response.status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      break;
    default:
      return std::nullopt;
  }
  const std::string location(response.Header("location").value_or(""));
  std::string target = location;
  if (location.starts_with('/') && !location.starts_with("//")) {
    const std::optional<wire::HttpUrl> base = wire::ParseHttpUrl(url);
    if (!base) return std::nullopt;
    target = "https://" + base->HostHeader() + location;
  }
  const std::optional<wire::HttpUrl> parsed = wire::ParseHttpUrl(target);
  return parsed && parsed->tls ? std::optional(target) : std::nullopt;
}

}  // namespace fovea::app
