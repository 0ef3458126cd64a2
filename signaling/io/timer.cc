#include "signaling/io/timer.h"

#include <uv.h>

#include <algorithm>
#include <utility>

#include "sfu/core/check.h"

namespace fovea::io {
namespace {

std::uint64_t RoundUpToMillis(Duration delay) {
  const std::int64_t millis =
      (std::max(delay, Duration::zero()) + Millis(1) - Duration(1)) / Millis(1);
  return static_cast<std::uint64_t>(millis);
}

}  // namespace

struct Timer::Handle {
  uv_timer_t uv{};
  std::function<void()> on_fire;
};

Timer::Timer(uv_loop_t* loop, std::function<void()> on_fire) : handle_(new Handle) {
  handle_->on_fire = std::move(on_fire);
  handle_->uv.data = handle_;
  FOVEA_CHECK(uv_timer_init(loop, &handle_->uv) == 0);
}

Timer::~Timer() {
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->uv),
           [](uv_handle_t* uv) { delete static_cast<Handle*>(uv->data); });
}

void Timer::StartOnce(Duration delay) {
  uv_timer_start(
      &handle_->uv, [](uv_timer_t* uv) { static_cast<Handle*>(uv->data)->on_fire(); },
      RoundUpToMillis(delay), 0);
}

void Timer::StartEvery(Duration interval) {
  const std::uint64_t millis = std::max<std::uint64_t>(RoundUpToMillis(interval), 1);
  uv_timer_start(
      &handle_->uv, [](uv_timer_t* uv) { static_cast<Handle*>(uv->data)->on_fire(); }, millis,
      millis);
}

void Timer::Stop() { uv_timer_stop(&handle_->uv); }

bool Timer::active() const {
  return uv_is_active(reinterpret_cast<const uv_handle_t*>(&handle_->uv)) != 0;
}

}  // namespace fovea::io
