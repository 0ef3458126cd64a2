#include "signaling/matrix/client_well_known.h"

#include "sfu/core/limits.h"
#include "signaling/wire/json.h"
#include "signaling/wire/url.h"

namespace fovea::matrix {
namespace {}  // namespace

std::optional<std::string> ReadHomeserverUrl(std::string_view well_known) {
  const auto json = wire::ParseJson(well_known);
  if (!json.has_value() || !json->is_object()) return std::nullopt;
  const auto homeserver = json->find("m.homeserver");
  if (homeserver == json->end() || !homeserver->is_object()) return std::nullopt;
  const auto base_url = homeserver->find("base_url");
  if (base_url == homeserver->end() || !base_url->is_string()) return std::nullopt;
  std::string url = base_url->get<std::string>();
  if (url.size() > limits::kHomeserverUrlBytesMax || url.find_first_of("?#") != std::string::npos) {
    return std::nullopt;
  }
  const auto parsed = wire::ParseHttpUrl(url);
  if (!parsed.has_value() || !parsed->tls) return std::nullopt;
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace fovea::matrix
