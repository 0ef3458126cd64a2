#include "signaling/app/doctor_fetch.h"

#include <algorithm>
#include <utility>

#include "sfu/core/limits.h"
#include "sfu/crypto/hmac.h"
#include "sfu/crypto/secret.h"
#include "sfu/io/system_clock.h"
#include "signaling/app/external_address.h"
#include "signaling/io/websocket_client.h"
#include "signaling/livekit/pb.h"

namespace fovea::app {

DoctorLoop::DoctorLoop()
    : loop_({.on_wake = [] {},
             .before_sleep = [] { return false; },
             .on_signal =
                 [this](int) {
                   interrupted_ = true;
                   loop_.Stop();
                 }}) {}

DoctorLoop::~DoctorLoop() {
  for (auto& client : clients_) client.reset();
  loop_.Drain();
}

std::optional<std::string> DoctorLoop::Add(Peer peer, io::TlsTrust trust) {
  trust.on_certificate = [this](const io::CertificateFacts& facts) { shown_ = facts; };
  Result<io::TlsClient, std::string> tls = io::TlsClient::Make(trust);
  if (!tls.ok()) return tls.error();
  auto& client = clients_[static_cast<std::size_t>(peer)];
  client = std::unique_ptr<Client>(new Client(uv(), *std::move(tls)));
  return std::nullopt;
}

Result<std::unique_ptr<DoctorLoop>, std::string> DoctorLoop::Make(
    const Config& config, const std::string& public_ca_file) {
  std::unique_ptr<DoctorLoop> self(new DoctorLoop);
  if (auto error = self->Add(Peer::kPublic, {.ca_file = public_ca_file, .with_system = true})) {
    return Failure{*error};
  }
  if (auto error = self->Add(Peer::kLocal, {.verify = false})) return Failure{*error};
  if (auto error =
          self->Add(Peer::kHomeserver, {.ca_file = config.homeserver.ca_file,
                                        .with_system = true,
                                        .verify = !config.federation.insecure_skip_verify_tls})) {
    return Failure{"homeserver: " + *error};
  }
  return self;
}

Probe DoctorLoop::Get(const ProbeRequest& request) {
  Probe out;
  out.url = request.url.substr(0, request.url.find('?'));
  std::optional<wire::HttpUrl> url = wire::ParseHttpUrl(request.url);
  if (!url.has_value()) {
    out.error = "not an http or https URL";
    return out;
  }
  if (interrupted_) {
    out.error = "interrupted";
    return out;
  }
  wire::OutgoingRequest outgoing{.method = request.method,
                                 .url = *std::move(url),
                                 .headers = request.headers,
                                 .body = request.body};
  shown_.reset();
  bool is_done = false;
  io::HttpClient& client = clients_[static_cast<std::size_t>(request.peer)]->http;
  const io::HttpCallId id = client.Start(std::move(outgoing), kPatience, [&](auto result) {
    is_done = true;
    if (result.ok()) {
      out.response = *std::move(result);
    } else {
      // Whether it was the certificate is known here, and said below.
      out.error = result.error() == io::HttpClientError::kConnect
                      ? "no connection"
                      : std::string(ToString(result.error()));
    }
    loop_.Stop();
  });
  loop_.Run();
  if (!is_done) {
    client.Cancel(id);
    out.error = "interrupted";
  }
  out.shown = shown_;
  if (!out.response.has_value() && shown_.has_value() && !shown_->refusal.empty()) {
    out.error = "the certificate is refused: " + shown_->refusal;
  }
  return out;
}

std::optional<LookupError> DoctorLoop::AskFederation(const std::string& server_name) {
  if (interrupted_) return LookupError::kUnreachable;
  FederationClientOptions options;
  // The operator's own server may be anywhere, also on this machine.
  options.policy =
      matrix::EgressPolicy({*matrix::Cidr::Parse("0.0.0.0/0"), *matrix::Cidr::Parse("::/0")}, {});
  const io::TlsClient& tls = clients_[static_cast<std::size_t>(Peer::kPublic)]->tls;
  FederationClient client(uv(), std::move(options), &tls, &tls);
  std::optional<LookupError> out = LookupError::kUnreachable;
  client.LookUpUser(io::MonotonicNow(), server_name, "fovea-doctor", [&](const auto& user) {
    out = user.ok() ? std::nullopt : std::optional(user.error());
    loop_.Stop();
  });
  loop_.Run();
  return out;
}

Result<NetAddress, std::string> DoctorLoop::AskStun(const std::string& server) {
  const StunEndpoint endpoint = ParseStunServer(server);
  const auto seen = Await({.host = endpoint.host, .port = endpoint.port});
  if (!seen.has_value()) return Failure{"no answer from STUN server " + server};
  return *seen;
}

std::optional<NetAddress> DoctorLoop::Await(io::StunQuery::Options options) {
  crypto::RandomBytes(options.id);
  std::optional<NetAddress> seen;
  const io::StunQuery query(uv(), std::move(options), [&](auto answer) {
    seen = answer;
    loop_.Stop();
  });
  if (!interrupted_) loop_.Run();
  return seen;
}

// One participant in the doctor's room, for as long as this lives.
struct DoctorLoop::Visit {
  MediaOffer offer;
  std::string problem = "interrupted";  // why the offer is not complete
  std::unique_ptr<io::WebSocketClient> signal;

  void Send(const pb::SignalRequest& request) {
    if (signal != nullptr)
      (void)signal->Send(wire::WebSocketKind::kBinary, request.SerializeAsString());
  }
};

std::unique_ptr<DoctorLoop::Visit> DoctorLoop::Join(Peer peer, const std::string& url) {
  auto visit = std::make_unique<Visit>();
  const std::optional<wire::HttpUrl> parsed = wire::ParseHttpUrl(url);
  if (!parsed.has_value()) {
    visit->problem = "not an http or https URL";
    return visit;
  }
  const io::TlsClient& tls = clients_[static_cast<std::size_t>(peer)]->tls;
  visit->signal = std::make_unique<io::WebSocketClient>(
      uv(),
      io::WebSocketClient::Options{
          .url = *parsed,
          .wrap_tls = [&tls](auto raw, const auto& host) { return tls.Wrap(std::move(raw), host); },
          .random = [](MutableByteSpan out) { crypto::RandomBytes(out); }},
      [this, at = visit.get()](const wire::WebSocketMessage& message) {
        pb::SignalResponse response;
        if (at->offer.is_complete || !response.ParseFromString(message.payload)) return;
        at->offer.Add(response);
        if (at->offer.is_complete) loop_.Stop();
      },
      [this, at = visit.get()](const std::string& why) {
        at->problem = why;
        loop_.Stop();
      });
  if (!interrupted_) loop_.Run();
  if (!visit->offer.is_complete) return visit;
  pb::SignalRequest request;
  *request.mutable_answer() = visit->offer.answer;
  visit->Send(request);
  return visit;
}

void DoctorLoop::TryAddresses(const MediaOffer& offer, std::vector<MediaTrial>& trials) {
  for (const NetAddress& address : offer.addresses) {
    const auto is_this = [&](const MediaTrial& trial) { return trial.address == address; };
    if (std::any_of(trials.begin(), trials.end(), is_this)) continue;
    const auto seen = Await({.host = address.IpString(),
                             .port = address.port,
                             .username = offer.ufrag + ":" + kDoctorUfrag,
                             .password = offer.password,
                             .hmac = crypto::HmacSha1});
    trials.push_back({address, seen.has_value()});
  }
}

Result<std::vector<MediaTrial>, std::string> DoctorLoop::TryMedia(Peer peer, const JoinUrls& urls) {
  std::vector<std::unique_ptr<Visit>> visits;
  std::vector<MediaTrial> trials;
  for (std::size_t i = 0; i < limits::kWorkersMax; ++i) {
    visits.push_back(Join(peer, urls(i)));
    const MediaOffer& offer = visits.back()->offer;
    if (!offer.is_complete && i == 0) return Failure{visits.back()->problem};
    const std::size_t before = trials.size();
    if (offer.is_complete) TryAddresses(offer, trials);
    if (trials.size() == before) break;
  }
  pb::SignalRequest goodbye;
  goodbye.mutable_leave()->set_reason(pb::DisconnectReason::CLIENT_INITIATED);
  for (const auto& visit : visits) visit->Send(goodbye);
  return trials;
}

}  // namespace fovea::app
