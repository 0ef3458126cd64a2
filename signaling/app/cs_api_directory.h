// Where homeservers' client-server APIs are: as configured, else as their own well-known document
// says, remembered for a while. Thread: signaling.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "signaling/app/leave_ports.h"

namespace fovea::app {

struct CsApiDirectoryConfig {
  // Server name to URL: the own homeserver's, and federation.cs_api.
  std::map<std::string, std::string> configured;
};

// Limit: kCsApisCachedMax servers; beyond, the one that expires first is forgotten.
class CsApiDirectory : public CsApiResolver {
 public:
  // `http` may be null: then only configured servers are known. It outlives this object.
  CsApiDirectory(CsApiDirectoryConfig config, GuardedHttp* http);

  void Resolve(const std::string& server_name, OnResolved on_resolved) override;

 private:
  struct Cached {
    std::optional<std::string> base_url;
    Instant expires_at;
  };
  void Fetch(const std::string& server_name, const std::string& url, int redirects_left);
  void HandleDocument(const std::string& server_name, const std::string& url, int redirects_left,
                      const std::optional<wire::HttpResponse>& response);
  void End(const std::string& server_name, std::optional<std::string> base_url);

  const CsApiDirectoryConfig config_;
  GuardedHttp* const http_;
  std::map<std::string, Cached> cache_;
  std::map<std::string, std::vector<OnResolved>> waiting_;  // one fetch for all who ask
};

}  // namespace fovea::app
