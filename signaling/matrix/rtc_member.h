// The formats in which a client says that it takes part in a call, read into one value.
// MSC3401 (state), MSC4143 of 2024 (state) and since (sticky); matrixrtc reference, sections 2.2
// to 2.6. Thread: pure functions and plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/result.h"
#include "signaling/matrix/event.h"

namespace fovea::matrix {

enum class MemberFormat : std::uint8_t {
  kLegacyState,  // org.matrix.msc3401.call.member
  kState2024,    // m.rtc.member with a state key
  kSticky,       // m.rtc.member without one, in any of its variants
};

struct RtcMembership {
  MemberFormat format = MemberFormat::kLegacyState;
  bool joined = false;        // false: a leave, and only user_id and key are certain
  std::string user_id{};      // always the sender, never what the content or a state key claims
  std::string device_id{};    // empty where only the envelope of an encryption would tell
  std::string member_id{};    // empty in the legacy format
  std::string slot_id{};      // "m.call#ROOM" for the room's own call
  std::string key{};          // state key or sticky key: what a later event replaces
  std::string application{};  // "m.call"
  std::string intent{};       // "audio", "video", or empty
  std::string leave_code{};   // why, in a leave that says so
  std::int64_t created_ts_ms = 0;  // from here on `expires_ms` runs; state formats only
  std::int64_t expires_ms = 0;
  std::vector<std::string> transports{};  // service addresses, the publisher's own first
};

enum class MemberRefusal : std::uint8_t {
  kOldArray,    // {"memberships": [...]}, which no client reads any more
  kUnreadable,  // means something to somebody; nothing may be concluded from it
};

// REQUIRES: event.kind is kCallMember or kRtcMember.
[[nodiscard]] Result<RtcMembership, MemberRefusal> ReadMembership(const Event& event);

enum class SlotStatus : std::uint8_t { kMissing, kOpen, kClosed };
// The content of m.rtc.slot. What is invalid counts as closed, as MSC4143 wants it.
[[nodiscard]] SlotStatus ReadSlot(const nlohmann::json& content);

}  // namespace fovea::matrix
