// The reliable data packets of the last two seconds, for receivers whose channel was not open or
// who lost their connection meanwhile. livekit-protocol reference section 3.8. Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/time.h"
#include "signaling/livekit/pb.h"

namespace fovea::livekit {

// Invariants:
//  (1) Messages stand in the order of arrival; of one sender that is the order of their numbers.
//  (2) They hold at most kReliableCacheBytesMax together; the oldest go first.
class ReliableCache {
 public:
  // LiveKit's figures. Longer and larger would help clients over longer outages, but those start
  // anew anyway when SCTP gives up.
  static constexpr Duration kKept = Seconds(2);

  struct Message {
    Instant at;
    std::string sender_sid;
    std::uint32_t sequence = 0;
    pb::DataPacket packet;  // for its addressees
    std::string bytes;
  };

  void Add(Message message);
  // What `sender_sid` sent from number `first` on, oldest first. Valid until the next Add.
  [[nodiscard]] std::vector<const Message*> From(Instant now, std::string_view sender_sid,
                                                 std::uint32_t first);
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  void Forget(Instant now);

  std::deque<Message> messages_;
  std::size_t bytes_ = 0;
};

}  // namespace fovea::livekit
