// What an operator sets about Matrix: the homeserver, who may do what, federation, state. Blocks of
// the YAML file, and the environment variables of lk-jwt-service, which Fovea takes the place of.
// Thread: plain values and pure functions, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sfu/core/time.h"
#include "signaling/app/config_error.h"

namespace fovea::app {

struct Config;
class Section;
struct Surroundings;

// The homeserver that this focus belongs to.
struct HomeserverConfig {
  std::string name;     // as in user ids; empty: the focus serves no Matrix users
  std::string url;      // its client-server API from here, without a slash at the end
  std::string ca_file;  // PEM; who vouches for `url`; empty: the system's bundle
  // Of an account that is in the rooms: membership comes by /sync. Not needed, and not used, with
  // an application service.
  std::string access_token;
  std::string access_token_file;  // read at start
  // Set: the focus serves /.well-known/matrix/client itself, completing the document at `upstream`,
  // with `base_url` as m.homeserver.base_url where that has none.
  std::string well_known_upstream;
  std::string well_known_base_url;
};

// Fovea's registration as an application service there.
struct AppserviceConfig {
  std::string id = "fovea";
  std::string sender_localpart = "fovea";
  std::string as_token;           // we to the homeserver
  std::string hs_token;           // the homeserver to us; empty: its routes are not served
  std::string as_token_file;      // read at start
  std::string hs_token_file;      // read at start
  std::string registration_file;  // the same file that the homeserver has; read at start
};

struct RateLimitConfig {
  std::uint32_t per_second = 10;  // token requests of one address; 0: no limit
  std::uint32_t burst = 30;
};

// Who is given a token, and what it permits.
struct AccessConfig {
  std::string public_url;  // wss://..., what clients are told; empty: from each request
  // Servers whose users may open rooms, publish and delegate; "*" is everybody. Empty:
  // homeserver.name alone.
  std::vector<std::string> full_access_homeservers;
  // Whether users of other servers may publish. Unset: no, but yes in front of another LiveKit
  // server, as the reference service has it.
  std::optional<bool> restricted_can_publish;
  bool open_room_creation = false;  // room_creation: open; users of other servers open rooms too
  bool deny_unknown_rooms = false;  // unknown_room: deny; rooms that the homeserver does not know
  bool slots_bind_openid = false;   // closed slots bind tokens of /get_token, too
  bool delegation = false;          // take over clients' delayed leave events
  bool can_update_own_metadata = true;
  Duration token_ttl = Seconds(3600);
  RateLimitConfig rate_limit;
  // Whose X-Forwarded-For is believed: reverse proxies. These by default.
  std::vector<std::string> trusted_proxies = {"127.0.0.0/8",   "::1/128",        "10.0.0.0/8",
                                              "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"};
};

struct FederationConfig {
  std::vector<std::string> allow_networks;     // CIDR; open in spite of the egress policy
  std::string ca_file;                         // PEM; beside, not instead of, the system's bundle
  bool insecure_skip_verify_tls = false;       // for tests only
  std::map<std::string, std::string> servers;  // server name to https URL of its federation API
  std::map<std::string, std::string> cs_api;   // server name to URL of its client-server API
};

struct StateConfig {
  std::string file;  // SQLite; empty: state lives as long as the process
};

// Another LiveKit server that tokens are for: Fovea is its token service only then.
struct ExternalConfig {
  std::string url;  // LIVEKIT_URL; empty: rooms are here
  std::string redis_url;
  std::string redis_password;                 // where the URL holds none
  std::uint32_t sanity_check_interval_s = 0;  // 0: no polling
};

// Whether there is anybody to give tokens to.
[[nodiscard]] bool ServesMatrix(const Config& config);
// How the homeserver tells who is in the rooms.
enum class Watching : std::uint8_t { kNothing, kAppservice, kSync };
[[nodiscard]] Watching WatchingOf(const Config& config);
// Whether users of that server have full access.
[[nodiscard]] bool HasFullAccess(const Config& config, const std::string& server_name);

// The blocks `homeserver`, `appservice`, `access`, `federation` and `state`.
void ReadMatrix(Section& top, Config& config);

// Files that the blocks name, and lk-jwt-service's variables, which win over the file.
[[nodiscard]] std::optional<ConfigError> ApplyMatrixSurroundings(const Surroundings& surroundings,
                                                                 Config& config);

}  // namespace fovea::app
