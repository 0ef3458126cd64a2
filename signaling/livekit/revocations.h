// Tokens that are no longer believed although their signature is good: those of a participant who
// was put out, issued before a given time. Consulted at every join. Thread: signaling.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "sfu/core/limits.h"

namespace fovea::livekit {

// Invariant: order_ names every key of not_before_ once, oldest revocation first.
// Limit: kRevocationsMax; the oldest revocation is forgotten. Tokens expire on their own.
class Revocations {
 public:
  // Refuses tokens of that identity for that room issued before `not_before_unix`. A later time
  // extends an earlier revocation; an earlier one changes nothing.
  void Revoke(const std::string& room, const std::string& identity, std::int64_t not_before_unix);

  // `issued_unix` is the token's `nbf`. A token that does not tell its age cannot show that it is
  // younger than the revocation.
  [[nodiscard]] bool IsRevoked(const std::string& room, const std::string& identity,
                               std::optional<std::int64_t> issued_unix) const;

  [[nodiscard]] std::size_t size() const { return not_before_.size(); }

 private:
  using Key = std::pair<std::string, std::string>;  // room, identity
  std::map<Key, std::int64_t> not_before_;
  std::deque<Key> order_;
};

}  // namespace fovea::livekit
