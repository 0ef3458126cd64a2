// What Fovea asks of its homeserver, as its application service. Matrix client-server API;
// matrixrtc reference, section 6.2. Thread: signaling.
#pragma once

#include <functional>
#include <string>

#include "sfu/core/time.h"
#include "signaling/app/config_matrix.h"
#include "signaling/focus/conductor_types.h"
#include "signaling/io/http_client.h"
#include "signaling/io/tls.h"

namespace fovea::app {

// Why a homeserver that answered a ping has not called us back: a sentence for the operator.
[[nodiscard]] std::string PingProblem(const wire::HttpResponse& response,
                                      const std::string& homeserver_url);

class HomeserverClient {
 public:
  // A room's state with every member: 100 000 members are some 50 MB.
  static constexpr std::size_t kStateBytesMax = 64 * 1024 * 1024;
  static constexpr Duration kStateTimeout = Seconds(60);

  // `tls` outlives this object.
  HomeserverClient(uv_loop_t* loop, const HomeserverConfig& homeserver,
                   const AppserviceConfig& appservice, const io::TlsClient* tls);

  // The answer's `body` is valid during the call.
  using OnRoomState = std::function<void(const focus::RoomStateAnswer&)>;
  void FetchRoomState(const std::string& room_id, const std::string& as_user, OnRoomState on_done);

  // Asks the homeserver to call us back: it then also sends at once what it held back while we were
  // away. `error` is empty if it did, else a sentence for the operator.
  using OnPinged = std::function<void(const std::string& error)>;
  void Ping(const std::string& transaction_id, OnPinged on_done);

 private:
  [[nodiscard]] wire::OutgoingRequest Request(wire::HttpMethod method, const std::string& target,
                                              std::string body) const;

  const HomeserverConfig& homeserver_;
  const AppserviceConfig& appservice_;
  io::HttpClient client_;
};

}  // namespace fovea::app
