// One event as a homeserver shows it to clients and application services: the envelope, and the
// kinds that a focus reads. Matrix client-server API, "Room events"; MSC4354 for sticky events.
// Thread: pure functions and plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sfu/core/result.h"
#include "signaling/wire/json.h"

namespace fovea::matrix {

enum class EventKind : std::uint8_t {
  kOther,  // discarded unparsed
  kRoomMember,
  kServerAcl,
  kEncryption,
  kTombstone,
  kCreate,
  kCallMember,  // org.matrix.msc3401.call.member: state
  kRtcMember,   // m.rtc.member: state in 2024, sticky since
  kRtcSlot,
  kEncrypted,  // an envelope; of interest only where it is sticky
  kRedaction,
};

[[nodiscard]] EventKind KindOf(std::string_view type);

struct Event {
  EventKind kind = EventKind::kOther;
  std::string room_id{};
  std::string event_id{};
  std::string sender{};
  std::optional<std::string> state_key{};  // a state event has one, even if empty
  std::int64_t origin_server_ts_ms = 0;    // the sending server's word, never an order of events
  nlohmann::json content;
  std::string redacts{};         // the event that this one redacts
  std::string replaces_state{};  // the state event before this one, where the homeserver tells
  std::optional<std::int64_t> sticky_duration_ms{};
  std::optional<std::int64_t> sticky_ttl_ms{};  // what is left of it, by the homeserver's clock
};

enum class EventRefusal : std::uint8_t { kOfNoInterest, kSoftFailed, kMalformed };

// Reads one event. `room_id` is what /sync says beside the event, which then has none itself.
// Unknown fields are tolerated; a soft-failed event counts for nothing. ParseEvent skips all that
// it does not read, however deep and long: anybody may write that. A member of `content` that
// cannot be read becomes null. Limit: kEventContentBytesMax.
[[nodiscard]] Result<Event, EventRefusal> ParseEvent(std::string_view text,
                                                     std::string_view room_id = {});
[[nodiscard]] Result<Event, EventRefusal> ReadEvent(nlohmann::json json,
                                                    std::string_view room_id = {});

// A string member of a JSON object; empty where it is missing, no string, or longer than an id.
[[nodiscard]] std::string StringIn(const nlohmann::json& object, const char* key);
// An integer member; nothing where it is missing, not whole, or beyond 2^53.
[[nodiscard]] std::optional<std::int64_t> IntegerIn(const nlohmann::json& object, const char* key);
// A member; null where `object` is no object or has none of that name.
[[nodiscard]] const nlohmann::json* MemberIn(const nlohmann::json& object, const char* key);

}  // namespace fovea::matrix
