#include "signaling/app/external_sfu.h"

#include <utility>

#include "livekit.pb.h"
#include "sfu/core/check.h"
#include "sfu/io/system_clock.h"
#include "signaling/wire/json.h"
#include "signaling/wire/url.h"

namespace fovea::app {
namespace {

// As the reference service asks for; they are LiveKit's own defaults.
constexpr std::uint32_t kEmptyTimeoutSeconds = 300;
constexpr std::uint32_t kDepartureTimeoutSeconds = 20;
constexpr Duration kCallTimeout = Seconds(5);
constexpr std::int64_t kTokenSeconds = 600;

bool IsNotFound(const wire::HttpResponse& response) {
  const auto json = wire::ParseJson(response.body);
  if (response.status != 404 || !json.has_value() || !json->is_object()) return false;
  const auto code = json->find("code");
  return code != json->end() && *code == "not_found";
}

LookupAnswer AnswerOf(const Result<wire::HttpResponse, io::HttpClientError>& result) {
  if (!result.ok()) return LookupAnswer::kUnknown;
  if (IsNotFound(*result)) return LookupAnswer::kAbsent;
  ::livekit::ParticipantInfo info;
  if (result->status != 200 || !info.ParseFromString(result->body)) return LookupAnswer::kUnknown;
  return info.state() == ::livekit::ParticipantInfo::DISCONNECTED ? LookupAnswer::kAbsent
                                                                  : LookupAnswer::kPresent;
}

}  // namespace

std::optional<std::string> RoomServiceUrl(const std::string& url) {
  std::string http = url;
  if (http.starts_with("ws://") || http.starts_with("wss://")) http.replace(0, 2, "http");
  while (http.ends_with('/')) http.pop_back();
  if (!wire::ParseHttpUrl(http).has_value()) return std::nullopt;
  return http + "/twirp/livekit.RoomService/";
}

ExternalSfu::ExternalSfu(uv_loop_t* loop, ExternalSfuConfig config, io::HttpClientOptions http,
                         LogSink& log)
    : config_(std::move(config)),
      service_url_(RoomServiceUrl(config_.url).value_or("")),
      log_(log),
      lookups_(config_.sanity_interval),
      http_(loop, std::move(http)),
      timer_(loop, [this] { Pump(io::MonotonicNow()); }) {
  FOVEA_CHECK(!service_url_.empty());
}

void ExternalSfu::Call(std::string_view method, std::string body, const wire::VideoGrants& grants,
                       OnDone on_done) {
  const std::int64_t now_unix = io::WallNow().value / 1'000'000;
  wire::TokenGrants token;
  token.api_key = config_.api_key;
  token.not_before_unix = now_unix;
  token.expires_at_unix = now_unix + kTokenSeconds;
  token.video = grants;
  wire::OutgoingRequest request;
  request.method = wire::HttpMethod::kPost;
  request.url = *wire::ParseHttpUrl(service_url_ + std::string(method));
  request.headers = {{"Content-Type", "application/protobuf"},
                     {"Authorization", "Bearer " + wire::SignToken(token, config_.secret)}};
  request.body = std::move(body);
  http_.Start(std::move(request), kCallTimeout, std::move(on_done));
}

void ExternalSfu::CreateRoom(const std::string& room_name, OnCreated on_created) {
  ::livekit::CreateRoomRequest room;
  room.set_name(room_name);
  room.set_empty_timeout(kEmptyTimeoutSeconds);
  room.set_departure_timeout(kDepartureTimeoutSeconds);
  wire::VideoGrants grants;
  grants.room_create = true;
  Call("CreateRoom", room.SerializeAsString(), grants,
       [this, on_created = std::move(on_created)](const auto& result) {
         const bool created = result.ok() && result->status == 200;
         if (!created) {
           log_.Log(LogLevel::kWarn, "the LiveKit server did not open a room: " +
                                         (result.ok() ? std::to_string(result->status)
                                                      : std::string(ToString(result.error()))));
         }
         on_created(created);
       });
}

void ExternalSfu::Watch(Instant now, const matrix::LeaveKey& key, Duration wait) {
  lookups_.Watch(now, key, wait);
  Pump(now);
}

void ExternalSfu::Unwatch(const matrix::LeaveKey& key) { lookups_.Unwatch(key); }

void ExternalSfu::HandleConnected(Instant now, const matrix::LeaveKey& key) {
  lookups_.HandleConnected(now, key);
  Pump(now);
}

void ExternalSfu::HandleSuperseded(Instant now, const matrix::LeaveKey& key) {
  lookups_.HandleSuperseded(now, key);
  Pump(now);
}

void ExternalSfu::Pump(Instant now) {
  while (const auto lookup = lookups_.PollLookup(now)) LookUp(*lookup);
  const Instant next = lookups_.NextDeadline();
  if (next == kNever) {
    timer_.Stop();
  } else {
    timer_.StartOnce(next - now);
  }
}

void ExternalSfu::LookUp(const Lookup& lookup) {
  ::livekit::RoomParticipantIdentity who;
  who.set_room(lookup.key.room_name);
  who.set_identity(lookup.key.identity);
  wire::VideoGrants grants;
  grants.room_admin = true;
  grants.room = lookup.key.room_name;
  Call("GetParticipant", who.SerializeAsString(), grants,
       [this, id = lookup.id](const auto& result) { HandleLookup(id, AnswerOf(result)); });
}

void ExternalSfu::HandleLookup(LookupId id, LookupAnswer answer) {
  const Instant now = io::MonotonicNow();
  matrix::LeaveKey key;
  switch (lookups_.HandleAnswer(now, id, answer, key)) {
    case PresenceNews::kNone:
      break;
    case PresenceNews::kConnected:
      on_presence_(now, key, true);
      break;
    case PresenceNews::kGone:
      on_presence_(now, key, false);
      break;
  }
  Pump(now);
}

}  // namespace fovea::app
