// What the token service needs of the rest, as interfaces. Thread: signaling.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "sfu/core/time.h"
#include "signaling/matrix/appservice_answers.h"
#include "signaling/matrix/minted_identity.h"

namespace fovea::app {

struct MintAnswer {
  bool allowed = false;
  bool is_unanswered = false;  // refused because the homeserver did not say
  // The token's `nbf`, where that is later than now: tokens of the same second may be revoked.
  std::int64_t not_before_unix = 0;
};

// Who may have a token for which room.
class MintPolicy {
 public:
  using OnAnswer = std::function<void(const MintAnswer&)>;
  virtual ~MintPolicy() = default;
  // Calls back once, at once or later. `who` is complete but for the times.
  virtual void DecideMint(Instant now, const matrix::MintedIdentity& who, OnAnswer on_answer) = 0;
  // Before the token leaves.
  virtual void RecordMint(Instant now, const matrix::MintedIdentity& minted) = 0;
};

// Makes a room exist before a token for it is given out. Calls back once, at once or later; a room
// that is there already is fine.
using OpenRoomFn =
    std::function<void(const std::string& room_name, std::function<void(bool opened)> on_opened)>;

// A client's delayed leave event, to be looked after from now on.
struct Delegation {
  matrix::MintedIdentity who;
  std::string delay_id;
  Duration timeout{};
};

class DelegationPort {
 public:
  using OnKnown = std::function<void(bool known)>;
  virtual ~DelegationPort() = default;
  // Whether delegation is offered now; while it is not its route does not exist.
  [[nodiscard]] virtual bool IsOffered() const = 0;
  // Whether the client-server API of that server can be called. Calls back once, at once or later.
  virtual void FindClientApi(const std::string& server_name, OnKnown on_known) = 0;
  // False: the delay id is not acceptable, or there are too many jobs.
  [[nodiscard]] virtual bool AddJob(Instant now, const Delegation& delegation) = 0;
};

// A request for a token of another homeserver's focus.
struct TokenRelay {
  std::string server_name;
  std::string user_id;
  std::string url;
  std::string room_id;
  std::string slot_id;
  std::string member_id;
};

// What only the homeserver can say or do for one of its users.
class HomeserverPort {
 public:
  using OnDelayedEvent = std::function<void(const matrix::DelayedEventAnswer&)>;
  using OnRelayed = std::function<void(const matrix::RelayedToken&)>;
  virtual ~HomeserverPort() = default;
  // One of that user's delayed events. Calls back once, later.
  virtual void FindDelayedEvent(const std::string& user_id, const std::string& delay_id,
                                OnDelayedEvent on_answer) = 0;
  // Asks by federation, in the homeserver's name. Calls back once, later.
  virtual void RelayTokenRequest(const TokenRelay& relay, OnRelayed on_answer) = 0;
};

}  // namespace fovea::app
