#include "signaling/livekit/revocations.h"

#include <algorithm>

namespace fovea::livekit {

void Revocations::Revoke(const std::string& room, const std::string& identity,
                         std::int64_t not_before_unix) {
  const auto [it, is_new] = not_before_.try_emplace(Key{room, identity}, not_before_unix);
  if (!is_new) {
    it->second = std::max(it->second, not_before_unix);
    return;
  }
  order_.push_back(it->first);
  if (order_.size() <= limits::kRevocationsMax) return;
  not_before_.erase(order_.front());
  order_.pop_front();
}

bool Revocations::IsRevoked(const std::string& room, const std::string& identity,
                            std::optional<std::int64_t> issued_unix) const {
  const auto it = not_before_.find(Key{room, identity});
  return it != not_before_.end() && (!issued_unix.has_value() || *issued_unix < it->second);
}

}  // namespace fovea::livekit
