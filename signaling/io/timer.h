// A timer on the signaling loop. Thread: the one that runs the loop.
#pragma once

#include <functional>

#include "sfu/core/time.h"

typedef struct uv_loop_s uv_loop_t;  // libuv's own name, which is a typedef in C

namespace fovea::io {

// Destroying the timer cancels it, which is allowed from inside its own callback. libuv frees the
// handle on the loop's next turn, so a loop has to run once more before it is closed.
class Timer {
 public:
  Timer(uv_loop_t* loop, std::function<void()> on_fire);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Fires once, `delay` from now, replacing what was planned. Rounded up to milliseconds.
  void StartOnce(Duration delay);
  void StartEvery(Duration interval);
  void Stop();
  [[nodiscard]] bool active() const;

 private:
  struct Handle;
  Handle* handle_;  // freed by libuv's close callback, not here
};

}  // namespace fovea::io
