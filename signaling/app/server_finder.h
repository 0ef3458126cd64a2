// Finds where a Matrix server listens for other servers, and remembers it: runs
// matrix::ServerDiscovery over HTTP and DNS. Thread: signaling.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "signaling/io/http_client.h"
#include "signaling/io/srv_lookup.h"
#include "signaling/matrix/server_discovery.h"

namespace fovea::app {

// Every connection goes through `may_connect`, redirected ones too. Several who ask for one server
// share a search. Limits: kServersFoundMax servers, the first to expire goes; kServerSearchesMax
// searches, more are answered with nothing.
class ServerFinder {
 public:
  static constexpr Duration kWellKnownTimeout = Seconds(4);
  static constexpr Duration kCacheMax = Seconds(3600);  // so that a change of DNS is noticed

  using MayConnect = std::function<bool(const NetAddress&)>;
  using OnFound = std::function<void(const matrix::ResolvedServer*)>;  // null: too many searches

  // `http` outlives this object.
  ServerFinder(uv_loop_t* loop, io::HttpClient& http, MayConnect may_connect);
  ~ServerFinder();

  // Calls back once, at once or later.
  void Find(Instant now, const matrix::ServerName& name, OnFound on_found);
  // What was found proved wrong: nobody was there.
  void Forget(const std::string& server_name) { cache_.erase(server_name); }

 private:
  struct Search;
  struct Cached {
    matrix::ResolvedServer server;
    Instant expires_at;
  };
  void Continue(const std::string& name);
  void FetchWellKnown(const std::string& name, const std::string& url, int redirects_left);
  void HandleWellKnown(const std::string& name, const std::string& url, int redirects_left,
                       const Result<wire::HttpResponse, io::HttpClientError>& result);
  void HandleSrv(const std::string& name, const std::vector<io::SrvAnswer>& answers);
  void Remember(Instant now, const std::string& name, const matrix::ResolvedServer& server);

  uv_loop_t* const loop_;
  io::HttpClient& http_;
  const MayConnect may_connect_;
  std::map<std::string, std::unique_ptr<Search>> searches_;
  std::map<std::string, Cached> cache_;
};

// Where an https redirect leads; nothing unless it leads to https too.
[[nodiscard]] std::optional<std::string> RedirectTarget(const std::string& url,
                                                        const wire::HttpResponse& response);

}  // namespace fovea::app
