#include "signaling/app/homeserver_client.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/app/https_client.h"
#include "signaling/focus/reconcile_schedule.h"
#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

constexpr std::string_view kDelayedEvents =
    "/_matrix/client/unstable/org.matrix.msc4140/delayed_events";
// Where a homeserver's focus takes requests of other homeservers.
constexpr std::string_view kFederationRoute =
    "/_matrix/federation/unstable/io.element.msc4195/rtc/livekit/get_token";

// With the confirmation of a refusal.
static_assert(HomeserverClient::kStateTimeout + HomeserverClient::kAnswerTimeout <
              focus::ReconcileSchedule::kAnswerTimeout);

std::string AsUser(const std::string& user_id) {
  return "?user_id=" + wire::PercentEncode(user_id);
}

io::HttpClientOptions Options(const io::TlsClient* tls) {
  io::HttpClientOptions options = HttpsClientOptions(tls);
  options.response_bytes_max = limits::kRoomStateBytesMax;
  return options;
}

// The wait that a homeserver asks for with 429.
Duration RetryAfter(const wire::HttpResponse& response) {
  const auto body = wire::ParseJson(response.body);
  if (!body.has_value() || !body->is_object()) return Duration::zero();
  const auto wait = body->find("retry_after_ms");
  if (wait == body->end() || !wait->is_number_unsigned()) return Duration::zero();
  const auto wait_ms = std::min<std::uint64_t>(wait->get<std::uint64_t>(), 3'600'000);
  return Millis(static_cast<std::int64_t>(wait_ms));
}

}  // namespace

std::string PingProblem(const wire::HttpResponse& response, const std::string& homeserver_url) {
  const auto body = wire::ParseJson(response.body);
  const auto text = [&](const char* key) {
    return body.has_value() && body->is_object() && body->contains(key) && (*body)[key].is_string()
               ? (*body)[key].get<std::string>()
               : std::string();
  };
  const std::string code = text("errcode");
  if (response.status == 401 || response.status == 403) {
    return "the homeserver does not know our as_token: is the registration in its configuration, "
           "and was it restarted since? (" +
           code + ")";
  }
  if (code == "M_URL_NOT_SET") return "the registration has no url, so nothing can be pushed to us";
  if (code == "M_BAD_STATUS" || code == "M_CONNECTION_FAILED" || code == "M_CONNECTION_TIMEOUT") {
    return "the homeserver cannot reach the url of our registration: " + text("error");
  }
  if (response.status == 404) return homeserver_url + " is too old to ping application services";
  return "the homeserver answered the ping with status " + std::to_string(response.status);
}

HomeserverClient::HomeserverClient(uv_loop_t* loop, const HomeserverConfig& homeserver,
                                   const AppserviceConfig& appservice, const io::TlsClient* tls)
    : homeserver_(homeserver), appservice_(appservice), client_(loop, Options(tls)) {}

std::optional<wire::OutgoingRequest> HomeserverClient::Request(wire::HttpMethod method,
                                                               const std::string& target,
                                                               std::string body) const {
  const std::optional<wire::HttpUrl> url = wire::ParseHttpUrl(homeserver_.url + target);
  if (!url.has_value()) return std::nullopt;
  wire::OutgoingRequest request;
  request.method = method;
  request.url = *url;
  const std::string& token =
      appservice_.as_token.empty() ? homeserver_.access_token : appservice_.as_token;
  request.headers = {{"Authorization", "Bearer " + token}, {"Accept", "application/json"}};
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(body);
  return request;
}

void HomeserverClient::FetchRoomState(const focus::FetchRoomState& question, OnRoomState on_done) {
  std::string target =
      "/_matrix/client/v3/rooms/" + wire::PercentEncode(question.room_id) + "/state";
  if (!question.as_user.empty()) target += AsUser(question.as_user);
  std::optional<wire::OutgoingRequest> request = Request(wire::HttpMethod::kGet, target, {});
  if (!request.has_value()) {
    return on_done({.room_id = question.room_id, .as_user = question.as_user, .id = question.id});
  }
  client_.Start(*std::move(request), kStateTimeout,
                [this, question, on_done = std::move(on_done)](const auto& result) {
                  using Status = focus::RoomStateAnswer::Status;
                  focus::RoomStateAnswer answer;
                  answer.room_id = question.room_id;
                  answer.as_user = question.as_user;
                  answer.id = question.id;
                  if (result.ok() && result->status == 200) {
                    answer.status = Status::kAnswered;
                    answer.body = result->body;
                  } else if (result.ok() && matrix::IsRefusal(result->status, result->body)) {
                    if (!question.as_user.empty()) return ConfirmRefusal(question, on_done);
                    answer.status = Status::kRefused;
                  } else if (result.ok()) {
                    answer.retry_after = RetryAfter(*result);
                  }
                  on_done(answer);
                });
}

// A homeserver says M_FORBIDDEN, too, where the registration does not cover the user: that must not
// be taken for their having left.
void HomeserverClient::ConfirmRefusal(const focus::FetchRoomState& question, OnRoomState on_done) {
  const std::string target = "/_matrix/client/v3/account/whoami" + AsUser(question.as_user);
  Ask(Request(wire::HttpMethod::kGet, target, {}), kAnswerTimeout,
      [question, on_done = std::move(on_done)](int status, const std::string& body) {
        using Status = focus::RoomStateAnswer::Status;
        focus::RoomStateAnswer answer;
        answer.room_id = question.room_id;
        answer.as_user = question.as_user;
        answer.id = question.id;
        if (matrix::ReadWhoAmI(status, body) == question.as_user) {
          answer.status = Status::kRefused;
        } else if (status >= 200 && status < 500 && status != 429) {
          answer.status = Status::kNotAs;
        }
        on_done(answer);
      });
}

void HomeserverClient::Ask(std::optional<wire::OutgoingRequest> request, Duration timeout,
                           OnAnswer on_answer) {
  if (!request.has_value()) return on_answer(0, {});
  io::HttpCallOptions options;
  options.timeout = timeout;
  options.response_bytes_max = limits::kHomeserverAnswerBytesMax;
  client_.Start(*std::move(request), std::move(options),
                [on_answer = std::move(on_answer)](const auto& result) {
                  if (!result.ok()) return on_answer(0, {});
                  on_answer(result->status, result->body);
                });
}

void HomeserverClient::AskIsJoined(const std::string& room_id, const std::string& user_id,
                                   OnIsJoined on_done) {
  const std::string target = "/_matrix/client/unstable/io.element.msc4502/rooms/" +
                             wire::PercentEncode(room_id) +
                             "/is_joined?mxid=" + wire::PercentEncode(user_id);
  Ask(Request(wire::HttpMethod::kGet, target, {}), kAnswerTimeout,
      [on_done = std::move(on_done)](int status, const std::string& body) {
        on_done(matrix::ReadIsJoined(status, body));
      });
}

void HomeserverClient::AskDevice(const std::string& user_id, const std::string& device_id,
                                 OnDevice on_done) {
  const std::string target =
      "/_matrix/client/v3/devices/" + wire::PercentEncode(device_id) + AsUser(user_id);
  Ask(Request(wire::HttpMethod::kGet, target, {}), kAnswerTimeout,
      [device_id, on_done = std::move(on_done)](int status, const std::string& body) {
        on_done(matrix::ReadDevice(status, body, device_id));
      });
}

void HomeserverClient::FindDelayedEvent(const std::string& user_id, const std::string& delay_id,
                                        OnDelayedEvent on_answer) {
  const std::string target =
      std::string(kDelayedEvents) + "/" + wire::PercentEncode(delay_id) + AsUser(user_id);
  Ask(Request(wire::HttpMethod::kGet, target, {}), kAnswerTimeout,
      [this, user_id, delay_id, on_answer = std::move(on_answer)](int status,
                                                                  const std::string& body) {
        const matrix::DelayedEventAnswer answer = matrix::ReadDelayedEvent(status, body);
        if (answer.status != matrix::DelayedEventStatus::kNoRoute) return on_answer(answer);
        ListDelayedEvents(user_id, delay_id, on_answer);
      });
}

void HomeserverClient::ListDelayedEvents(const std::string& user_id, const std::string& delay_id,
                                         OnDelayedEvent on_answer) {
  Ask(Request(wire::HttpMethod::kGet, std::string(kDelayedEvents) + AsUser(user_id), {}),
      kAnswerTimeout,
      [delay_id, on_answer = std::move(on_answer)](int status, const std::string& body) {
        on_answer(matrix::FindDelayedEvent(status, body, delay_id));
      });
}

void HomeserverClient::RelayTokenRequest(const TokenRelay& relay, OnRelayed on_answer) {
  nlohmann::json theirs;
  theirs["user_id"] = relay.user_id;
  theirs["url"] = relay.url;
  theirs["room_id"] = relay.room_id;
  theirs["slot_id"] = relay.slot_id;
  theirs["member_id"] = relay.member_id;
  nlohmann::json body;
  body["destination"] = relay.server_name;
  body["method"] = "POST";
  body["path"] = kFederationRoute;
  body["body"] = std::move(theirs);
  Ask(Request(wire::HttpMethod::kPost,
              "/_matrix/client/unstable/io.element.msc4512/appservice/fed_proxy",
              wire::DumpJson(body)),
      kRelayTimeout, [on_answer = std::move(on_answer)](int status, const std::string& text) {
        on_answer(matrix::ReadRelayedToken(status, text));
      });
}

void HomeserverClient::Ping(const std::string& transaction_id, OnPinged on_done) {
  nlohmann::json body;
  body["transaction_id"] = transaction_id;
  const std::string target =
      "/_matrix/client/v1/appservice/" + wire::PercentEncode(appservice_.id) + "/ping";
  std::optional<wire::OutgoingRequest> request =
      Request(wire::HttpMethod::kPost, target, wire::DumpJson(body));
  if (!request.has_value()) return on_done("homeserver.url is not set");
  client_.Start(*std::move(request), [this, on_done = std::move(on_done)](const auto& result) {
    if (!result.ok()) {
      return on_done(homeserver_.url + ": " + std::string(ToString(result.error())));
    }
    on_done(result->status == 200 ? "" : PingProblem(*result, homeserver_.url));
  });
}

}  // namespace fovea::app
