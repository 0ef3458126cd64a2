// What a delegated leave is made of: the job, the call to the homeserver that follows from it, and
// the news for whoever keeps jobs across a restart. MSC4140; matrixrtc reference, section 4.8.
// Thread: plain values, any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "sfu/core/strong_id.h"
#include "sfu/core/time.h"

namespace fovea::matrix {

// A participant, as LiveKit names it. Both strings are byte-exact.
struct LeaveKey {
  std::string room_name;
  std::string identity;
  auto operator<=>(const LeaveKey&) const = default;
};

// A leave event that lies ready at a homeserver, and that a client entrusted to us: to be kept from
// firing while the client is in the call, and to be sent when it is gone.
struct LeaveJob {
  LeaveKey key;
  std::string user_id;      // whose event it is; the homeserver vouched for it
  std::string server_name;  // the homeserver that holds it
  std::string delay_id;
  Duration delay_timeout{};            // the homeserver sends it by itself after this
  std::int64_t restarted_unix_ms = 0;  // when that time last began anew, by our wall clock
  bool was_connected = false;          // the participant has been in the call
  bool operator==(const LeaveJob&) const = default;
};

enum class DelayedCallVerb : std::uint8_t { kRestart, kSend };
using DelayedCallId = StrongId<struct DelayedCallTag, std::uint64_t>;

// A request to be made to `server_name`. REQUIRES of the caller: one HandleResponse for each.
struct DelayedCall {
  DelayedCallId id;
  DelayedCallVerb verb = DelayedCallVerb::kRestart;
  std::string server_name;
  std::string delay_id;
  std::string user_id;
};

// The target below the homeserver's client-server base URL, delay id percent-encoded.
[[nodiscard]] std::string DelayedCallPath(DelayedCallVerb verb, std::string_view delay_id);

struct DelayedCallResult {
  int status = 0;  // 0: no response, for whatever reason
  std::optional<Duration> retry_after;
};

// "Wed, 21 Oct 2015 07:28:00 GMT", the form that RFC 9110 section 5.6.7 wants generated. The two
// obsolete ones count as unreadable. Seconds since the epoch.
[[nodiscard]] std::optional<std::int64_t> ReadHttpDate(std::string_view text);

// How long a 429 asks to wait: Retry-After (seconds or an HTTP date, RFC 9110 section 10.2.3), else
// `retry_after_ms` of a Matrix error body. Never negative; an unreadable value is none.
[[nodiscard]] std::optional<Duration> ReadRetryAfter(std::optional<std::string_view> header,
                                                     std::string_view body, WallMicros now);

// For the store, in order.
struct PutJob {
  LeaveJob job;
};
struct RemoveJob {
  LeaveKey key;
};
using JobStoreOperation = std::variant<PutJob, RemoveJob>;

}  // namespace fovea::matrix
