#include "signaling/app/federation_client.h"

#include <algorithm>
#include <utility>

#include "sfu/core/limits.h"
#include "sfu/io/system_clock.h"
#include "signaling/wire/url.h"

namespace fovea::app {
namespace {

io::HttpClientOptions OptionsWith(const io::TlsClient* tls) {
  io::HttpClientOptions options;
  if (tls != nullptr) {
    options.wrap_tls = [tls](std::unique_ptr<io::ByteStream> raw, const std::string& host) {
      return tls->Wrap(std::move(raw), host);
    };
  }
  return options;
}

}  // namespace

struct FederationClient::Lookup {
  std::uint64_t id = 0;
  matrix::ServerName server;
  std::string target;  // holds the token
  bool trusted = false;
  OnUser on_user;
  // While under way.
  std::optional<io::HttpCallId> call;
  io::HttpClient* call_owner = nullptr;
  matrix::ResolvedServer resolved;
  std::size_t next_endpoint = 0;
  bool answered = false;  // somebody did, if not usefully
  std::unique_ptr<io::Timer> deadline;
};

FederationClient::FederationClient(uv_loop_t* loop, FederationClientOptions options,
                                   const io::TlsClient* federation_tls,
                                   const io::TlsClient* own_tls)
    : loop_(loop),
      options_(std::move(options)),
      http_(loop, OptionsWith(federation_tls)),
      own_http_(loop, OptionsWith(own_tls)),
      finder_(loop, http_, [this](const NetAddress& to) { return options_.policy.Allows(to); }) {}
FederationClient::~FederationClient() = default;

FederationClient::Lookup* FederationClient::Find(std::uint64_t id) {
  const auto it = lookups_.find(id);
  return it == lookups_.end() ? nullptr : it->second.get();
}

bool FederationClient::HasRoom(const Server& server, bool trusted) const {
  return server.in_flight < limits::kOpenIdChecksPerServerMax &&
         (trusted || strangers_in_flight_ < limits::kOpenIdChecksMax);
}

void FederationClient::LookUpUser(Instant now, const std::string& server_name,
                                  const std::string& access_token, OnUser on_user) {
  std::optional<matrix::ServerName> name = matrix::ServerName::Parse(server_name);
  if (!name) return on_user(Failure{LookupError::kBadServerName});
  if (const auto it = unreachable_until_.find(name->text); it != unreachable_until_.end()) {
    if (now < it->second) return on_user(Failure{LookupError::kUnreachable});
    unreachable_until_.erase(it);
  }
  auto lookup = std::make_unique<Lookup>();
  lookup->id = next_id_++;
  lookup->target = matrix::UserInfoTarget(access_token);
  lookup->trusted = options_.is_trusted && options_.is_trusted(name->text);
  lookup->on_user = std::move(on_user);
  lookup->server = *std::move(name);
  const auto it = servers_.find(lookup->server.text);
  const bool fits = it == servers_.end() ? HasRoom(Server{}, lookup->trusted)
                                         : HasRoom(it->second, lookup->trusted);
  if (fits) return Begin(std::move(lookup));
  if (queued_ >= limits::kOpenIdQueuedMax ||
      (it != servers_.end() && it->second.queue.size() >= limits::kOpenIdQueuedPerServerMax)) {
    return lookup->on_user(Failure{LookupError::kBusy});
  }
  ++queued_;
  servers_[lookup->server.text].queue.push_back(std::move(lookup));
}

void FederationClient::Begin(std::unique_ptr<Lookup> lookup) {
  const std::uint64_t id = lookup->id;
  ++servers_[lookup->server.text].in_flight;
  if (!lookup->trusted) ++strangers_in_flight_;
  lookup->deadline = std::make_unique<io::Timer>(loop_, [this, id] {
    if (const Lookup* late = Find(id)) RememberUnreachable(*late);
    End(id, Failure{LookupError::kUnreachable});
  });
  lookup->deadline->StartOnce(options_.lookup_timeout);
  const std::string name = lookup->server.text;
  lookups_.emplace(id, std::move(lookup));
  const auto configured = options_.servers.find(name);
  if (name == options_.own_server_name && !options_.own_server_url.empty()) {
    AskOwnServer(id);
  } else if (configured != options_.servers.end()) {
    AskConfigured(id, configured->second);
  } else {
    Discover(id);
  }
}

// By the URL that the operator gave, wherever that is. A homeserver whose federation API is
// elsewhere does not know the path; it is looked for like any other then.
void FederationClient::AskOwnServer(std::uint64_t id) {
  const Lookup& lookup = *Find(id);
  std::optional<wire::HttpUrl> url = wire::ParseHttpUrl(options_.own_server_url + lookup.target);
  if (!url) return Discover(id);
  io::HttpCallOptions options;
  options.keep_alive = true;
  options.response_bytes_max = limits::kUserInfoBytesMax;
  options.timeout = options_.lookup_timeout / 2;  // leaves time for the other way
  Call(id, own_http_, {.method = wire::HttpMethod::kGet, .url = *std::move(url)},
       std::move(options), [this, id] { Discover(id); });
}

void FederationClient::AskConfigured(std::uint64_t id, const std::string& base) {
  const Lookup& lookup = *Find(id);
  std::optional<wire::HttpUrl> url = wire::ParseHttpUrl(base + lookup.target);
  if (!url) return End(id, Failure{LookupError::kUnreachable});
  io::HttpCallOptions options;
  options.keep_alive = true;
  options.response_bytes_max = limits::kUserInfoBytesMax;
  options.timeout = options_.lookup_timeout;
  Call(id, http_, {.method = wire::HttpMethod::kGet, .url = *std::move(url)}, std::move(options),
       [this, id] {
         RememberUnreachable(*Find(id));
         End(id, Failure{LookupError::kUnreachable});
       });
}

void FederationClient::Discover(std::uint64_t id) {
  finder_.Find(io::MonotonicNow(), Find(id)->server,
               [this, id](const matrix::ResolvedServer* found) {
                 Lookup* lookup = Find(id);
                 if (lookup == nullptr) return;
                 if (found == nullptr) return End(id, Failure{LookupError::kBusy});
                 lookup->resolved = *found;
                 AskNextEndpoint(id);
               });
}

void FederationClient::AskNextEndpoint(std::uint64_t id) {
  Lookup& lookup = *Find(id);
  const std::size_t count =
      std::min(lookup.resolved.endpoints.size(), limits::kServerEndpointsTriedMax);
  if (lookup.next_endpoint >= count) {
    finder_.Forget(lookup.server.text);
    RememberUnreachable(lookup);
    return End(id, Failure{LookupError::kUnreachable});
  }
  const matrix::Endpoint& endpoint = lookup.resolved.endpoints[lookup.next_endpoint++];
  const std::optional<matrix::ServerName> host =
      matrix::ServerName::Parse(lookup.resolved.host_header);
  if (!host) return End(id, Failure{LookupError::kUnreachable});
  wire::OutgoingRequest request;
  request.method = wire::HttpMethod::kGet;
  // Only what Host is to say; where to connect stands in the options.
  request.url = {
      .tls = true, .host = host->host, .port = host->port.value_or(443), .target = lookup.target};
  io::HttpCallOptions options;
  options.timeout = options_.lookup_timeout;
  options.response_bytes_max = limits::kUserInfoBytesMax;
  options.connect_host = endpoint.host;
  options.connect_port = endpoint.port;
  options.tls_name = lookup.resolved.tls_name;
  options.may_connect = [this](const NetAddress& to) { return options_.policy.Allows(to); };
  options.keep_alive = true;
  Call(id, http_, std::move(request), std::move(options), [this, id] { AskNextEndpoint(id); });
}

// `otherwise`: what to do when nobody answers, or nobody who knows the path.
void FederationClient::Call(std::uint64_t id, io::HttpClient& http, wire::OutgoingRequest request,
                            io::HttpCallOptions options, std::function<void()> otherwise) {
  Lookup& lookup = *Find(id);
  lookup.call_owner = &http;
  lookup.call =
      http.Start(std::move(request), std::move(options),
                 [this, id, otherwise = std::move(otherwise)](const auto& response) {
                   Lookup* waiting = Find(id);
                   if (waiting == nullptr) return;
                   waiting->call.reset();
                   if (!response.ok()) return otherwise();
                   waiting->answered = true;
                   Result<matrix::UserId, matrix::UserInfoError> user =
                       matrix::ReadUserInfo(response->status, response->body, waiting->server);
                   if (user.ok()) return End(id, *std::move(user));
                   switch (user.error()) {
                     case matrix::UserInfoError::kRefused:
                     case matrix::UserInfoError::kMalformed:
                     case matrix::UserInfoError::kForeign:
                       return End(id, Failure{LookupError::kRefused});
                     case matrix::UserInfoError::kServer:
                       // 404: perhaps only the client-server API is there.
                       if (response->status == 404) return otherwise();
                       return End(id, Failure{LookupError::kUnreachable});
                   }
                 });
}

void FederationClient::End(std::uint64_t id, Result<matrix::UserId, LookupError> result) {
  const auto it = lookups_.find(id);
  if (it == lookups_.end()) return;
  const std::unique_ptr<Lookup> lookup = std::move(it->second);
  lookups_.erase(it);
  if (lookup->call) lookup->call_owner->Cancel(*lookup->call);
  if (!lookup->trusted) --strangers_in_flight_;
  const std::string name = lookup->server.text;
  Server& server = servers_[name];
  --server.in_flight;
  if (server.in_flight == 0 && server.queue.empty()) servers_.erase(name);
  lookup->on_user(std::move(result));
  BeginQueued(name);
}

// One that waits for this server; else, as a place among strangers may be free, one of another.
void FederationClient::BeginQueued(const std::string& server_name) {
  if (queued_ == 0) return;
  const auto begin_of = [this](std::map<std::string, Server>::iterator it) {
    Server& server = it->second;
    if (server.queue.empty() || !HasRoom(server, server.queue.front()->trusted)) return false;
    std::unique_ptr<Lookup> next = std::move(server.queue.front());
    server.queue.pop_front();
    --queued_;
    Begin(std::move(next));
    return true;
  };
  const auto same = servers_.find(server_name);
  if (same != servers_.end() && begin_of(same)) return;
  // From behind the one that was served, round, so that no name is always first.
  for (auto it = servers_.upper_bound(server_name); it != servers_.end(); ++it) {
    if (begin_of(it)) return;
  }
  for (auto it = servers_.begin(); it != servers_.upper_bound(server_name); ++it) {
    if (begin_of(it)) return;
  }
}

void FederationClient::RememberUnreachable(const Lookup& lookup) {
  // A trusted homeserver restarts now and then; it is asked again at once.
  if (lookup.trusted || lookup.answered) return;
  const Instant now = io::MonotonicNow();
  if (unreachable_until_.size() >= limits::kServersUnreachableMax) {
    std::erase_if(unreachable_until_, [now](const auto& entry) { return entry.second <= now; });
    if (unreachable_until_.size() >= limits::kServersUnreachableMax) unreachable_until_.clear();
  }
  unreachable_until_.insert_or_assign(lookup.server.text, now + kUnreachableFor);
}

void FederationClient::Start(wire::OutgoingRequest request, Duration timeout, OnDone on_done) {
  io::HttpCallOptions options;
  options.timeout = timeout;
  options.response_bytes_max = limits::kUserInfoBytesMax;
  options.may_connect = [this](const NetAddress& to) { return options_.policy.Allows(to); };
  http_.Start(std::move(request), std::move(options), [done = std::move(on_done)](auto response) {
    done(response.ok() ? std::optional(*std::move(response)) : std::nullopt);
  });
}

}  // namespace fovea::app
