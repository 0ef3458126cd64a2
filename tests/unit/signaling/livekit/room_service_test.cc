// The server API: livekit-protocol reference section 5.1.
#include "signaling/livekit/room_service.h"

#include <google/protobuf/util/json_util.h>

#include "signaling/wire/base64.h"
#include "tests/unit/signaling/livekit/room_fixture.h"

namespace fovea::livekit {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

const wire::ApiKeys kKeys{{"devkey", "secret"}};

class RoomServiceTest : public RoomTest {
 protected:
  std::string Token(const wire::VideoGrants& video) {
    wire::TokenGrants grants;
    grants.api_key = "devkey";
    grants.expires_at_unix = world_.WallSeconds() + 600;
    grants.video = video;
    return wire::SignToken(grants, "secret");
  }
  static wire::VideoGrants Everything() {
    wire::VideoGrants video;
    video.room_create = video.room_list = video.room_admin = true;
    video.room = "room";
    return video;
  }
  static wire::HttpRequest Request(const std::string& method, const std::string& body) {
    wire::HttpRequest request;
    request.method = wire::HttpMethod::kPost;
    request.target = *wire::ParseRequestTarget("/twirp/livekit.RoomService/" + method);
    request.headers = {{"Content-Type", "application/json"}};
    request.body = body;
    return request;
  }
  wire::HttpResponse Call(const std::string& method, const std::string& body,
                          const wire::VideoGrants& video = Everything()) {
    wire::HttpRequest request = Request(method, body);
    request.headers.emplace_back("Authorization", "Bearer " + Token(video));
    return Answer(request);
  }
  // Of a method that answers at once.
  wire::HttpResponse Answer(const wire::HttpRequest& request) {
    wire::HttpResponse answer;
    answer.status = 0;
    service_.Handle(world_.now, request,
                    [&](wire::HttpResponse response) { answer = std::move(response); });
    EXPECT_NE(answer.status, 0) << "not answered";
    return answer;
  }
  json MustCall(const std::string& method, const std::string& body) {
    const wire::HttpResponse response = Call(method, body);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.Header("content-type"), "application/json");
    return wire::ParseJson(response.body).value_or(json());
  }
  // "status code: message" of a call that must fail.
  std::string Error(const wire::HttpResponse& response) {
    const json body = wire::ParseJson(response.body).value_or(json::object());
    EXPECT_TRUE(body.contains("meta"));
    return std::to_string(response.status) + " " + body.value("code", "") + ": " +
           body.value("msg", "");
  }

  RoomService service_{world_.context, world_.manager, kKeys};
};

// --- Routing, credentials, encodings ---

TEST_F(RoomServiceTest, AnswersWrongRoutesWithBadRoute) {
  EXPECT_EQ(Error(Call("Nothing", "{}")), "404 bad_route: the service has no such method");
  wire::HttpRequest request = Request("ListRooms", "{}");
  request.method = wire::HttpMethod::kGet;
  EXPECT_EQ(Answer(request).status, 404);
  request = Request("ListRooms", "{}");
  request.target = *wire::ParseRequestTarget("/twirp/livekit.Egress/ListEgress");
  EXPECT_EQ(Answer(request).status, 404);
  request = Request("ListRooms", "{}");
  request.headers[0].second = "text/plain";
  EXPECT_EQ(Error(Answer(request)), "404 bad_route: unexpected Content-Type");
}

TEST_F(RoomServiceTest, NeedsATokenThatIsSignedAndPermits) {
  EXPECT_EQ(Error(Answer(Request("ListRooms", "{}"))), "401 unauthenticated: permissions denied");
  wire::HttpRequest request = Request("ListRooms", "{}");
  request.headers.emplace_back("Authorization", "Bearer a.b.c");
  EXPECT_EQ(Error(Answer(request)), "401 unauthenticated: invalid authorization token");
}

TEST_F(RoomServiceTest, NeedsTheGrantOfEachMethod) {
  Join("alice");
  wire::VideoGrants elsewhere = Everything();
  elsewhere.room = "other room";
  elsewhere.room_create = elsewhere.room_list = false;
  const std::string body = R"({"name":"room","room":"room","identity":"alice"})";
  for (const char* method :
       {"CreateRoom", "ListRooms", "DeleteRoom", "ListParticipants", "GetParticipant",
        "RemoveParticipant", "MutePublishedTrack", "UpdateParticipant", "UpdateSubscriptions",
        "SendData", "UpdateRoomMetadata"}) {
    EXPECT_EQ(Error(Call(method, body, elsewhere)), "401 unauthenticated: permissions denied")
        << method;
    EXPECT_EQ(Call(method, body, wire::VideoGrants{}).status, 401) << method;
  }
}

TEST_F(RoomServiceTest, AnEmptyRoomNameIsNotAdministeredByATokenWithoutRoom) {
  wire::VideoGrants video = Everything();
  video.room = "";
  EXPECT_EQ(Call("ListParticipants", R"({"room":""})", video).status, 401);
}

TEST_F(RoomServiceTest, RefusesBodiesItCannotReadOrThatAreTooLarge) {
  EXPECT_EQ(Error(Call("CreateRoom", "{")), "400 malformed: the request could not be decoded");
  EXPECT_EQ(Call("CreateRoom", std::string(100'000, '[')).status, 400);
  EXPECT_EQ(Call("CreateRoom", std::string(limits::kHttpBodyBytesMax + 1, ' ')).status, 429);
}

TEST_F(RoomServiceTest, SpeaksProtobufWhenAskedInProtobuf) {
  pb::CreateRoomRequest create;
  create.set_name("room");
  wire::HttpRequest request = Request("CreateRoom", create.SerializeAsString());
  request.headers = {{"Content-Type", "application/protobuf"},
                     {"Authorization", "Bearer " + Token(Everything())}};
  const wire::HttpResponse response = Answer(request);
  EXPECT_EQ(response.Header("content-type"), "application/protobuf");
  pb::Room room;
  ASSERT_TRUE(room.ParseFromString(response.body));
  EXPECT_EQ(room.name(), "room");
  request.body = "\xff";
  EXPECT_EQ(Answer(request).status, 400);
}

TEST_F(RoomServiceTest, DoesNotOfferWhatUpstreamKeepsForItsCloud) {
  for (const char* method : {"ForwardParticipant", "MoveParticipant"}) {
    EXPECT_EQ(Error(Call(method, R"({"room":"room"})")),
              "501 unimplemented: this server does not offer the method");
  }
}

TEST_F(RoomServiceTest, AnswersACallIntoAParticipantWhenTheParticipantHas) {
  Client& alice = Join("alice");
  wire::HttpRequest request =
      Request("PerformRpc", R"({"room":"room","destination_identity":"alice","method":"m"})");
  request.headers.emplace_back("Authorization", "Bearer " + Token(Everything()));
  std::optional<wire::HttpResponse> answer;
  service_.Handle(world_.now, request, [&](wire::HttpResponse response) { answer = response; });
  EXPECT_FALSE(answer.has_value());
  ASSERT_EQ(world_.media.data.size(), 1U);
  const auto& message = world_.media.data[0].message;
  pb::DataPacket packet;
  ASSERT_TRUE(packet.ParseFromArray(message.data(), static_cast<int>(message.size())));
  pb::DataPacket response;
  response.mutable_rpc_response()->set_request_id(packet.rpc_request().id());
  response.mutable_rpc_response()->set_payload("done");
  alice.SendData(DataLane::kReliable, response);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, R"({"payload":"done"})");
}

TEST_F(RoomServiceTest, RefusesCallsNobodyCanAnswer) {
  Join("alice");
  EXPECT_EQ(Error(Call("PerformRpc", R"({"room":"room","method":"m"})")),
            "400 invalid_argument: destination identity is required");
  EXPECT_EQ(Error(Call("PerformRpc", R"({"room":"room","destinationIdentity":"bob"})")),
            "503 unavailable: no response: no such participant");
  const std::string large(limits::kRpcPayloadBytesMax + 1, 'x');
  EXPECT_EQ(Error(Call("PerformRpc", R"({"room":"room","destinationIdentity":"alice","payload":")" +
                                         large + "\"}")),
            "400 invalid_argument: RpcError 1402: Request payload too large");
  EXPECT_EQ(
      Call("PerformRpc", R"({"room":"room","destinationIdentity":"alice"})", wire::VideoGrants{})
          .status,
      401);
}

TEST_F(RoomServiceTest, MakesRoomsByAPresetAndByWhatIsSaidOutright) {
  pb::RoomConfiguration& preset = world_.options.room.configurations["meeting"];
  preset.set_max_participants(9);
  preset.set_empty_timeout(60);
  const json room =
      MustCall("CreateRoom", R"({"name":"room","roomPreset":"meeting","emptyTimeout":5,
                        "agents":[{"agentName":"a"}],"syncStreams":true})");
  EXPECT_EQ(room["max_participants"], 9);
  EXPECT_EQ(room["empty_timeout"], 5);
  EXPECT_EQ(Error(Call("CreateRoom", R"({"name":"other","roomPreset":"no such"})")),
            "400 invalid_argument: unknown room configuration in create room request");
  EXPECT_EQ(world_.manager.Find("other"), nullptr);
}

// --- Rooms ---

TEST_F(RoomServiceTest, CreatesARoomForLkJwtService) {
  const json room = MustCall(
      "CreateRoom",
      R"({"name":"room","empty_timeout":300,"departure_timeout":20,"max_participants":0})");
  EXPECT_EQ(room["name"], "room");
  EXPECT_TRUE(room["sid"].get<std::string>().starts_with("RM_"));
  EXPECT_EQ(room["creation_time"], std::to_string(world_.WallSeconds()));
  EXPECT_EQ(room["empty_timeout"], 300);
  EXPECT_EQ(room["departure_timeout"], 20);
  // Zeros are written, as Go's Twirp does.
  EXPECT_EQ(room["max_participants"], 0);
  EXPECT_EQ(room["num_participants"], 0);
  EXPECT_EQ(room["metadata"], "");
}

TEST_F(RoomServiceTest, TakesBothSpellingsAndIgnoresUnknownFields) {
  MustCall("CreateRoom", R"({"name":"a","emptyTimeout":7,"future_field":{"x":1}})");
  MustCall("CreateRoom", R"({"name":"b","empty_timeout":8})");
  EXPECT_EQ(world_.manager.Find("a")->Info().empty_timeout(), 7U);
  EXPECT_EQ(world_.manager.Find("b")->Info().empty_timeout(), 8U);
}

TEST_F(RoomServiceTest, CreatingAnExistingRoomUpdatesAndReturnsIt) {
  Client& alice = Join("alice");
  const std::string sid = alice.room().sid();
  const json room =
      MustCall("CreateRoom", R"({"name":"room","max_participants":5,"metadata":"m"})");
  EXPECT_EQ(room["sid"], sid);
  EXPECT_EQ(room["max_participants"], 5);
  EXPECT_EQ(room["num_participants"], 1);
  EXPECT_EQ(room["empty_timeout"], 300);  // not named, not changed
  EXPECT_EQ(alice.Last(Case::kRoomUpdate).room_update().room().metadata(), "m");
}

TEST_F(RoomServiceTest, CreatingAnEmptyRoomAgainKeepsItOpen) {
  MustCall("CreateRoom", R"({"name":"room","empty_timeout":10})");
  world_.Advance(Seconds(9));
  MustCall("CreateRoom", R"({"name":"room"})");
  world_.Advance(Seconds(9));
  EXPECT_NE(world_.manager.Find("room"), nullptr);
  world_.Advance(Seconds(1));
  EXPECT_EQ(world_.manager.Find("room"), nullptr);
}

TEST_F(RoomServiceTest, RefusesRoomsWithoutNameOrBeyondTheLimits) {
  EXPECT_EQ(Error(Call("CreateRoom", "{}")), "400 invalid_argument: room name cannot be empty");
  const std::string longest(limits::kRoomNameCharsMax, 'n');
  EXPECT_EQ(Call("CreateRoom", json{{"name", longest + "n"}}.dump()).status, 400);
  EXPECT_EQ(
      Call("CreateRoom", json{{"name", "n"}, {"metadata", std::string(512 * 1024 + 1, 'm')}}.dump())
          .status,
      400);
  EXPECT_TRUE(world_.manager.rooms().empty());
  MustCall("CreateRoom", json{{"name", longest}}.dump());
}

TEST_F(RoomServiceTest, ListsRoomsAllOrByName) {
  MustCall("CreateRoom", R"({"name":"a"})");
  MustCall("CreateRoom", R"({"name":"b"})");
  EXPECT_EQ(MustCall("ListRooms", "{}")["rooms"].size(), 2U);
  const json rooms = MustCall("ListRooms", R"({"names":["b","c"]})")["rooms"];
  ASSERT_EQ(rooms.size(), 1U);
  EXPECT_EQ(rooms[0]["name"], "b");
}

TEST_F(RoomServiceTest, DeletesARoomAndEverybodyInIt) {
  Client& alice = Join("alice");
  EXPECT_EQ(MustCall("DeleteRoom", R"({"room":"room"})"), json::object());
  EXPECT_EQ(alice.heard().back().leave().reason(), pb::DisconnectReason::ROOM_DELETED);
  EXPECT_EQ(Error(Call("DeleteRoom", R"({"room":"room"})")),
            "404 not_found: requested room does not exist");
}

TEST_F(RoomServiceTest, TellsEverybodyOfNewRoomMetadata) {
  Client& alice = Join("alice");
  EXPECT_EQ(MustCall("UpdateRoomMetadata", R"({"room":"room","metadata":"hello"})")["metadata"],
            "hello");
  EXPECT_EQ(alice.heard().back().room_update().room().metadata(), "hello");
  MustCall("UpdateRoomMetadata", R"({"room":"room","metadata":""})");
  EXPECT_EQ(alice.heard().back().room_update().room().metadata(), "");
}

// --- Participants ---

TEST_F(RoomServiceTest, ListsAndGetsParticipants) {
  Client& alice = Join("alice");
  alice.Publish(Microphone("mic"));
  const json list = MustCall("ListParticipants", R"({"room":"room"})")["participants"];
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["tracks"].size(), 1U);
  const json one = MustCall("GetParticipant", R"({"room":"room","identity":"alice"})");
  EXPECT_EQ(one["sid"], alice.sid());
  EXPECT_EQ(one["state"], "ACTIVE");
  EXPECT_EQ(Error(Call("GetParticipant", R"({"room":"room","identity":"bob"})")),
            "404 not_found: participant does not exist");
  EXPECT_EQ(MustCall("ListParticipants", R"({"room":"room"})")["participants"].size(), 1U);
}

TEST_F(RoomServiceTest, ListsNobodyInARoomThatIsNotThere) {
  EXPECT_THAT(MustCall("ListParticipants", R"({"room":"room"})")["participants"], IsEmpty());
  EXPECT_EQ(Call("GetParticipant", R"({"room":"room","identity":"a"})").status, 404);
}

TEST_F(RoomServiceTest, RemovesAParticipant) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  MustCall("RemoveParticipant", R"({"room":"room","identity":"alice"})");
  EXPECT_EQ(alice.heard().back().leave().reason(), pb::DisconnectReason::PARTICIPANT_REMOVED);
  EXPECT_EQ(alice.heard().back().leave().action(), pb::LeaveRequest::DISCONNECT);
  EXPECT_EQ(bob.Knows("alice").state(), pb::ParticipantInfo::DISCONNECTED);
  EXPECT_EQ(Call("RemoveParticipant", R"({"room":"room","identity":"alice"})").status, 404);
  // Without revoke_token_ts the token stays good.
  EXPECT_FALSE(world_.manager.CheckJoin(World::Params("room", "alice")).has_value());
}

TEST_F(RoomServiceTest, RevokesTheTokensIssuedBeforeAGivenTime) {
  Join("alice");
  MustCall("RemoveParticipant", R"({"room":"room","identity":"alice","revoke_token_ts":"1000"})");
  JoinParams params = World::Params("room", "alice");
  params.token_issued_unix = 999;
  ASSERT_TRUE(world_.manager.CheckJoin(params).has_value());
  EXPECT_EQ(world_.manager.CheckJoin(params)->status, 401);
  params.token_issued_unix.reset();
  EXPECT_TRUE(world_.manager.CheckJoin(params).has_value());
  params.token_issued_unix = 1000;
  EXPECT_FALSE(world_.manager.CheckJoin(params).has_value());
  params.token_issued_unix = 1;
  params.room = "another room";
  EXPECT_FALSE(world_.manager.CheckJoin(params).has_value());
}

TEST_F(RoomServiceTest, RevokesTokensAlsoOfSomebodyWhoIsNotHereButNotForStrangers) {
  wire::VideoGrants elsewhere = Everything();
  elsewhere.room = "other";
  const std::string body = R"({"room":"room","identity":"alice","revoke_token_ts":"1000"})";
  EXPECT_EQ(Call("RemoveParticipant", body, elsewhere).status, 401);
  EXPECT_EQ(world_.manager.revocations().size(), 0U);
  EXPECT_EQ(Call("RemoveParticipant", body).status, 404);
  EXPECT_EQ(world_.manager.revocations().size(), 1U);
}

TEST_F(RoomServiceTest, MutesATrackAndUnmutesItOnlyWhereThatIsEnabled) {
  Client& alice = Join("alice");
  const std::string sid = alice.Publish(Microphone("mic"));
  const auto body = [&](bool muted) {
    return json{{"room", "room"}, {"identity", "alice"}, {"track_sid", sid}, {"muted", muted}}
        .dump();
  };
  EXPECT_EQ(MustCall("MutePublishedTrack", body(true))["track"]["muted"], true);
  EXPECT_EQ(alice.Last(Case::kMute).mute().sid(), sid);
  EXPECT_TRUE(alice.Last(Case::kMute).mute().muted());
  EXPECT_TRUE(world_.media.Posted<control::SetPublicationMuted>().back().muted);
  EXPECT_EQ(Error(Call("MutePublishedTrack", body(false))),
            "412 failed_precondition: remote unmute not enabled");
  world_.options.room.enable_remote_unmute = true;
  EXPECT_EQ(MustCall("MutePublishedTrack", body(false))["track"]["muted"], false);
  EXPECT_FALSE(world_.media.Posted<control::SetPublicationMuted>().back().muted);
  EXPECT_EQ(Error(Call("MutePublishedTrack",
                       R"({"room":"room","identity":"alice","track_sid":"TR_x","muted":true})")),
            "404 not_found: track does not exist");
}

TEST_F(RoomServiceTest, UpdatesNameMetadataAndAttributes) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const json info = MustCall("UpdateParticipant",
                             R"({"room":"room","identity":"alice","name":"Alice","metadata":"m",
                                 "attributes":{"a":"1","b":"2"}})");
  EXPECT_EQ(info["name"], "Alice");
  EXPECT_EQ(bob.Knows("alice").metadata(), "m");
  EXPECT_EQ(alice.Knows("alice").attributes().size(), 2U);
  MustCall("UpdateParticipant", R"({"room":"room","identity":"alice","attributes":{"a":""}})");
  EXPECT_EQ(bob.Knows("alice").attributes().size(), 1U);
  EXPECT_EQ(bob.Knows("alice").metadata(), "m");
}

TEST_F(RoomServiceTest, RefusesParticipantsBeyondTheLimits) {
  Join("alice");
  const auto update = [&](const char* field, const json& value) {
    return Call("UpdateParticipant",
                json{{"room", "room"}, {"identity", "alice"}, {field, value}}.dump())
        .status;
  };
  EXPECT_EQ(update("name", std::string(limits::kParticipantNameCharsMax, 'n')), 200);
  EXPECT_EQ(update("name", std::string(limits::kParticipantNameCharsMax + 1, 'n')), 400);
  EXPECT_EQ(update("metadata", std::string(512 * 1024 + 1, 'm')), 400);
  EXPECT_EQ(update("attributes", {{"k", std::string(60 * 1024, 'v')}}), 200);
  EXPECT_EQ(update("attributes", {{"l", std::string(60 * 1024, 'v')}}), 400);
  EXPECT_EQ(update("attributes", {{"k", ""}, {"l", std::string(60 * 1024, 'v')}}), 200);
}

TEST_F(RoomServiceTest, TakesPermissionsAwayAndGivesThemBack) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const std::string camera = alice.Publish(Camera("cam"));
  Settle();
  ASSERT_TRUE(bob.participant()->downlinks.contains(camera));
  alice.Take();
  MustCall("UpdateParticipant", R"({"room":"room","identity":"alice",
      "permission":{"can_publish":false,"can_subscribe":true}})");
  EXPECT_EQ(alice.Last(Case::kTrackUnpublished).track_unpublished().track_sid(), camera);
  EXPECT_FALSE(alice.Knows("alice").permission().can_publish());
  EXPECT_THAT(KindsOf(alice.Take()), testing::Contains("refresh_token"));
  EXPECT_FALSE(bob.participant()->downlinks.contains(camera));
  EXPECT_EQ(bob.Knows("alice").tracks_size(), 0);
}

TEST_F(RoomServiceTest, ClosesAndRestoresSubscriptionsWithThePermission) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const std::string camera = alice.Publish(Camera("cam"));
  Settle();
  MustCall("UpdateParticipant",
           R"({"room":"room","identity":"bob","permission":{"can_subscribe":false}})");
  EXPECT_TRUE(bob.participant()->downlinks.empty());
  EXPECT_EQ(world_.media.Posted<control::RemoveSubscription>().size(), 1U);
  MustCall("UpdateParticipant",
           R"({"room":"room","identity":"bob","permission":{"can_subscribe":true}})");
  EXPECT_TRUE(bob.participant()->downlinks.contains(camera));
}

TEST_F(RoomServiceTest, SubscribesAndUnsubscribesForAParticipant) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const std::string camera = alice.Publish(Camera("cam"));
  Settle();
  MustCall("UpdateSubscriptions", json{{"room", "room"},
                                       {"identity", "bob"},
                                       {"subscribe", false},
                                       {"participant_tracks", {{{"track_sids", {camera}}}}}}
                                      .dump());
  EXPECT_TRUE(bob.participant()->downlinks.empty());
  MustCall(
      "UpdateSubscriptions",
      json{{"room", "room"}, {"identity", "bob"}, {"subscribe", true}, {"track_sids", {camera}}}
          .dump());
  EXPECT_TRUE(bob.participant()->downlinks.contains(camera));
}

// --- Data ---

TEST_F(RoomServiceTest, SendsDataToTheNamedOrToAll) {
  Join("alice");
  Client& bob = Join("bob");
  MustCall("SendData", R"({"room":"room","data":"aGk=","kind":"LOSSY","topic":"t"})");
  EXPECT_EQ(world_.media.data.size(), 2U);
  world_.media.data.clear();
  MustCall("SendData", R"({"room":"room","data":"aGk=","destinationIdentities":["bob"]})");
  ASSERT_EQ(world_.media.data.size(), 1U);
  EXPECT_EQ(world_.media.data[0].session, bob.session());
  EXPECT_EQ(world_.media.data[0].lane, DataLane::kReliable);
  pb::DataPacket packet;
  ASSERT_TRUE(packet.ParseFromArray(world_.media.data[0].message.data(),
                                    static_cast<int>(world_.media.data[0].message.size())));
  EXPECT_EQ(packet.user().payload(), "hi");
  EXPECT_EQ(packet.participant_identity(), "");
}

TEST_F(RoomServiceTest, DoesNotDeliverANonceAgainThatItRemembers) {
  Join("alice");
  const auto send = [&](const std::string& nonce) {
    MustCall("SendData", json{{"room", "room"},
                              {"data", "aGk="},
                              {"nonce", wire::Base64Encode(wire::AsBytes(nonce))}}
                             .dump());
    return std::exchange(world_.media.data, {}).size();
  };
  EXPECT_EQ(send("nonce-0"), 1U);
  EXPECT_EQ(send("nonce-0"), 0U);
  for (std::size_t i = 1; i < limits::kDataNoncesMax; ++i) {
    EXPECT_EQ(send("nonce-" + std::to_string(i)), 1U);
  }
  EXPECT_EQ(send("nonce-0"), 0U);
  EXPECT_EQ(send("one more"), 1U);
  EXPECT_EQ(send("nonce-1"), 0U) << "only the oldest is forgotten";
  EXPECT_EQ(send("nonce-0"), 1U);
  EXPECT_EQ(send(""), 1U);
  EXPECT_EQ(send(""), 1U);
}

// --- Revocations ---

TEST(Revocations, ForgetTheOldestWhenFull) {
  Revocations revocations;
  for (std::size_t i = 0; i <= limits::kRevocationsMax; ++i) {
    revocations.Revoke("room", std::to_string(i), 1000);
  }
  EXPECT_EQ(revocations.size(), limits::kRevocationsMax);
  EXPECT_EQ(revocations.forgotten_total(), 1U);
  EXPECT_FALSE(revocations.IsRevoked("room", "0", 1));
  EXPECT_TRUE(revocations.IsRevoked("room", "1", 1));
}

TEST(Revocations, ForgetTheOneThatWasNotRepeated) {
  Revocations revocations;
  for (std::size_t i = 0; i < limits::kRevocationsMax; ++i) {
    revocations.Revoke("room", std::to_string(i), 1000);
  }
  revocations.Revoke("room", "0", 2000);
  revocations.Revoke("room", "one more", 2000);
  EXPECT_TRUE(revocations.IsRevoked("room", "0", 1999));
  EXPECT_FALSE(revocations.IsRevoked("room", "1", 1));
}

TEST(Revocations, OnlyMoveForward) {
  Revocations revocations;
  revocations.Revoke("room", "alice", 1000);
  revocations.Revoke("room", "alice", 500);
  EXPECT_TRUE(revocations.IsRevoked("room", "alice", 999));
  revocations.Revoke("room", "alice", 2000);
  EXPECT_TRUE(revocations.IsRevoked("room", "alice", 1999));
  EXPECT_EQ(revocations.size(), 1U);
}

}  // namespace
}  // namespace fovea::livekit
