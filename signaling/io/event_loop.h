// The signaling thread's loop: wake-ups from workers, a last look before sleeping, and the
// process's signals. Thread: the one that runs it, except where said.
#pragma once

#include <functional>
#include <memory>

#include "sfu/ring/parker.h"

typedef struct uv_loop_s uv_loop_t;

namespace fovea::io {

class EventLoop {
 public:
  struct Callbacks {
    std::function<void()> on_wake;       // another thread signalled
    std::function<bool()> before_sleep;  // true: there is work after all, wake at once
    std::function<void(int signal_number)> on_signal;  // SIGTERM, SIGINT, SIGHUP
  };
  explicit EventLoop(Callbacks callbacks);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  [[nodiscard]] uv_loop_t* uv() const;
  // Any thread may call Wake() on it.
  [[nodiscard]] ring::Waker& waker();
  void Run();
  void Stop();
  // After the owners of handles are gone: turns until libuv has closed them all.
  void Drain();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea::io
