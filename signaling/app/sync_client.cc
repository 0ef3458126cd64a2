#include "signaling/app/sync_client.h"

#include <algorithm>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/app/homeserver_client.h"
#include "signaling/app/https_client.h"
#include "signaling/matrix/appservice_answers.h"
#include "signaling/matrix/sync_response.h"

namespace fovea::app {
namespace {

io::HttpClientOptions Options(const io::TlsClient* tls) {
  io::HttpClientOptions options = HttpsClientOptions(tls);
  options.response_bytes_max = limits::kRoomStateBytesMax;
  return options;
}

}  // namespace

SyncClient::SyncClient(uv_loop_t* loop, const HomeserverConfig& homeserver,
                       const io::TlsClient* tls, LogSink& log, OnAccount on_account,
                       OnAnswer on_answer)
    : homeserver_(homeserver),
      log_(log),
      on_account_(std::move(on_account)),
      on_answer_(std::move(on_answer)),
      client_(loop, Options(tls)),
      again_(loop, [this] { Ask(); }) {}

wire::OutgoingRequest SyncClient::Request(const std::string& target) const {
  wire::OutgoingRequest request;
  request.url = *wire::ParseHttpUrl(homeserver_.url + target);
  request.headers = {{"Authorization", "Bearer " + homeserver_.access_token}};
  return request;
}

void SyncClient::AskWhoAmI() {
  client_.Start(Request("/_matrix/client/v3/account/whoami"), [this](const auto& result) {
    if (!IsGood(result)) return;
    const std::string user_id = matrix::ReadWhoAmI(result->status, result->body);
    if (user_id.empty()) return WaitAfter("the homeserver does not say whose token it is");
    knows_account_ = true;
    on_account_(user_id);
    Ask();
  });
}

void SyncClient::Ask() {
  // Nothing it says about a room is of use before.
  if (!knows_account_) return AskWhoAmI();
  // The first answer comes at once: everything so far.
  std::string target =
      "/_matrix/client/v3/sync?timeout=" + std::to_string(since_.empty() ? 0 : ToMillis(kPoll)) +
      "&filter=" + wire::PercentEncode(matrix::SyncFilter()) +
      "&org.matrix.msc4222.use_state_after=true";
  if (!since_.empty()) target += "&since=" + wire::PercentEncode(since_);
  client_.Start(Request(target), kPoll + Seconds(30),
                [this](const auto& result) { HandleAnswer(result); });
}

bool SyncClient::IsGood(const Result<wire::HttpResponse, io::HttpClientError>& result) {
  if (result.ok() && result->status == 200) return true;
  if (!result.ok()) {
    WaitAfter(std::string(ToString(result.error())));
  } else if (result->status == 401) {
    WaitAfter("homeserver.access_token is not valid (any more)");
  } else {
    WaitAfter("status " + std::to_string(result->status));
  }
  return false;
}

void SyncClient::HandleAnswer(const Result<wire::HttpResponse, io::HttpClientError>& result) {
  if (!IsGood(result)) return;
  std::optional<std::string> next = on_answer_(result->body);
  if (!next.has_value()) return WaitAfter("an answer that could not be read");
  if (since_.empty()) log_.Log(LogLevel::kInfo, "the homeserver tells who is in the rooms (/sync)");
  since_ = *std::move(next);
  wait_ = Duration::zero();
  again_.StartOnce(Duration::zero());
}

void SyncClient::WaitAfter(const std::string& what) {
  if (wait_ == Duration::zero()) {
    log_.Log(LogLevel::kWarn, "/sync at the homeserver fails, calls go on: " + what);
  }
  wait_ = std::clamp(2 * wait_, kWaitMin, kWaitMax);
  again_.StartOnce(wait_);
}

}  // namespace fovea::app
