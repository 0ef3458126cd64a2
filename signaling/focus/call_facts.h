// What a focus knows about its calls that their rooms do not: is one on, since when, who opened it,
// who is really there, why the last one left. Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/time.h"
#include "signaling/matrix/minted_identity.h"
#include "signaling/matrix/rtc_member.h"

namespace fovea::focus {

// Why somebody's connection ended, as far as calls care.
enum class DepartureReason : std::uint8_t {
  kClientLeft,
  kConnectionLost,
  kEvicted,
  kReplaced,  // the same identity connected again
  kFocusStopping,
  kOther,
};
inline constexpr std::size_t kDepartureReasons = 6;
[[nodiscard]] std::string_view ToString(DepartureReason reason);

enum class CallChangeKind : std::uint8_t {
  kStarted,      // the first connection
  kNoPublisher,  // nobody publishes any more: whoever rings for this call may stop
  kEnded,        // the last connection is gone
};

// One member of record, or one connection without a membership of its own.
struct CallMember {
  std::string user_id{};
  std::string device_id{};
  bool is_of_record = false;  // a membership stands in the room
  bool is_connected = false;
  std::size_t audio_tracks = 0;
  std::size_t video_tracks = 0;
};

struct CallFacts {
  std::string room_name{};
  std::string room_id{};
  std::string slot_id{};
  bool is_on = false;              // somebody is connected
  std::int64_t since_unix_ms = 0;  // of the call that is on, or the last one
  std::int64_t ended_unix_ms = 0;  // 0 while it is on
  std::string opened_by{};         // user who connected first
  std::string intent{};            // "audio" or "video": what is or was published, or announced
  std::size_t connected = 0;
  std::size_t publishing = 0;
  std::vector<CallMember> members{};                // those of record first
  std::size_t ghosts = 0;                           // of record, but not connected here
  std::size_t shadows = 0;                          // connected, and not of record
  std::optional<DepartureReason> last_departure{};  // of who left last
};

// Counts connections and tracks per LiveKit room. Forgets a room by Forget only.
// Limit: kCallsRememberedMax; beyond it the room with the oldest end is forgotten.
class CallLedger {
 public:
  std::optional<CallChangeKind> HandleConnected(std::int64_t wall_ms,
                                                const matrix::MintedIdentity& who);
  // REQUIRES: paired with HandleConnected.
  void HandleLeft(std::int64_t wall_ms, const std::string& room_name, const std::string& identity,
                  DepartureReason reason, std::vector<CallChangeKind>& changes);
  std::optional<CallChangeKind> HandlePublishing(const std::string& room_name,
                                                 const std::string& identity,
                                                 std::size_t audio_tracks,
                                                 std::size_t video_tracks);
  void Forget(const std::string& room_name) { calls_.erase(room_name); }

  // `members`: the memberships of record in the call's room; those of other slots are passed over.
  [[nodiscard]] std::optional<CallFacts> Facts(
      const std::string& room_name, const std::vector<const matrix::RtcMembership*>& members) const;
  [[nodiscard]] std::vector<std::string> Rooms() const;
  [[nodiscard]] std::size_t size() const { return calls_.size(); }

 private:
  struct Presence {
    matrix::MintedIdentity who;
    int connections = 0;
    std::size_t audio_tracks = 0;
    std::size_t video_tracks = 0;
  };
  struct Call {
    std::string room_id;
    std::string slot_id;
    std::int64_t since_unix_ms = 0;
    std::int64_t ended_unix_ms = 0;
    std::string opened_by;
    std::map<std::string, Presence> present;  // by identity
    bool had_video = false;
    bool had_audio = false;
    std::optional<DepartureReason> last_departure;
  };

  [[nodiscard]] static std::size_t Publishers(const Call& call);
  void MakeRoom();

  std::map<std::string, Call> calls_;
};

// Whether `member` is the membership that a token's identity speaks of. MatrixRTC's derivations:
// device for the legacy format, member id since; a legacy member who subscribes elsewhere uses
// "user:device" as its member id.
[[nodiscard]] bool IsMembershipOf(const matrix::RtcMembership& member,
                                  const matrix::MintedIdentity& who);

}  // namespace fovea::focus
