#include "signaling/app/delayed_leaves.h"

#include <utility>

#include "livekit.pb.h"
#include "sfu/io/system_clock.h"
#include "signaling/wire/json.h"
#include "signaling/wire/url.h"

namespace fovea::app {
namespace {

constexpr Duration kCallTimeout = Seconds(5);
constexpr Duration kVerifyInterval = Seconds(30);
constexpr Duration kWarnInterval = Seconds(60);
constexpr std::string_view kVersions = "/_matrix/client/versions";
constexpr const char* kNoResponse = "no response; check homeserver.url";
constexpr const char* kIsOff =
    "delayed events are off there; Synapse needs max_event_delay_duration";
// No homeserver has an event with this id.
constexpr std::string_view kProbeDelayId = "fovea-probe";

std::string ErrcodeOf(const wire::HttpResponse& response) {
  const auto json = wire::ParseJson(response.body);
  if (!json.has_value() || !json->is_object()) return "";
  const auto found = json->find("errcode");
  return found != json->end() && found->is_string() ? found->get<std::string>() : "";
}

bool TellsOfDelayedEvents(const wire::HttpResponse& versions) {
  const auto json = wire::ParseJson(versions.body);
  if (!json.has_value() || !json->is_object()) return false;
  const nlohmann::json features = json->value("unstable_features", nlohmann::json::object());
  const auto found = features.find("org.matrix.msc4140");
  return found != features.end() && found->is_boolean() && found->get<bool>();
}

}  // namespace

matrix::LeftReason LeftReasonOf(int disconnect_reason) {
  switch (disconnect_reason) {
    case ::livekit::DisconnectReason::DUPLICATE_IDENTITY:
    case ::livekit::DisconnectReason::MIGRATION:
      return matrix::LeftReason::kSuperseded;
    case ::livekit::DisconnectReason::SERVER_SHUTDOWN:
      return matrix::LeftReason::kFocusStopping;
    case ::livekit::DisconnectReason::CONNECTION_TIMEOUT:
    case ::livekit::DisconnectReason::SIGNAL_CLOSE:
    case ::livekit::DisconnectReason::MEDIA_FAILURE:
      return matrix::LeftReason::kConnectionLost;
    default:
      return matrix::LeftReason::kGone;
  }
}

DelayedLeaves::DelayedLeaves(uv_loop_t* loop, DelayedLeavesConfig config, Ports ports,
                             io::HttpClientOptions http)
    : config_(std::move(config)),
      ports_(ports),
      table_(config_.table, config_.wall_offset, Rng(config_.seed)),
      http_(loop, std::move(http)),
      timer_(loop, [this] { Pump(io::MonotonicNow()); }),
      verify_timer_(loop, [this] { VerifyOwnServer(); }) {}

std::size_t DelayedLeaves::Resume(Instant now, const std::vector<matrix::LeaveJob>& jobs) {
  for (const matrix::LeaveJob& job : jobs) {
    if (table_.RestoreJob(now, job)) ports_.sfu.Watch(now, job.key, job.delay_timeout);
  }
  Pump(now);
  return table_.size();
}

void DelayedLeaves::FindClientApi(const std::string& server_name, OnKnown on_known) {
  ports_.cs_api.Resolve(server_name,
                        [on_known = std::move(on_known)](const std::optional<CsApi>& api) {
                          on_known(api.has_value());
                        });
}

bool DelayedLeaves::AddJob(Instant now, const Delegation& delegation) {
  matrix::LeaveJob job;
  job.key = {delegation.who.room_name, delegation.who.identity};
  job.user_id = delegation.who.user_id;
  job.server_name = delegation.who.server_name;
  job.delay_id = delegation.delay_id;
  job.delay_timeout = delegation.timeout;
  const matrix::AddJobResult result = AddJob(now, std::move(job));
  return result == matrix::AddJobResult::kAdded || result == matrix::AddJobResult::kReplaced;
}

matrix::AddJobResult DelayedLeaves::AddJob(Instant now, matrix::LeaveJob job) {
  const matrix::LeaveKey key = job.key;
  const Duration wait = job.delay_timeout;
  const matrix::AddJobResult result = table_.AddJob(now, std::move(job));
  if (result == matrix::AddJobResult::kAdded || result == matrix::AddJobResult::kReplaced) {
    ports_.sfu.Watch(now, key, wait);
  }
  Pump(now);
  return result;
}

void DelayedLeaves::HandleConnected(Instant now, const std::string& room,
                                    const std::string& identity) {
  table_.HandleConnected(now, {room, identity});
  Pump(now);
}

void DelayedLeaves::HandleLeft(Instant now, const std::string& room, const std::string& identity,
                               matrix::LeftReason reason) {
  table_.HandleLeft(now, {room, identity}, reason);
  Pump(now);
}

void DelayedLeaves::HandleAborted(Instant now, const std::string& room,
                                  const std::string& identity) {
  table_.HandleAborted(now, {room, identity});
  Pump(now);
}

void DelayedLeaves::Pump(Instant now) {
  // A resolver that answers at once comes back here from within; the outer turn goes on.
  if (is_pumping_) return;
  is_pumping_ = true;
  table_.HandleTimeout(now);
  while (const auto call = table_.PollCall(now)) Resolve(*call);
  while (const auto operation = table_.PollStoreOperation()) Apply(*operation);
  is_pumping_ = false;
  const Instant next = table_.NextDeadline().at;
  if (next == kNever) {
    timer_.Stop();
  } else {
    timer_.StartOnce(next - now);
  }
}

void DelayedLeaves::Apply(const matrix::JobStoreOperation& operation) {
  if (const auto* put = std::get_if<matrix::PutJob>(&operation)) {
    ports_.store.PutJob(put->job);
    return;
  }
  const matrix::LeaveKey& key = std::get<matrix::RemoveJob>(operation).key;
  ports_.store.RemoveJob(key);
  // A newer job of the same participant is still to be watched.
  if (!table_.StateOf(key).has_value()) ports_.sfu.Unwatch(key);
}

void DelayedLeaves::Resolve(const matrix::DelayedCall& call) {
  ports_.cs_api.Resolve(call.server_name, [this, call](std::optional<CsApi> api) {
    if (!api.has_value()) {
      WarnOfFailure(call.server_name, "its client-server API cannot be found");
      return HandleAnswer(call, std::nullopt);
    }
    const bool is_own = !config_.as_token.empty() && call.server_name == config_.own_server_name;
    Call(call, *api, is_own ? Credentials::kAppservice : Credentials::kNone);
  });
}

std::optional<wire::OutgoingRequest> DelayedLeaves::RequestOf(const matrix::DelayedCall& call,
                                                              const CsApi& api,
                                                              Credentials credentials) const {
  std::string url = api.base_url + matrix::DelayedCallPath(call.verb, call.delay_id);
  const bool has_credentials = credentials == Credentials::kAppservice;
  if (has_credentials && !call.user_id.empty()) {
    url += "?user_id=" + wire::PercentEncode(call.user_id);
  }
  const auto parsed = wire::ParseHttpUrl(url);
  if (!parsed.has_value()) return std::nullopt;
  wire::OutgoingRequest request;
  request.method = wire::HttpMethod::kPost;
  request.url = *parsed;
  request.headers = {{"Content-Type", "application/json"}};
  if (has_credentials) request.headers.emplace_back("Authorization", "Bearer " + config_.as_token);
  request.body = "{}";
  return request;
}

void DelayedLeaves::Call(const matrix::DelayedCall& call, const CsApi& api,
                         Credentials credentials) {
  auto request = RequestOf(call, api, credentials);
  if (!request.has_value()) return HandleAnswer(call, std::nullopt);
  Start(std::move(*request), api.is_discovered,
        [this, call, api, credentials](const std::optional<wire::HttpResponse>& answer) {
          const bool is_refused =
              answer.has_value() && (answer->status == 401 || answer->status == 403);
          if (is_refused && credentials == Credentials::kAppservice) {
            // The user is outside our namespaces, or the token is stale. Delayed events can also be
            // handled by whoever knows their id.
            WarnOfFailure(call.server_name, "it refuses the application service's token");
            return Call(call, api, Credentials::kNone);
          }
          HandleAnswer(call, answer);
        });
}

void DelayedLeaves::Start(wire::OutgoingRequest request, bool is_discovered, OnAnswer on_answer) {
  if (!is_discovered) {
    http_.Start(std::move(request), kCallTimeout, [on_answer](const auto& result) {
      on_answer(result.ok() ? std::optional(*result) : std::nullopt);
    });
  } else if (ports_.discovered != nullptr) {
    ports_.discovered->Start(std::move(request), kCallTimeout, std::move(on_answer));
  } else {
    on_answer(std::nullopt);
  }
}

void DelayedLeaves::HandleAnswer(const matrix::DelayedCall& call,
                                 const std::optional<wire::HttpResponse>& answer) {
  matrix::DelayedCallResult result;
  if (answer.has_value()) {
    result.status = answer->status;
    result.retry_after =
        matrix::ReadRetryAfter(answer->Header("Retry-After"), answer->body, io::WallNow());
  }
  const bool is_expected = (result.status >= 200 && result.status < 300) || result.status == 404;
  if (!is_expected) {
    WarnOfFailure(call.server_name, result.status == 0
                                        ? "no response"
                                        : "it answers with " + std::to_string(result.status));
  }
  const Instant now = io::MonotonicNow();
  table_.HandleResponse(now, call.id, result);
  Pump(now);
}

void DelayedLeaves::WarnOfFailure(const std::string& server_name, std::string_view what) {
  const Instant now = io::MonotonicNow();
  if (warned_at_.has_value() && now - *warned_at_ < kWarnInterval) return;
  warned_at_ = now;
  ports_.log.Log(LogLevel::kWarn, "delayed leave events at " + server_name + ": " +
                                      std::string(what) + "; trying again until they expire (" +
                                      std::to_string(table_.failed_calls_total()) +
                                      " calls failed so far)");
}

void DelayedLeaves::VerifyOwnServer() {
  ports_.cs_api.Resolve(config_.own_server_name, [this](std::optional<CsApi> api) {
    std::optional<wire::OutgoingRequest> request;
    if (api.has_value()) {
      matrix::DelayedCall probe;
      probe.delay_id = kProbeDelayId;
      request = RequestOf(probe, *api,
                          config_.as_token.empty() ? Credentials::kNone : Credentials::kAppservice);
    }
    if (!request.has_value()) return VerifyLater(kNoResponse);
    Start(std::move(*request), api->is_discovered,
          [this, api = *api](const std::optional<wire::HttpResponse>& answer) {
            HandleProbe(api, answer);
          });
  });
}

void DelayedLeaves::HandleProbe(const CsApi& api, const std::optional<wire::HttpResponse>& answer) {
  if (!answer.has_value()) return VerifyLater(kNoResponse);
  const std::string errcode = ErrcodeOf(*answer);
  if (answer->status == 401 || answer->status == 403) {
    return VerifyLater("it refuses appservice.as_token (" + errcode + ")");
  }
  if (answer->status != 404) {
    return VerifyLater("it answers with " + std::to_string(answer->status) + " " + errcode);
  }
  if (errcode != "M_NOT_FOUND") return VerifyLater(kIsOff);
  // Synapse answers like this also where nobody may schedule an event. Clients go by the versions.
  const auto url = wire::ParseHttpUrl(api.base_url + std::string(kVersions));
  if (!url.has_value()) return VerifyLater(kNoResponse);
  wire::OutgoingRequest request;
  request.url = *url;
  Start(std::move(request), api.is_discovered,
        [this](const std::optional<wire::HttpResponse>& versions) { HandleVersions(versions); });
}

void DelayedLeaves::HandleVersions(const std::optional<wire::HttpResponse>& answer) {
  if (!answer.has_value()) return VerifyLater(kNoResponse);
  if (!TellsOfDelayedEvents(*answer)) return VerifyLater(kIsOff);
  is_verified_ = true;
  ports_.log.Log(LogLevel::kInfo,
                 "delegation is on: " + config_.own_server_name + " serves delayed events");
}

void DelayedLeaves::VerifyLater(const std::string& why) {
  verify_timer_.StartOnce(kVerifyInterval);
  const Instant now = io::MonotonicNow();
  if (warned_at_.has_value() && now - *warned_at_ < kWarnInterval) return;
  warned_at_ = now;
  ports_.log.Log(LogLevel::kWarn, "delegation is not offered yet: " + why);
}

DelayedLeaveFacts DelayedLeaves::CountLeaves() const {
  DelayedLeaveFacts facts{.is_offered = is_verified_, .jobs = table_.size()};
  for (std::size_t i = 0; i < matrix::kLeaveEnds; ++i) {
    facts.ended[i] = table_.ended_total(static_cast<matrix::LeaveEnd>(i));
  }
  facts.failed_calls = table_.failed_calls_total();
  return facts;
}

}  // namespace fovea::app
