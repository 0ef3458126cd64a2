// The ICE-lite side of one session: answers connectivity checks, knows which remote tuples are
// proven, and picks the one to send to. RFC 8445 (lite, controlled), RFC 7675 (consent).
// Thread: owned by the worker of the session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sfu/core/bytes.h"
#include "sfu/core/datagram.h"
#include "sfu/core/deadline.h"
#include "sfu/core/drop_reason.h"
#include "sfu/core/inline_vector.h"
#include "sfu/core/limits.h"
#include "sfu/core/net_address.h"
#include "sfu/core/result.h"
#include "sfu/core/time.h"
#include "sfu/stun/message.h"

namespace fovea::ice {

// RFC 8445 section 5.3: 4 to 256 ice-chars and 22 to 256. Ours are short; the peer's may not be.
using Ufrag = InlineString<256>;
using Password = InlineString<256>;

struct Credentials {
  Ufrag local_ufrag;
  Password local_password;
  Ufrag remote_ufrag;

  // nullopt when a part is empty or longer than RFC 8445 allows.
  [[nodiscard]] static std::optional<Credentials> Make(std::string_view local_ufrag,
                                                       std::string_view local_password,
                                                       std::string_view remote_ufrag);
};

enum class IceEventKind : std::uint8_t {
  kTupleAdded,       // `remote` is validated: its datagrams may be heard
  kTupleRemoved,     // `remote` is not validated any more
  kConnected,        // the first tuple, or the first after kConsentLost; `remote` is selected
  kSelectedChanged,  // send to `remote` from now on
  kRestarted,        // the first check with the new credentials came; the old ones are forgotten
  kConsentLost,      // no check on any tuple for kIceConsentTimeout: stop sending
};

struct IceEvent {
  IceEventKind kind = IceEventKind::kTupleAdded;
  NetAddress remote;
};

// One call removes every tuple at most once and reports each other kind at most once.
using IceEvents = InlineVector<IceEvent, limits::kIceTuplesMax + 6>;

struct BindingOutcome {
  std::optional<DropReason> drop;  // set: nothing was answered and no state changed
  IceEvents events;                // in the order they happened
};

// Full agents nominate in three ways, and all must end with both sides on the same pair:
//  * regular: one USE-CANDIDATE for the pair that won;
//  * aggressive (Firefox): USE-CANDIDATE on every check; both sides take the highest priority;
//  * continuous (libwebrtc towards a lite agent): USE-CANDIDATE on every check of the pair in use,
//  so
//    that a move to a pair of lower priority shows as repeated nominations there and none here.
//
// Invariants:
//  (1) A tuple is in the table only after a check with right integrity from it, at most
//      kIceConsentTimeout ago; at most kIceTuplesMax of them, each address once.
//  (2) A tuple is selected if and only if the table is not empty.
//  (3) Nothing is sent except answers to requests with right integrity, one for one.
// No allocation. Every call is O(kIceTuplesMax) and at most two HMACs.
class IceLiteAgent {
 public:
  // Larger: media flows longer into a dead pair when the peer moved without nominating anew.
  // Smaller: Firefox's consent checks, 4 to 6 s apart, would look like silence.
  static constexpr Duration kSelectedSilentAfter = Seconds(7);
  // A full table gives up its most silent unselected tuple after this. Smaller: a peer that cycles
  // through ports pushes out live pairs. Larger: a new network waits longer for a place.
  static constexpr Duration kEvictableAfter = Seconds(5);

  IceLiteAgent(const Credentials& credentials, stun::HmacSha1 hmac);

  // Takes a STUN datagram from `remote` and puts the answer into `sink`. A request that was seen
  // before is answered again (RFC 8489 section 6.3.1).
  [[nodiscard]] BindingOutcome HandleBinding(Instant now, const NetAddress& remote,
                                             ByteSpan datagram, TransmitSink& sink);

  // ICE restart, RFC 8445 section 9: both sets are accepted until the first check with the new one.
  // The selected tuple stays until the peer nominates in the new generation.
  void SetLocalCredentials(const Credentials& credentials);

  // Forgets expired tuples.
  [[nodiscard]] IceEvents HandleTimeout(Instant now);
  [[nodiscard]] Deadline NextDeadline() const;

  [[nodiscard]] bool IsValidated(const NetAddress& remote) const;
  // Where to send. Before any nomination it is the first validated tuple (RFC 8445 section 12.1).
  [[nodiscard]] std::optional<NetAddress> selected() const;
  [[nodiscard]] bool is_nominated() const {
    return !tuples_.empty() && tuples_[selected_].nominated;
  }
  [[nodiscard]] std::size_t tuple_count() const { return tuples_.size(); }
  // True from SetLocalCredentials until kRestarted.
  [[nodiscard]] bool is_restarting() const { return pending_.has_value(); }

  [[nodiscard]] bool IsConsistent() const;
  // Without addresses: they are personal data.
  [[nodiscard]] std::string DebugString(Instant now) const;

 private:
  struct Tuple {
    NetAddress remote;
    Instant last_check;
    std::uint32_t priority = 0;
    std::uint32_t generation = 0;  // of the credentials its latest check was made with
    bool nominated = false;
    stun::TransactionId last_nomination{};
    // Distinct nominations here since the selected tuple had its last one.
    std::uint32_t nominations_ahead = 0;
  };
  enum class Generation : std::uint8_t { kCurrent, kPending };
  // What the check at hand says about its tuple: no USE-CANDIDATE, the first one, or another.
  enum class Nomination : std::uint8_t { kNone, kFirst, kRepeated };

  [[nodiscard]] Result<Generation, DropReason> Authenticate(const stun::Message& request) const;
  void CompleteRestart(IceEvents& events);
  // The index of the tuple, made if needed; nullopt when there is no place for it.
  [[nodiscard]] std::optional<std::size_t> FindOrAdd(Instant now, const NetAddress& remote,
                                                     IceEvents& events);
  [[nodiscard]] std::optional<std::size_t> FindEvictable(Instant now) const;
  void Remove(std::size_t index, IceEvents& events);
  void RecordCheck(Instant now, std::size_t index, const stun::Message& request, IceEvents& events);
  [[nodiscard]] bool ShouldSelect(const Tuple& candidate, Duration selected_silence,
                                  Nomination nomination) const;
  void Select(std::size_t index, IceEvents& events);
  void SelectBest(IceEvents& events);

  // Constant after construction.
  stun::HmacSha1 hmac_;

  Credentials current_;
  std::optional<Credentials> pending_;
  std::uint32_t generation_ = 0;
  InlineVector<Tuple, limits::kIceTuplesMax> tuples_;
  std::size_t selected_ = 0;  // meaningless while tuples_ is empty
};

}  // namespace fovea::ice
