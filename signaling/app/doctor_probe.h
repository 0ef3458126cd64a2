// One request that `fovea doctor` made and what came of it, and who makes them. Thread: plain
// values, any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "signaling/io/certificate.h"
#include "signaling/wire/http_message.h"
#include "signaling/wire/json.h"

namespace fovea::app {

// Whose certificate is expected: the homeserver's, by the configuration; a public one, as browsers
// would have it; or that of this machine, where any will do.
enum class Peer { kHomeserver, kPublic, kLocal };

struct ProbeRequest {
  Peer peer = Peer::kHomeserver;
  wire::HttpMethod method = wire::HttpMethod::kGet;
  std::string url;
  wire::HttpHeaders headers = {};
  std::string body = {};
};

struct Probe {
  std::string url;  // without its query, which may hold a token
  std::optional<wire::HttpResponse> response;
  std::string error = {};                          // why there is no response
  std::optional<io::CertificateFacts> shown = {};  // by the server, if it speaks TLS

  [[nodiscard]] int status() const { return response.has_value() ? response->status : 0; }
};

// Waits for the answer.
using Fetch = std::function<Probe(const ProbeRequest&)>;

// The object in the answer; an empty one if there is none.
[[nodiscard]] nlohmann::json BodyOf(const Probe& probe);
// A text of that object; empty if it has none by that name.
[[nodiscard]] std::string TextOf(const nlohmann::json& object, const char* key);
// "https://host/path answered 404 (M_NOT_FOUND)", or why it did not answer.
[[nodiscard]] std::string Describe(const Probe& probe);

}  // namespace fovea::app
