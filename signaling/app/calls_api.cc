#include "signaling/app/calls_api.h"

#include <optional>
#include <vector>

#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

nlohmann::json ToJson(const focus::CallFacts& facts) {
  nlohmann::json members = nlohmann::json::array();
  for (const focus::CallMember& member : facts.members) {
    members.push_back({{"user_id", member.user_id},
                       {"device_id", member.device_id},
                       {"of_record", member.is_of_record},
                       {"connected", member.is_connected},
                       {"audio_tracks", member.audio_tracks},
                       {"video_tracks", member.video_tracks}});
  }
  nlohmann::json call{{"room", facts.room_name},
                      {"room_id", facts.room_id},
                      {"slot_id", facts.slot_id},
                      {"on", facts.is_on},
                      {"since_ms", facts.since_unix_ms},
                      {"opened_by", facts.opened_by},
                      {"intent", facts.intent},
                      {"connected", facts.connected},
                      {"publishing", facts.publishing},
                      {"members_without_media", facts.ghosts},
                      {"media_without_member", facts.shadows},
                      {"members", std::move(members)}};
  if (!facts.is_on) call["ended_ms"] = facts.ended_unix_ms;
  if (facts.last_departure) call["last_left"] = std::string(ToString(*facts.last_departure));
  return call;
}

nlohmann::json HomeserverJson(const MembershipFacts& facts) {
  nlohmann::json out{{"answers", facts.is_answering}, {"transactions", facts.transactions}};
  if (facts.push_age_s) out["heard_seconds_ago"] = *facts.push_age_s;
  return out;
}

wire::HttpResponse Refuse(int status, const char* code, const char* text) {
  return wire::JsonResponse(status, wire::DumpJson({{"errcode", code}, {"error", text}}));
}

}  // namespace

bool IsCallsPath(const wire::RequestTarget& target) {
  const std::vector<std::string>& segments = target.segments;
  return (segments.size() == 3 || segments.size() == 4) && segments[0] == "fovea" &&
         segments[1] == "v1" && segments[2] == "calls";
}

std::string CallJson(const focus::CallFacts& facts) { return wire::DumpJson(ToJson(facts)); }

wire::HttpResponse AnswerCalls(const wire::HttpRequest& request, const wire::ApiKeys& keys,
                               std::int64_t now_unix, const focus::Conductor& conductor,
                               const MembershipFacts& membership) {
  if (request.method != wire::HttpMethod::kGet && request.method != wire::HttpMethod::kHead) {
    return wire::TextResponse(405, "");
  }
  const auto token = wire::TokenOf(request);
  if (!token.ok()) return Refuse(401, "M_MISSING_TOKEN", "An access token is needed.");
  const auto grants = wire::VerifyToken(*token, keys, now_unix);
  if (!grants.ok()) return Refuse(401, "M_UNKNOWN_TOKEN", "The access token is not valid.");
  if (!grants->video.has_value() || !grants->video->room_list) {
    return Refuse(403, "M_FORBIDDEN", "The access token lacks roomList.");
  }
  const std::vector<std::string>& segments = request.target.segments;
  nlohmann::json calls = nlohmann::json::array();
  for (const std::string& room : conductor.CallRooms()) {
    const std::optional<focus::CallFacts> facts = conductor.Facts(room);
    if (!facts.has_value()) continue;
    const bool is_wanted =
        segments.size() == 3 || segments[3] == facts->room_name || segments[3] == facts->room_id;
    if (is_wanted) calls.push_back(ToJson(*facts));
  }
  if (segments.size() == 4 && calls.empty()) {
    return Refuse(404, "M_NOT_FOUND", "No call is remembered there.");
  }
  nlohmann::json out{{"calls", std::move(calls)}};
  if (segments.size() == 3) out["homeserver"] = HomeserverJson(membership);
  return wire::JsonResponse(200, wire::DumpJson(out));
}

}  // namespace fovea::app
