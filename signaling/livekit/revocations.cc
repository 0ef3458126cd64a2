#include "signaling/livekit/revocations.h"

namespace fovea::livekit {

void Revocations::Revoke(const std::string& room, const std::string& identity,
                         std::int64_t not_before_unix) {
  const auto [it, is_new] = revoked_.try_emplace(Key{room, identity});
  Entry& entry = it->second;
  if (!is_new) {
    if (not_before_unix <= entry.not_before_unix) return;
    entry.not_before_unix = not_before_unix;
    order_.splice(order_.end(), order_, entry.place);
    return;
  }
  entry = {not_before_unix, order_.insert(order_.end(), it->first)};
  if (order_.size() <= limits::kRevocationsMax) return;
  revoked_.erase(order_.front());
  order_.pop_front();
  ++forgotten_;
}

bool Revocations::IsRevoked(const std::string& room, const std::string& identity,
                            std::optional<std::int64_t> issued_unix) const {
  const auto it = revoked_.find(Key{room, identity});
  return it != revoked_.end() &&
         (!issued_unix.has_value() || *issued_unix < it->second.not_before_unix);
}

}  // namespace fovea::livekit
