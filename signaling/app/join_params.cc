#include "signaling/app/join_params.h"

#include <utility>
#include <vector>

namespace fovea::app {
namespace {

// The claims have the schema's names in lower case.
std::string Uppered(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

pb::ParticipantInfo::Kind KindOf(const std::string& kind) {
  pb::ParticipantInfo::Kind out = pb::ParticipantInfo::STANDARD;
  (void)pb::ParticipantInfo::Kind_Parse(Uppered(kind), &out);
  return out;
}

// Unknown ones are left out: issuers may be newer than we are.
std::vector<pb::ParticipantInfo::KindDetail> KindDetailsOf(const std::vector<std::string>& names) {
  std::vector<pb::ParticipantInfo::KindDetail> out;
  for (const std::string& name : names) {
    pb::ParticipantInfo::KindDetail detail{};
    if (pb::ParticipantInfo::KindDetail_Parse(Uppered(name), &detail)) out.push_back(detail);
  }
  return out;
}

}  // namespace

pb::ParticipantPermission PermissionOf(const wire::VideoGrants& grants) {
  pb::ParticipantPermission permission;
  permission.set_can_subscribe(grants.CanSubscribe());
  permission.set_can_publish(grants.CanPublish());
  permission.set_can_publish_data(grants.CanPublishData());
  for (const ::livekit::TrackSource source : grants.can_publish_sources)
    permission.add_can_publish_sources(source);
  permission.set_hidden(grants.hidden);
  permission.set_recorder(grants.recorder);
  permission.set_can_update_metadata(grants.CanUpdateOwnMetadata());
  permission.set_agent(grants.agent);
  permission.set_can_subscribe_metrics(grants.can_subscribe_metrics);
  permission.set_can_manage_agent_session(grants.can_manage_agent_session);
  return permission;
}

wire::TokenGrants RefreshedGrants(const wire::TokenGrants& token,
                                  const pb::ParticipantInfo& participant, const std::string& room,
                                  std::int64_t now_unix, std::int64_t ttl_seconds) {
  wire::TokenGrants grants = token;
  grants.expires_at_unix = now_unix + ttl_seconds;
  if (!grants.not_before_unix.has_value()) grants.not_before_unix = now_unix;
  grants.name = participant.name();
  grants.metadata = participant.metadata();
  grants.attributes.clear();
  for (const auto& [key, value] : participant.attributes()) grants.attributes[key] = value;
  if (!grants.video.has_value()) grants.video.emplace();
  wire::VideoGrants& video = *grants.video;
  const pb::ParticipantPermission& permission = participant.permission();
  video.room_join = true;
  video.room = room;
  video.can_publish = permission.can_publish();
  video.can_subscribe = permission.can_subscribe();
  video.can_publish_data = permission.can_publish_data();
  video.can_update_own_metadata = permission.can_update_metadata();
  video.can_publish_sources.clear();
  for (const int source : permission.can_publish_sources()) {
    video.can_publish_sources.push_back(static_cast<::livekit::TrackSource>(source));
  }
  video.hidden = permission.hidden();
  video.recorder = permission.recorder();
  video.agent = permission.agent();
  video.can_subscribe_metrics = permission.can_subscribe_metrics();
  video.can_manage_agent_session = permission.can_manage_agent_session();
  return grants;
}

Result<livekit::JoinParams, livekit::JoinRefusal> ReadJoin(const wire::HttpRequest& request,
                                                           wire::SignalPath path,
                                                           const wire::ApiKeys& keys,
                                                           std::int64_t now_unix) {
  const auto refuse = [](const wire::TokenError& error) {
    return Failure{livekit::JoinRefusal{error.status(), std::string(error.body())}};
  };
  const Result<std::string, wire::TokenError> token = wire::TokenOf(request);
  if (!token.ok()) return refuse(token.error());
  const Result<wire::TokenGrants, wire::TokenError> grants =
      wire::VerifyToken(*token, keys, now_unix);
  if (!grants.ok()) return refuse(grants.error());
  if (const auto error = wire::RefuseJoin(*grants)) return refuse(*error);
  const Result<wire::JoinParameters, wire::JoinRequestError> parameters =
      wire::ParseJoinParameters(path, request.target);
  if (!parameters.ok()) return Failure{livekit::JoinRefusal{400, parameters.error().message}};

  livekit::JoinParams params;
  params.token = *grants;
  params.token_issued_unix = grants->not_before_unix;
  params.room = grants->video->room;
  params.identity = grants->identity;
  params.name = grants->name;
  params.metadata = grants->metadata;
  params.attributes = grants->attributes;
  params.permission = PermissionOf(*grants->video);
  params.kind = KindOf(grants->kind);
  params.kind_details = KindDetailsOf(grants->kind_details);
  params.may_create_room = grants->video->room_create;
  params.room_configuration = grants->room_config;
  params.room_preset = grants->room_preset;
  params.request = parameters->request;
  params.single_peer_connection = parameters->single_peer_connection;
  if (!parameters->publish_suffix.empty()) {
    // A publish-only side session of the same person.
    params.identity += "#" + parameters->publish_suffix;
    params.permission.set_can_subscribe(false);
  }
  return params;
}

}  // namespace fovea::app
