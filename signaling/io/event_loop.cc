#include "signaling/io/event_loop.h"

#include <uv.h>

#include <array>
#include <csignal>
#include <utility>

#include "sfu/core/check.h"

namespace fovea::io {

struct EventLoop::Impl : ring::Waker {
  explicit Impl(Callbacks given) : callbacks(std::move(given)) {}
  void Wake() override { uv_async_send(&async); }

  Callbacks callbacks;
  uv_loop_t loop{};
  uv_async_t async{};
  uv_prepare_t prepare{};
  std::array<uv_signal_t, 3> signals{};
};

EventLoop::EventLoop(Callbacks callbacks) : impl_(std::make_unique<Impl>(std::move(callbacks))) {
  // libuv writes to sockets that a peer may have reset.
  std::signal(SIGPIPE, SIG_IGN);
  Impl* impl = impl_.get();
  FOVEA_CHECK(uv_loop_init(&impl->loop) == 0);
  FOVEA_CHECK(uv_async_init(&impl->loop, &impl->async, [](uv_async_t* handle) {
                static_cast<Impl*>(handle->data)->callbacks.on_wake();
              }) == 0);
  FOVEA_CHECK(uv_prepare_init(&impl->loop, &impl->prepare) == 0);
  impl->async.data = impl->prepare.data = impl;
  uv_prepare_start(&impl->prepare, [](uv_prepare_t* handle) {
    auto* self = static_cast<Impl*>(handle->data);
    if (self->callbacks.before_sleep()) uv_async_send(&self->async);
  });
  constexpr std::array<int, 3> kSignals = {SIGTERM, SIGINT, SIGHUP};
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    uv_signal_t& handle = impl->signals[i];
    FOVEA_CHECK(uv_signal_init(&impl->loop, &handle) == 0);
    handle.data = impl;
    uv_signal_start(
        &handle,
        [](uv_signal_t* signal, int number) {
          static_cast<Impl*>(signal->data)->callbacks.on_signal(number);
        },
        kSignals[i]);
    uv_unref(reinterpret_cast<uv_handle_t*>(&handle));
  }
}

EventLoop::~EventLoop() {
  Impl* impl = impl_.get();
  uv_close(reinterpret_cast<uv_handle_t*>(&impl->async), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&impl->prepare), nullptr);
  for (uv_signal_t& handle : impl->signals)
    uv_close(reinterpret_cast<uv_handle_t*>(&handle), nullptr);
  uv_run(&impl->loop, UV_RUN_DEFAULT);
  FOVEA_CHECK(uv_loop_close(&impl->loop) == 0);
}

uv_loop_t* EventLoop::uv() const { return &impl_->loop; }
ring::Waker& EventLoop::waker() { return *impl_; }
void EventLoop::Run() { uv_run(&impl_->loop, UV_RUN_DEFAULT); }
void EventLoop::Stop() { uv_stop(&impl_->loop); }
void EventLoop::Drain() {
  uv_prepare_stop(&impl_->prepare);
  for (int i = 0; i < 16; ++i) uv_run(&impl_->loop, UV_RUN_NOWAIT);
}

}  // namespace fovea::io
