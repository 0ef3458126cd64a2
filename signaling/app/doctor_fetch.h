// The loop that `fovea doctor` waits on: one request after the other, each with a deadline.
// Thread: the one that runs the doctor.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sfu/core/net_address.h"
#include "sfu/core/result.h"
#include "signaling/app/config.h"
#include "signaling/app/doctor_media.h"
#include "signaling/app/doctor_probe.h"
#include "signaling/app/federation_client.h"
#include "signaling/app/https_client.h"
#include "signaling/io/event_loop.h"
#include "signaling/io/http_client.h"
#include "signaling/io/stun_query.h"
#include "signaling/io/tls.h"

namespace fovea::app {

// A signal that ends programs makes every wait end, and those to come.
class DoctorLoop {
 public:
  // Larger: a dead server keeps people waiting; smaller: a slow one looks dead.
  static constexpr Duration kPatience = Seconds(10);

  // The error is a sentence for the operator.
  // `public_ca_file`: who vouches for public servers beside the system's bundle; may be empty.
  [[nodiscard]] static Result<std::unique_ptr<DoctorLoop>, std::string> Make(
      const Config& config, const std::string& public_ca_file);
  ~DoctorLoop();
  DoctorLoop(const DoctorLoop&) = delete;
  DoctorLoop& operator=(const DoctorLoop&) = delete;

  [[nodiscard]] Probe Get(const ProbeRequest& request);
  // Shows an OpenID token that nobody has to a Matrix server, found as other servers find it.
  // kRefused is as it should be; nothing: it took the token.
  [[nodiscard]] std::optional<LookupError> AskFederation(const std::string& server_name);
  // How the STUN server "host:port" sees this machine. The error is a sentence for the operator.
  [[nodiscard]] Result<NetAddress, std::string> AskStun(const std::string& server);

  // URLs of WebSockets at which the doctor's participants join, from the first on.
  using JoinUrls = std::function<std::string(std::size_t)>;
  // Joins and sends an ICE check to each address it is told of; again, until it is told of no new
  // one: a focus spreads participants over its workers and their ports. The error is a sentence for
  // the operator.
  [[nodiscard]] Result<std::vector<MediaTrial>, std::string> TryMedia(Peer peer,
                                                                      const JoinUrls& urls);

  [[nodiscard]] uv_loop_t* uv() const { return loop_.uv(); }
  [[nodiscard]] bool interrupted() const { return interrupted_; }

 private:
  struct Client {
    Client(uv_loop_t* loop, io::TlsClient trusted)
        : tls(std::move(trusted)), http(loop, HttpsClientOptions(&tls)) {}
    io::TlsClient tls;
    io::HttpClient http;
  };
  DoctorLoop();
  struct Visit;
  // Runs until the focus has told everything, or has not.
  [[nodiscard]] std::unique_ptr<Visit> Join(Peer peer, const std::string& url);
  void TryAddresses(const MediaOffer& offer, std::vector<MediaTrial>& trials);
  // Runs until that is answered; nothing if it is not.
  [[nodiscard]] std::optional<NetAddress> Await(io::StunQuery::Options options);
  [[nodiscard]] std::optional<std::string> Add(Peer peer, io::TlsTrust trust);

  bool interrupted_ = false;
  std::optional<io::CertificateFacts> shown_;  // in the request under way
  io::EventLoop loop_;
  std::unique_ptr<Client> clients_[3];  // by Peer
};

}  // namespace fovea::app
