// Where a fan-out goes: bound loopback sockets that nobody reads while it is measured, so that the
// kernel does all of its receive work and then drops. Shared by everything that is compared.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "sfu/core/bytes.h"
#include "sfu/core/net_address.h"

namespace fovea::bench {

// A blocking-free UDP socket on 127.0.0.1, not connected: it hears anybody.
class LoopbackSocket {
 public:
  LoopbackSocket();
  ~LoopbackSocket();
  LoopbackSocket(LoopbackSocket&& other) noexcept;
  LoopbackSocket(const LoopbackSocket&) = delete;
  LoopbackSocket& operator=(const LoopbackSocket&) = delete;
  LoopbackSocket& operator=(LoopbackSocket&&) = delete;

  [[nodiscard]] const NetAddress& address() const { return address_; }
  void Send(const NetAddress& to, ByteSpan bytes);
  // The next datagram in `buffer`; nullopt when there is none.
  [[nodiscard]] std::optional<MutableByteSpan> Receive(MutableByteSpan buffer);
  // The least receive buffer that the kernel allows: from now on almost everything is dropped.
  void StopReading();

 private:
  int fd_ = -1;
  NetAddress address_;
};

class Receivers {
 public:
  explicit Receivers(std::size_t count) : sockets_(count) {}
  [[nodiscard]] std::size_t count() const { return sockets_.size(); }
  [[nodiscard]] LoopbackSocket& operator[](std::size_t i) { return sockets_[i]; }
  [[nodiscard]] const LoopbackSocket& operator[](std::size_t i) const { return sockets_[i]; }

 private:
  std::vector<LoopbackSocket> sockets_;
};

}  // namespace fovea::bench
