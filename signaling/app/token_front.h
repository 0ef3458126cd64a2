// The token service with what it stands on: trust, the egress policy, the federation client, and
// who knows where client-server APIs are. Thread: signaling.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sfu/core/log.h"
#include "sfu/core/result.h"
#include "signaling/app/config.h"
#include "signaling/app/cs_api_directory.h"
#include "signaling/app/federation_client.h"
#include "signaling/app/homeserver_client.h"
#include "signaling/app/token_ports.h"
#include "signaling/app/token_service.h"
#include "signaling/io/tls.h"

namespace fovea::app {

class TokenFront {
 public:
  struct Parts {
    uv_loop_t* loop = nullptr;
    const Config& config;  // outlives this object, as does the log
    LogSink& log;
    std::unique_ptr<MintPolicy> policy;  // null: AskingMintPolicy
    OpenRoomFn open_room;
    std::function<void()> on_answered;
  };
  // The error is a sentence for the operator.
  [[nodiscard]] static Result<std::unique_ptr<TokenFront>, std::string> Make(Parts parts);

  [[nodiscard]] TokenService& service() { return *service_; }
  // For whoever calls servers that strangers name, and looks after delayed events there.
  [[nodiscard]] FederationClient& federation() { return *federation_; }
  [[nodiscard]] CsApiDirectory& cs_api() { return *cs_api_; }

 private:
  TokenFront() = default;

  std::optional<io::TlsClient> federation_tls_;
  std::optional<io::TlsClient> own_tls_;
  std::unique_ptr<FederationClient> federation_;
  std::unique_ptr<CsApiDirectory> cs_api_;
  std::unique_ptr<HomeserverClient> homeserver_;  // null: we are no application service of one
  std::unique_ptr<MintPolicy> policy_;
  std::unique_ptr<TokenService> service_;
};

}  // namespace fovea::app
