// What a client does before a call: who am I, an OpenID token, a token for a room, and whether the
// focus takes it. matrixrtc reference, section 5. Thread: the one that runs the doctor.
#include "signaling/app/doctor_public.h"
#include "signaling/app/service_url.h"
#include "signaling/wire/url.h"

namespace fovea::app {
namespace {

constexpr const char* kCheck = "round-trip";

Finding Stuck(Verdict verdict, const Probe& probe, const std::string& fix) {
  return {kCheck, verdict, Describe(probe), fix};
}

ProbeRequest AsUser(const Config& config, const std::string& token, const std::string& target) {
  return {.peer = Peer::kHomeserver,
          .url = config.homeserver.url + "/_matrix/client/v3" + target,
          .headers = {{"Authorization", "Bearer " + token}}};
}

// The first room of the account: tokens are for members, so that not any room would do.
std::string FirstRoom(const Probe& joined) {
  const nlohmann::json body = BodyOf(joined);
  const auto rooms = body.find("joined_rooms");
  if (rooms == body.end() || !rooms->is_array() || rooms->empty()) return {};
  return rooms->front().is_string() ? rooms->front().get<std::string>() : std::string();
}

Finding TryToken(const std::string& service, const std::string& room,
                 const nlohmann::json& openid_token, const Fetch& fetch) {
  nlohmann::json body;
  body["room"] = room;
  body["device_id"] = "FOVEADOCTOR";
  body["openid_token"] = openid_token;
  const Probe minted = fetch({.peer = Peer::kPublic,
                              .method = wire::HttpMethod::kPost,
                              .url = service + "/sfu/get",
                              .headers = {{"Content-Type", "application/json"}},
                              .body = wire::DumpJson(body)});
  const nlohmann::json answer = BodyOf(minted);
  if (minted.status() != 200) {
    return Stuck(Verdict::kFail, minted,
                 "no token for a member of " + room + ": " + TextOf(answer, "error") +
                     "; the findings above and the log of the focus say more");
  }
  const std::string url = ServiceUrlOf(TextOf(answer, "url"));
  const Probe validated = fetch(
      {.peer = Peer::kPublic,
       .url = url + "/rtc/validate?access_token=" + wire::PercentEncode(TextOf(answer, "jwt"))});
  if (validated.status() != 200) {
    return Stuck(Verdict::kFail, validated,
                 "the token names " + url +
                     ": access.public_url has to lead to the focus that "
                     "made the token, with the same keys");
  }
  return {kCheck, Verdict::kPass, "a member of " + room + " is given a token that opens its call"};
}

}  // namespace

Finding TryTokenRoundTrip(const Config& config, const std::string& user_token, const Fetch& fetch) {
  const std::string service = ServiceUrlOf(config.access.public_url);
  if (service.empty()) {
    return {kCheck, Verdict::kSkip, "access.public_url is not set", "set access.public_url"};
  }
  if (user_token.empty()) {
    return {kCheck, Verdict::kSkip, "needs an account's access token",
            "FOVEA_USER_TOKEN=... fovea doctor FILE does what a client of that account does"};
  }
  const Probe whoami = fetch(AsUser(config, user_token, "/account/whoami"));
  const std::string user = TextOf(BodyOf(whoami), "user_id");
  if (whoami.status() != 200 || user.empty()) {
    return Stuck(Verdict::kSkip, whoami,
                 "--user-token has to be an access token of an account here");
  }
  const std::string room = FirstRoom(fetch(AsUser(config, user_token, "/joined_rooms")));
  if (room.empty()) {
    return {kCheck, Verdict::kSkip, user + " is in no room", "let the account join a room"};
  }
  ProbeRequest asking =
      AsUser(config, user_token, "/user/" + wire::PercentEncode(user) + "/openid/request_token");
  asking.method = wire::HttpMethod::kPost;
  asking.body = "{}";
  const Probe openid = fetch(asking);
  if (openid.status() != 200) {
    return Stuck(Verdict::kFail, openid, "the homeserver has to give out OpenID tokens");
  }
  return TryToken(service, room, BodyOf(openid), fetch);
}

}  // namespace fovea::app
