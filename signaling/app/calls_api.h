// What the focus knows of its calls that their rooms do not, for homeserver modules, dashboards and
// people: GET /fovea/v1/calls and /fovea/v1/calls/{room}. Thread: signaling.
#pragma once

#include <cstdint>
#include <string>

#include "signaling/app/metrics.h"
#include "signaling/focus/conductor.h"
#include "signaling/wire/http_message.h"
#include "signaling/wire/token_grants.h"

namespace fovea::app {

[[nodiscard]] bool IsCallsPath(const wire::RequestTarget& target);

// `{room}` is a Matrix room id or a LiveKit room name. Needs an access token with `roomList`, which
// no participant has: 401 without a token, 403 with a lesser one. 404: never a call there, as far
// as is remembered. The list of all calls also tells what was heard of the homeserver.
// REQUIRES: IsCallsPath(request.target).
[[nodiscard]] wire::HttpResponse AnswerCalls(const wire::HttpRequest& request,
                                             const wire::ApiKeys& keys, std::int64_t now_unix,
                                             const focus::Conductor& conductor,
                                             const MembershipFacts& membership);

[[nodiscard]] std::string CallJson(const focus::CallFacts& facts);

}  // namespace fovea::app
