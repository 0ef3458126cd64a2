#include "signaling/matrix/openid.h"

#include "sfu/core/limits.h"
#include "signaling/wire/json.h"
#include "signaling/wire/url.h"

namespace fovea::matrix {

std::string UserInfoTarget(std::string_view access_token) {
  return "/_matrix/federation/v1/openid/userinfo?access_token=" + wire::PercentEncode(access_token);
}

std::string_view ToString(UserInfoError error) {
  switch (error) {
    case UserInfoError::kRefused:
      return "the homeserver does not know the OpenID token";
    case UserInfoError::kMalformed:
      return "the homeserver's answer is not a user id";
    case UserInfoError::kForeign:
      return "the homeserver vouches for a user of another server";
    case UserInfoError::kServer:
      return "the homeserver answered with an error";
  }
  return "unknown";
}

Result<UserId, UserInfoError> ReadUserInfo(int status, std::string_view body,
                                           const ServerName& asked) {
  if (status == 401 || status == 403) return Failure{UserInfoError::kRefused};
  if (status != 200) return Failure{UserInfoError::kServer};
  if (body.size() > limits::kUserInfoBytesMax) return Failure{UserInfoError::kMalformed};
  const auto answer = wire::ParseJson(body);
  if (!answer || !answer->is_object()) return Failure{UserInfoError::kMalformed};
  const auto sub = answer->find("sub");
  if (sub == answer->end() || !sub->is_string()) return Failure{UserInfoError::kMalformed};
  std::optional<UserId> user = UserId::Parse(sub->get_ref<const std::string&>());
  if (!user) return Failure{UserInfoError::kMalformed};
  if (user->server_name != asked.text) return Failure{UserInfoError::kForeign};
  return *std::move(user);
}

}  // namespace fovea::matrix
