#include "signaling/livekit/reliable_cache.h"

#include <utility>

#include "sfu/core/limits.h"

namespace fovea::livekit {

void ReliableCache::Add(Message message) {
  Forget(message.at);
  bytes_ += message.bytes.size();
  messages_.push_back(std::move(message));
  while (bytes_ > limits::kReliableCacheBytesMax) {
    bytes_ -= messages_.front().bytes.size();
    messages_.pop_front();
  }
}

std::vector<const ReliableCache::Message*> ReliableCache::From(Instant now,
                                                               std::string_view sender_sid,
                                                               std::uint32_t first) {
  Forget(now);
  std::vector<const Message*> found;
  for (const Message& message : messages_) {
    if (message.sender_sid == sender_sid && message.sequence >= first) found.push_back(&message);
  }
  return found;
}

void ReliableCache::Forget(Instant now) {
  while (!messages_.empty() && now - messages_.front().at > kKept) {
    bytes_ -= messages_.front().bytes.size();
    messages_.pop_front();
  }
}

}  // namespace fovea::livekit
