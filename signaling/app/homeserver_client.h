// What Fovea asks of its homeserver, as its application service. Matrix client-server API;
// matrixrtc reference, section 6.2. Thread: signaling.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sfu/core/time.h"
#include "signaling/app/config_matrix.h"
#include "signaling/app/token_ports.h"
#include "signaling/focus/conductor_types.h"
#include "signaling/io/http_client.h"
#include "signaling/io/tls.h"
#include "signaling/matrix/appservice_answers.h"

namespace fovea::app {

// Why a homeserver that answered a ping has not called us back: a sentence for the operator.
[[nodiscard]] std::string PingProblem(const wire::HttpResponse& response,
                                      const std::string& homeserver_url);

class HomeserverClient : public HomeserverPort {
 public:
  // Sooner than the Conductor gives up and asks again.
  static constexpr Duration kStateTimeout = Seconds(24);
  // Of what one user waits for.
  static constexpr Duration kAnswerTimeout = Seconds(5);
  // Another homeserver has to be found, too, and it asks its own focus.
  static constexpr Duration kRelayTimeout = Seconds(15);

  // `homeserver` and `tls` outlive this object; while the URL of the former is empty, nothing is
  // answered.
  HomeserverClient(uv_loop_t* loop, const HomeserverConfig& homeserver,
                   const AppserviceConfig& appservice, const io::TlsClient* tls);

  // The answer's `body` is valid during the call.
  using OnRoomState = std::function<void(const focus::RoomStateAnswer&)>;
  void FetchRoomState(const focus::FetchRoomState& question, OnRoomState on_done);

  // Whether the user is in the room, without anybody of ours being there (MSC4502).
  using OnIsJoined = std::function<void(matrix::JoinedAnswer)>;
  void AskIsJoined(const std::string& room_id, const std::string& user_id, OnIsJoined on_done);

  // Whether that user has such a device, asked as the user.
  using OnDevice = std::function<void(matrix::DeviceAnswer)>;
  void AskDevice(const std::string& user_id, const std::string& device_id, OnDevice on_done);

  // HomeserverPort
  void FindDelayedEvent(const std::string& user_id, const std::string& delay_id,
                        OnDelayedEvent on_answer) override;
  void RelayTokenRequest(const TokenRelay& relay, OnRelayed on_answer) override;

  // Asks the homeserver to call us back: it then also sends at once what it held back while we were
  // away. `error` is empty if it did, else a sentence for the operator.
  using OnPinged = std::function<void(const std::string& error)>;
  void Ping(const std::string& transaction_id, OnPinged on_done);

 private:
  // Nothing while the homeserver's URL is not known.
  [[nodiscard]] std::optional<wire::OutgoingRequest> Request(wire::HttpMethod method,
                                                             const std::string& target,
                                                             std::string body) const;
  // Status 0: nothing came.
  using OnAnswer = std::function<void(int status, const std::string& body)>;
  void Ask(std::optional<wire::OutgoingRequest> request, Duration timeout, OnAnswer on_answer);
  // The homeserver refused a question as that user: because of the room, or of whom we asked as.
  void ConfirmRefusal(const focus::FetchRoomState& question, OnRoomState on_done);
  void ListDelayedEvents(const std::string& user_id, const std::string& delay_id,
                         OnDelayedEvent on_answer);

  const HomeserverConfig& homeserver_;
  const AppserviceConfig& appservice_;
  io::HttpClient client_;
};

}  // namespace fovea::app
