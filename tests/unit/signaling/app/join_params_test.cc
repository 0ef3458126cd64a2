// From a token to a participant, and from a participant to the token it is refreshed with:
// livekit-protocol reference section 1.9.
#include "signaling/app/join_params.h"

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <utility>

namespace fovea::app {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::UnorderedElementsAre;
using wire::TokenGrants;

constexpr std::int64_t kNow = 1'700'000'000;
constexpr std::int64_t kTtl = 600;
constexpr const char* kSecret = "a secret of thirty-two characters";
const wire::ApiKeys kKeys{{"key", kSecret}};

// Every claim of section 1.9, none of them at its default.
TokenGrants Everything() {
  TokenGrants grants;
  grants.api_key = "key";
  grants.identity = "agent-7";
  grants.expires_at_unix = kNow + 3600;
  grants.not_before_unix = kNow - 10;
  grants.name = "Seven";
  grants.metadata = "as minted";
  grants.attributes = {{"as", "minted"}};
  grants.kind = "agent";
  grants.kind_details = {"cloud_agent"};
  grants.room_preset = "meeting";
  grants.room_config.emplace().set_max_participants(9);
  wire::VideoGrants& video = grants.video.emplace();
  for (bool wire::VideoGrants::*flag :
       {&wire::VideoGrants::room_join, &wire::VideoGrants::room_create,
        &wire::VideoGrants::room_list, &wire::VideoGrants::room_admin,
        &wire::VideoGrants::room_record, &wire::VideoGrants::ingress_admin,
        &wire::VideoGrants::hidden, &wire::VideoGrants::recorder, &wire::VideoGrants::agent,
        &wire::VideoGrants::can_subscribe_metrics, &wire::VideoGrants::can_manage_agent_session}) {
    video.*flag = true;
  }
  video.room = "room";
  video.destination_room = "elsewhere";
  video.can_publish = true;
  video.can_subscribe = false;
  video.can_publish_data = false;
  video.can_update_own_metadata = true;
  video.can_publish_sources = {::livekit::MICROPHONE};
  return grants;
}

wire::HttpRequest Request(const std::string& target, const TokenGrants& grants) {
  wire::HttpRequest request;
  request.target = *wire::ParseRequestTarget(target);
  request.headers.emplace_back("Authorization", "Bearer " + wire::SignToken(grants, kSecret));
  return request;
}

livekit::JoinParams Joined(const TokenGrants& grants, const std::string& target = "/rtc") {
  auto params = ReadJoin(Request(target, grants), wire::SignalPath::kV0, kKeys, kNow);
  EXPECT_TRUE(params.ok()) << params.error().message;
  return params.ok() ? std::move(*params) : livekit::JoinParams{};
}

// What Room makes of the parameters.
pb::ParticipantInfo InfoOf(const livekit::JoinParams& params) {
  pb::ParticipantInfo info;
  info.set_identity(params.identity);
  info.set_name(params.name);
  info.set_metadata(params.metadata);
  for (const auto& [key, value] : params.attributes) (*info.mutable_attributes())[key] = value;
  info.set_kind(params.kind);
  *info.mutable_permission() = params.permission;
  return info;
}

// The token that a client would come back with, read as a join.
livekit::JoinParams Again(const livekit::JoinParams& params, const pb::ParticipantInfo& info,
                          const std::string& target = "/rtc") {
  return Joined(RefreshedGrants(params.token, info, params.room, kNow, kTtl), target);
}

TEST(JoinParams, SayWhatTheTokenSays) {
  const livekit::JoinParams params = Joined(Everything());
  EXPECT_EQ(params.room, "room");
  EXPECT_EQ(params.identity, "agent-7");
  EXPECT_EQ(params.name, "Seven");
  EXPECT_EQ(params.metadata, "as minted");
  EXPECT_THAT(params.attributes, UnorderedElementsAre(Pair("as", "minted")));
  EXPECT_EQ(params.kind, pb::ParticipantInfo::AGENT);
  EXPECT_THAT(params.kind_details, ElementsAre(pb::ParticipantInfo::CLOUD_AGENT));
  EXPECT_EQ(params.token_issued_unix, kNow - 10);
  EXPECT_TRUE(params.may_create_room);
  EXPECT_EQ(params.room_preset, "meeting");
  EXPECT_EQ(params.room_configuration->max_participants(), 9U);
  EXPECT_TRUE(params.permission.can_publish());
  EXPECT_FALSE(params.permission.can_subscribe());
  EXPECT_TRUE(params.permission.recorder());
  EXPECT_THAT(params.permission.can_publish_sources(), ElementsAre(pb::TrackSource::MICROPHONE));
}

TEST(JoinParams, KnowEveryKindAndTakeNewerOnesForPeople) {
  TokenGrants grants = Everything();
  using Info = pb::ParticipantInfo;
  const std::map<std::string, Info::Kind> kinds = {
      {"", Info::STANDARD},           {"standard", Info::STANDARD}, {"ingress", Info::INGRESS},
      {"egress", Info::EGRESS},       {"sip", Info::SIP},           {"agent", Info::AGENT},
      {"connector", Info::CONNECTOR}, {"bridge", Info::BRIDGE},     {"hologram", Info::STANDARD}};
  for (const auto& [kind, expected] : kinds) {
    grants.kind = kind;
    EXPECT_EQ(Joined(grants).kind, expected) << kind;
  }
  grants.kind_details = {"bridge_rtsp", "telepathic", "forwarded"};
  EXPECT_THAT(Joined(grants).kind_details, ElementsAre(Info::BRIDGE_RTSP, Info::FORWARDED));
}

TEST(JoinParams, ARefreshedTokenLosesNoClaim) {
  const TokenGrants grants = Everything();
  const livekit::JoinParams params = Joined(grants);
  // The same text: no claim is missing and none was added.
  const std::int64_t left = grants.expires_at_unix - kNow;
  EXPECT_EQ(
      wire::SignToken(RefreshedGrants(params.token, InfoOf(params), "room", kNow, left), kSecret),
      wire::SignToken(grants, kSecret));
}

TEST(JoinParams, ARefreshedTokenIsRefusedWhereTheFirstOneIs) {
  TokenGrants grants = Everything();
  const auto refreshed = [&] {
    return RefreshedGrants(grants, InfoOf(Joined(Everything())), "room", kNow, kTtl);
  };
  EXPECT_EQ(refreshed().expires_at_unix, kNow + kTtl);
  EXPECT_EQ(refreshed().not_before_unix, grants.not_before_unix);
  grants.not_before_unix.reset();  // of the first nobody can tell
  EXPECT_EQ(refreshed().not_before_unix, kNow);
}

TEST(JoinParams, AnAgentThatComesBackWithARefreshedTokenIsStillOne) {
  const livekit::JoinParams params = Joined(Everything());
  const livekit::JoinParams again = Again(params, InfoOf(params));
  EXPECT_EQ(again.kind, pb::ParticipantInfo::AGENT);
  EXPECT_TRUE(again.may_create_room);
  EXPECT_EQ(again.room_preset, "meeting");
  EXPECT_EQ(again.room_configuration->max_participants(), 9U);
  EXPECT_TRUE(again.permission.can_subscribe_metrics());
  EXPECT_TRUE(again.permission.can_manage_agent_session());
}

TEST(JoinParams, ARefreshedTokenSaysWhatWasChangedSinceTheJoin) {
  const livekit::JoinParams params = Joined(Everything());
  pb::ParticipantInfo info = InfoOf(params);
  info.set_name("Eight");
  info.set_metadata("new");
  info.clear_attributes();
  (*info.mutable_attributes())["new"] = "too";
  info.clear_permission();
  info.mutable_permission()->set_can_subscribe(true);
  const livekit::JoinParams again = Again(params, info);
  EXPECT_EQ(again.name, "Eight");
  EXPECT_EQ(again.metadata, "new");
  EXPECT_THAT(again.attributes, UnorderedElementsAre(Pair("new", "too")));
  EXPECT_TRUE(again.permission.can_subscribe());
  EXPECT_FALSE(again.permission.can_publish());
  EXPECT_EQ(again.permission.can_publish_sources_size(), 0);
  EXPECT_FALSE(again.permission.can_update_metadata());
  EXPECT_FALSE(again.permission.recorder());
  EXPECT_FALSE(again.permission.hidden());
  EXPECT_FALSE(again.permission.can_subscribe_metrics());
}

TEST(JoinParams, ASideSessionMaySubscribeToNothingAndComesBackUnderItsOwnName) {
  TokenGrants grants = Everything();
  grants.video->can_subscribe = true;
  const livekit::JoinParams params = Joined(grants, "/rtc?publish=screen");
  EXPECT_EQ(params.identity, "agent-7#screen");
  EXPECT_FALSE(params.permission.can_subscribe());
  EXPECT_EQ(params.token.identity, "agent-7");
  EXPECT_EQ(Again(params, InfoOf(params), "/rtc?publish=screen").identity, "agent-7#screen");
}

TEST(JoinParams, RefusesWhatTheTokenDoesNotAllow) {
  const auto refusal = [](const wire::HttpRequest& request) {
    const auto params = ReadJoin(request, wire::SignalPath::kV0, kKeys, kNow);
    return params.ok() ? 200 : params.error().status;
  };
  TokenGrants grants = Everything();
  EXPECT_EQ(refusal(Request("/rtc", grants)), 200);
  wire::HttpRequest bare;
  bare.target = *wire::ParseRequestTarget("/rtc");
  EXPECT_EQ(refusal(bare), 401);
  grants.video->room_join = false;
  EXPECT_EQ(refusal(Request("/rtc", grants)), 401);
  grants = Everything();
  grants.expires_at_unix = kNow - 3600;
  EXPECT_EQ(refusal(Request("/rtc", grants)), 401);
  grants = Everything();
  grants.identity.clear();
  EXPECT_EQ(refusal(Request("/rtc", grants)), 400);
}

}  // namespace
}  // namespace fovea::app
