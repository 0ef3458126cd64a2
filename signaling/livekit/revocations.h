// Tokens that are no longer believed although their signature is good: those of a participant who
// was put out, issued before a given time. Consulted at every join. Thread: signaling.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "sfu/core/limits.h"

namespace fovea::livekit {

// Invariant: order_ names every key of revoked_ once; the one revoked longest ago is in front.
// Limit: kRevocationsMax; the one in front is forgotten, and counted. Tokens expire on their own.
class Revocations {
 public:
  Revocations() = default;
  Revocations(const Revocations&) = delete;  // its places are in its own list
  Revocations& operator=(const Revocations&) = delete;

  // Refuses tokens of that identity for that room issued before `not_before_unix`. A later time
  // extends an earlier revocation; an earlier one changes nothing.
  void Revoke(const std::string& room, const std::string& identity, std::int64_t not_before_unix);

  // `issued_unix` is the token's `nbf`. A token that does not tell its age cannot show that it is
  // younger than the revocation.
  [[nodiscard]] bool IsRevoked(const std::string& room, const std::string& identity,
                               std::optional<std::int64_t> issued_unix) const;

  [[nodiscard]] std::size_t size() const { return revoked_.size(); }
  [[nodiscard]] std::uint64_t forgotten_total() const { return forgotten_; }

 private:
  using Key = std::pair<std::string, std::string>;  // room, identity
  using Order = std::list<Key>;
  struct Entry {
    std::int64_t not_before_unix = 0;
    Order::iterator place;
  };
  std::map<Key, Entry> revoked_;
  Order order_;
  std::uint64_t forgotten_ = 0;
};

}  // namespace fovea::livekit
