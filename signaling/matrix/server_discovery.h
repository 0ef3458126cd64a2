// Where a Matrix server listens for other servers, from its name. Matrix specification,
// server-server API section 2.1 ("Resolving server names"). Sans-IO: it says what to look up and is
// told what came of it. Thread: signaling.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sfu/core/time.h"
#include "signaling/matrix/ids.h"

namespace fovea::matrix {

inline constexpr std::uint16_t kFederationPort = 8448;
// How long an answer is believed. A day where the server says nothing; an hour where there is no
// document; never so long that a server that moved stays unreachable for days.
inline constexpr Duration kWellKnownLifetimeDefault = Seconds(24 * 3600);
inline constexpr Duration kWellKnownLifetimeMax = Seconds(48 * 3600);
inline constexpr Duration kWellKnownLifetimeMin = Seconds(300);
inline constexpr Duration kNoWellKnownLifetime = Seconds(3600);

struct SrvRecord {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  std::string target;
  friend bool operator==(const SrvRecord&, const SrvRecord&) = default;
};

// RFC 2782: by priority, and within one the heavier first. A lone target of "." means that there is
// no such service.
void SortSrvRecords(std::vector<SrvRecord>& records);

struct Endpoint {
  std::string host;  // a name or an address without brackets
  std::uint16_t port = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// How to talk to a server. What the certificate has to be valid for, and what Host says, is the
// delegated name, never the target of an SRV record: DNS is not to be trusted with that.
struct ResolvedServer {
  std::vector<Endpoint> endpoints;  // in the order to try them
  std::string host_header;          // with brackets and port, where the name has them
  std::string tls_name;             // a name or an address without brackets
  Duration lifetime{};              // how long to believe it
  friend bool operator==(const ResolvedServer&, const ResolvedServer&) = default;
};

// `m.server` of a well-known document. Nothing if it is not JSON of that form or names no server.
[[nodiscard]] std::optional<ServerName> ParseWellKnownServer(std::string_view body);
// From Cache-Control's max-age; other headers that could say it are not looked at.
[[nodiscard]] Duration WellKnownLifetime(std::optional<std::string_view> cache_control);

class ServerDiscovery {
 public:
  // GET https://{host}/.well-known/matrix/server, following kWellKnownRedirectsMax redirects.
  struct FetchWellKnown {
    std::string host;
  };
  struct LookUpSrv {
    std::string name;  // "_matrix-fed._tcp.example.com"
  };
  using Step = std::variant<FetchWellKnown, LookUpSrv, ResolvedServer>;

  explicit ServerDiscovery(const ServerName& name);

  // What is to be done now; ResolvedServer is the end. The reference lives until the next call.
  [[nodiscard]] const Step& step() const { return step_; }

  // REQUIRES: step() is FetchWellKnown. Nothing: no usable document, for whatever reason.
  void HandleWellKnown(std::optional<ServerName> delegated, Duration lifetime);
  // REQUIRES: step() is LookUpSrv. Sorted; empty: no such records, for whatever reason.
  void HandleSrv(const std::vector<SrvRecord>& records);

 private:
  void Finish(std::vector<Endpoint> endpoints);

  ServerName name_;  // what is looked up now: the server's own or the delegated name
  Duration lifetime_ = kNoWellKnownLifetime;
  bool old_service_ = false;  // looking at _matrix._tcp, which came before _matrix-fed._tcp
  Step step_;
};

}  // namespace fovea::matrix
