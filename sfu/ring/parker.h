// Wake a sleeping consumer thread once per batch, and never a running one: a cross-CPU wake-up
// costs the writer about 7 us, a ring push 2 ns.
//
// Protocol:
//   consumer: Park(); if any ring is not empty: Unpark() and go on; else sleep; on waking Unpark().
//   producer: push to the ring; then if (TakeWake()) signal the consumer (uv_async_send, eventfd).
// Why no wake-up is lost: both sides use a read-modify-write on one variable, so one comes first.
// If Park() is first, TakeWake() reads true and signals. If TakeWake() is first, Park() reads its
// value and so acquires every push made before it; the consumer's re-check then sees the push.
#pragma once

#include <atomic>

#include "sfu/ring/spsc_ring.h"

namespace fovea::ring {

class Parker {
 public:
  // Consumer thread, before it looks at its rings for the last time.
  void Park() {
    parked_.exchange(true, std::memory_order_acq_rel);  // pairs with TakeWake()
  }
  // Consumer thread, when it runs again.
  void Unpark() { parked_.store(false, std::memory_order_relaxed); }

  // Producer thread, after its last push of a batch. True for one producer only: it must signal.
  [[nodiscard]] bool TakeWake() {
    return parked_.exchange(false, std::memory_order_acq_rel);  // pairs with Park()
  }

 private:
  alignas(kCacheLineBytes) std::atomic<bool> parked_{false};
};

// Signals another thread. Implemented by the I/O shells; the simulator needs none.
class Waker {
 public:
  virtual ~Waker() = default;
  virtual void Wake() = 0;
};

}  // namespace fovea::ring
