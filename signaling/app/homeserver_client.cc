#include "signaling/app/homeserver_client.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "signaling/app/https_client.h"
#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

io::HttpClientOptions Options(const io::TlsClient* tls) {
  io::HttpClientOptions options = HttpsClientOptions(tls);
  options.response_bytes_max = HomeserverClient::kStateBytesMax;
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

std::string PingProblem(const wire::HttpResponse& response,
                        const std::string& homeserver_url) {
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

wire::OutgoingRequest HomeserverClient::Request(wire::HttpMethod method, const std::string& target,
                                                std::string body) const {
  wire::OutgoingRequest request;
  request.method = method;
  request.url = *wire::ParseHttpUrl(homeserver_.url + target);
  const std::string& token =
      appservice_.as_token.empty() ? homeserver_.access_token : appservice_.as_token;
  request.headers = {{"Authorization", "Bearer " + token}, {"Accept", "application/json"}};
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(body);
  return request;
}

void HomeserverClient::FetchRoomState(const std::string& room_id, const std::string& as_user,
                                      OnRoomState on_done) {
  std::string target = "/_matrix/client/v3/rooms/" + wire::PercentEncode(room_id) + "/state";
  if (!as_user.empty()) target += "?user_id=" + wire::PercentEncode(as_user);
  client_.Start(Request(wire::HttpMethod::kGet, target, {}), kStateTimeout,
                [room_id, as_user, on_done = std::move(on_done)](const auto& result) {
                  using Status = focus::RoomStateAnswer::Status;
                  focus::RoomStateAnswer answer;
                  answer.room_id = room_id;
                  answer.as_user = as_user;
                  if (result.ok() && result->status == 200) {
                    answer.status = Status::kAnswered;
                    answer.body = result->body;
                  } else if (result.ok() && (result->status == 403 || result->status == 404)) {
                    answer.status = Status::kRefused;
                  } else if (result.ok()) {
                    answer.retry_after = RetryAfter(*result);
                  }
                  on_done(answer);
                });
}

void HomeserverClient::Ping(const std::string& transaction_id, OnPinged on_done) {
  nlohmann::json body;
  body["transaction_id"] = transaction_id;
  const std::string target =
      "/_matrix/client/v1/appservice/" + wire::PercentEncode(appservice_.id) + "/ping";
  client_.Start(Request(wire::HttpMethod::kPost, target, wire::DumpJson(body)),
                [this, on_done = std::move(on_done)](const auto& result) {
                  if (!result.ok()) {
                    return on_done(homeserver_.url + ": " + std::string(ToString(result.error())));
                  }
                  on_done(result->status == 200 ? "" : PingProblem(*result, homeserver_.url));
                });
}

}  // namespace fovea::app
