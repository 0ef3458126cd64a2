// What the homeserver answers when its application service asks about somebody: MSC4502
// (is_joined), MSC4140 (delayed events), MSC4512 (requests to other homeservers) and devices.
// Anything that is not one of the answers we know is kUnknown: nothing is concluded from it.
// Thread: pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sfu/core/time.h"
#include "signaling/matrix/matrix_error.h"

namespace fovea::matrix {

enum class JoinedAnswer : std::uint8_t { kJoined, kNotJoined, kUnknown };
// GET /rooms/{room}/is_joined.
[[nodiscard]] JoinedAnswer ReadIsJoined(int status, std::string_view body);

// Whether this is the homeserver saying that it does not show the room, or does not know it: what
// a reverse proxy says in its place, for want of a homeserver, is none of its answers.
[[nodiscard]] bool IsRefusal(int status, std::string_view body);

// GET /account/whoami: the user id of whoever asked; empty where the answer does not tell.
[[nodiscard]] std::string ReadWhoAmI(int status, std::string_view body);

// GET /devices/{id} as its user. kGone only where the homeserver itself says that there is none.
enum class DeviceAnswer : std::uint8_t { kThere, kGone, kUnknown };
[[nodiscard]] DeviceAnswer ReadDevice(int status, std::string_view body,
                                      std::string_view device_id);

enum class DelayedEventStatus : std::uint8_t {
  kFound,
  kMissing,  // the user has none of that id
  kNoRoute,  // not asked in a way that this homeserver knows
  kUnknown
};
struct DelayedEventAnswer {
  DelayedEventStatus status = DelayedEventStatus::kUnknown;
  std::string room_id{};
  Duration delay{};  // at most a year
};
// GET /delayed_events/{id}.
[[nodiscard]] DelayedEventAnswer ReadDelayedEvent(int status, std::string_view body);
// GET /delayed_events, which older homeservers have instead: the one of that id.
[[nodiscard]] DelayedEventAnswer FindDelayedEvent(int status, std::string_view body,
                                                  std::string_view delay_id);

// What another homeserver's focus answered to a request for a token, by way of ours.
struct RelayedToken {
  std::string jwt{};  // empty: none, and `error` says what our client is told
  std::string url{};  // may be empty
  MatrixError error{};
};
// POST /appservice/fed_proxy. A refusal of the request is passed on, anything else is 502.
[[nodiscard]] RelayedToken ReadRelayedToken(int status, std::string_view body);

// The homeserver, or the one behind it, has not answered.
[[nodiscard]] MatrixError NoHomeserver();

}  // namespace fovea::matrix
