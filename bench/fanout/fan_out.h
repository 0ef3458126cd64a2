// One publisher, many subscribers, and what it costs to serve them: the interface of what the
// fan-out benchmark compares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fovea::bench {

struct Cost {
  std::int64_t cpu_nanos = 0;
  std::uint64_t packets = 0;  // forwarded

  Cost& operator+=(const Cost& other) {
    cpu_nanos += other.cpu_nanos;
    packets += other.packets;
    return *this;
  }
  [[nodiscard]] double nanos_per_packet() const {
    return static_cast<double>(cpu_nanos) / static_cast<double>(packets);
  }
};

class FanOut {
 public:
  virtual ~FanOut() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  // The publisher sends `burst` packets at once, which is not counted; then they are received and
  // forwarded to everybody, which is. Ends the process when a packet is lost on the way.
  virtual Cost Forward(std::size_t burst) = 0;
  // What real time wants (consent checks); called between measurements, not counted.
  virtual void KeepAlive() {}
};

// Of every packet as it leaves for a subscriber, before its SRTP tag of 16 bytes.
inline constexpr std::size_t kRtpPacketBytes = 1200;

}  // namespace fovea::bench
