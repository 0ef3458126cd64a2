// fuzz-deps: signaling_livekit
// The server API with a good token and an arbitrary body, in a room with two people: every call is
// answered once, with a status and JSON or protobuf, and the rooms stay consistent. Then the body
// alone: what ReadTwirp takes, it takes again as WriteTwirp writes it.
//
// Input: | method 1 byte | encoding 1 byte | body |
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sfu/core/check.h"
#include "signaling/livekit/room_service.h"
#include "signaling/livekit/twirp.h"
#include "signaling/wire/token_grants.h"
#include "tests/support/livekit_fakes.h"

namespace {

using namespace fovea;           // NOLINT
using namespace fovea::livekit;  // NOLINT

constexpr std::array<std::string_view, 14> kMethods = {
    "CreateRoom",          "ListRooms",         "DeleteRoom",         "ListParticipants",
    "GetParticipant",      "RemoveParticipant", "MutePublishedTrack", "UpdateParticipant",
    "UpdateSubscriptions", "SendData",          "UpdateRoomMetadata", "PerformRpc",
    "ForwardParticipant",  "NoSuchMethod"};

std::string Token(const World& world) {
  wire::TokenGrants grants;
  grants.api_key = "devkey";
  grants.expires_at_unix = world.WallSeconds() + 600;
  wire::VideoGrants& video = grants.video.emplace();
  video.room_create = video.room_list = video.room_admin = true;
  video.room = "room";
  return wire::SignToken(grants, "secret");
}

void Call(std::string_view method, std::string_view type, const std::string& body) {
  const wire::ApiKeys keys{{"devkey", "secret"}};
  World world;
  (void)world.Open(World::Params("room", "alice"));
  (void)world.Open(World::Params("room", "bob"));
  RoomService service{world.context, world.manager, keys};
  wire::HttpRequest request;
  request.method = wire::HttpMethod::kPost;
  request.target = *wire::ParseRequestTarget("/twirp/livekit.RoomService/" + std::string(method));
  request.headers = {{"Content-Type", std::string(type)},
                     {"Authorization", "Bearer " + Token(world)}};
  request.body = body;
  int answers = 0;
  service.Handle(world.now, request, [&](const wire::HttpResponse& response) {
    ++answers;
    FOVEA_CHECK(response.status >= 200 && response.status < 600);
    FOVEA_CHECK(response.Header("content-type").has_value());
  });
  FOVEA_CHECK(answers == 1 || (answers == 0 && method == "PerformRpc"));
  FOVEA_CHECK(world.IsConsistent());
  world.Advance(Seconds(60));
  world.manager.Shutdown(world.now);
  FOVEA_CHECK(answers == 1);
  FOVEA_CHECK(world.IsConsistent());
}

template <class Message>
void RoundTrip(TwirpEncoding encoding, const std::string& body) {
  Message message;
  if (!ReadTwirp(encoding, body, message)) return;
  for (const auto again : {TwirpEncoding::kProtobuf, TwirpEncoding::kJson}) {
    Message copy;
    const wire::HttpResponse written = WriteTwirp(again, message);
    FOVEA_CHECK(written.status == 200);
    FOVEA_CHECK(ReadTwirp(again, written.body, copy));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const bool is_json = data[1] % 2 == 0;
  const std::string body(data + 2, data + size);
  Call(kMethods[data[0] % kMethods.size()], is_json ? "application/json" : "application/protobuf",
       body);
  const auto encoding = is_json ? TwirpEncoding::kJson : TwirpEncoding::kProtobuf;
  RoundTrip<pb::CreateRoomRequest>(encoding, body);
  RoundTrip<pb::UpdateParticipantRequest>(encoding, body);
  RoundTrip<pb::SendDataRequest>(encoding, body);
  return 0;
}
