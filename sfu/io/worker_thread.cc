#include "sfu/io/worker_thread.h"

#include <uv.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "sfu/core/check.h"
#include "sfu/crypto/dtls.h"
#include "sfu/crypto/dtls_context.h"
#include "sfu/io/system_clock.h"

namespace fovea::io {
namespace {

// Receive calls per turn. Larger: better batching under load; smaller: commands and timers are seen
// sooner. The kernel's buffer holds the rest.
constexpr int kReceivesPerTurn = 8;
// Counters are copied for readers this often.
constexpr Duration kSnapshotInterval = Millis(250);

class DtlsChannelFactory : public worker::ChannelFactory {
 public:
  explicit DtlsChannelFactory(const crypto::Certificate& certificate) : context_(certificate) {}
  std::unique_ptr<crypto::SecureChannel> Make() override {
    return std::make_unique<crypto::DtlsTransport>(context_, crypto::DtlsRole::kServer);
  }

 private:
  const crypto::DtlsContext context_;
};

}  // namespace

// Lives as long as the WorkerThread; its libuv handles belong to the loop.
class WorkerThread::Loop : public ring::Waker {
 public:
  Loop(const WorkerThreadConfig& config, control::WorkerChannel& channel, worker::Mesh& mesh,
       const crypto::Certificate& certificate, ring::Waker* signaling_waker, UdpPort& port)
      : channel_(channel),
        port_(port),
        factory_(certificate),
        worker_(config.worker, {channel, mesh, factory_, port, signaling_waker}) {
    FOVEA_CHECK(uv_loop_init(&loop_) == 0);
    FOVEA_CHECK(uv_async_init(&loop_, &async_, [](uv_async_t* handle) { Self(handle)->Turn(); }) ==
                0);
    FOVEA_CHECK(uv_timer_init(&loop_, &timer_) == 0);
    FOVEA_CHECK(uv_prepare_init(&loop_, &prepare_) == 0);
    FOVEA_CHECK(uv_poll_init(&loop_, &poll_, port.fd()) == 0);
    async_.data = timer_.data = prepare_.data = poll_.data = this;
    snapshot_.at = MonotonicNow();
  }

  ~Loop() override {
    for (auto* handle :
         {reinterpret_cast<uv_handle_t*>(&async_), reinterpret_cast<uv_handle_t*>(&timer_),
          reinterpret_cast<uv_handle_t*>(&prepare_), reinterpret_cast<uv_handle_t*>(&poll_)}) {
      uv_close(handle, nullptr);
    }
    uv_run(&loop_, UV_RUN_DEFAULT);
    FOVEA_CHECK(uv_loop_close(&loop_) == 0);
  }

  void Wake() override { uv_async_send(&async_); }

  void RequestStop() {
    stopping_.store(true, std::memory_order_release);  // pairs with the acquire in Turn()
    uv_async_send(&async_);
  }

  void Run() {
    uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* handle, int, int) { Self(handle)->Turn(); });
    // Runs before each sleep, when every other callback has run: the place to park.
    uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { Self(handle)->BeforeSleep(); });
    Turn();
    uv_run(&loop_, UV_RUN_DEFAULT);
  }

  Snapshot Read() const {
    const std::lock_guard<std::mutex> lock(snapshot_mutex_);
    return snapshot_;
  }

 private:
  template <class Handle>
  static Loop* Self(Handle* handle) {
    return static_cast<Loop*>(handle->data);
  }

  void Turn() {
    channel_.worker_parker.Unpark();
    if (stopping_.load(std::memory_order_acquire)) {
      uv_stop(&loop_);
      return;
    }
    const Instant now = MonotonicNow();
    for (int i = 0; i < kReceivesPerTurn; ++i) {
      worker::RxBatch& batch = worker_.LendReceiveSlots();
      if (batch.lent == 0) break;
      const std::size_t lent = batch.lent;
      const std::size_t received = port_.Receive(batch);
      if (received > 0) worker_.HandleDatagrams(now, received);
      if (received < lent) break;
    }
    worker_.Poll(now);
    if (now >= snapshot_at_) {
      snapshot_at_ = now + kSnapshotInterval;
      Publish(now);
    }
    SetTimer(now);
  }

  void SetTimer(Instant now) {
    const Instant at = std::min(worker_.NextDeadline().at, snapshot_at_);
    // libuv counts milliseconds; rounding up would wake too early by none, too late by at most one.
    const std::int64_t wait_ms = at <= now ? 0 : (at - now + Millis(1) - Duration(1)) / Millis(1);
    uv_update_time(&loop_);
    uv_timer_start(
        &timer_, [](uv_timer_t* handle) { Self(handle)->Turn(); },
        static_cast<std::uint64_t>(std::min<std::int64_t>(wait_ms, 1000)), 0);
  }

  void BeforeSleep() {
    channel_.worker_parker.Park();
    if (!worker_.HasWork()) return;
    channel_.worker_parker.Unpark();
    // Something came between the last turn and the parking: do not sleep.
    uv_timer_start(
        &timer_, [](uv_timer_t* handle) { Self(handle)->Turn(); }, 0, 0);
  }

  void Publish(Instant now) {
    const std::lock_guard<std::mutex> lock(snapshot_mutex_);
    snapshot_.stats = worker_.stats();
    snapshot_.drops = worker_.drops();
    for (std::size_t i = 0; i < kDropReasonCount; ++i) {
      const auto reason = static_cast<DropReason>(i);
      snapshot_.drops.Add(reason, port_.drops().Get(reason));
    }
    snapshot_.packets_sent = port_.packets_sent();
    snapshot_.send_calls = port_.send_calls();
    snapshot_.peers = worker_.peer_count();
    snapshot_.cpu = ThreadCpuTime();
    snapshot_.at = now;
  }

  control::WorkerChannel& channel_;
  UdpPort& port_;
  DtlsChannelFactory factory_;
  worker::Worker worker_;
  uv_loop_t loop_{};
  uv_async_t async_{};
  uv_timer_t timer_{};
  uv_prepare_t prepare_{};
  uv_poll_t poll_{};
  std::atomic<bool> stopping_{false};
  Instant snapshot_at_{};
  // Taken four times a second by this thread and on demand by readers; never on the packet path.
  mutable std::mutex snapshot_mutex_;
  Snapshot snapshot_;
};

WorkerThread::WorkerThread(std::unique_ptr<UdpPort> port) : port_(std::move(port)) {}

Result<std::unique_ptr<WorkerThread>, std::string> WorkerThread::Make(
    const WorkerThreadConfig& config, control::WorkerChannel& channel, worker::Mesh& mesh,
    const crypto::Certificate& certificate, ring::Waker* signaling_waker) {
  Result<std::unique_ptr<UdpPort>, std::string> port = UdpPort::Open(config.udp);
  if (!port.ok()) return Failure{port.error()};
  auto self = std::unique_ptr<WorkerThread>(new WorkerThread(std::move(*port)));
  self->loop_ =
      std::make_unique<Loop>(config, channel, mesh, certificate, signaling_waker, *self->port_);
  return self;
}

WorkerThread::~WorkerThread() { Stop(); }

ring::Waker& WorkerThread::waker() { return *loop_; }

void WorkerThread::Start() {
  thread_ = std::thread([this] { loop_->Run(); });
}

void WorkerThread::Stop() {
  if (!thread_.joinable()) return;
  loop_->RequestStop();
  thread_.join();
}

WorkerThread::Snapshot WorkerThread::Read() const { return loop_->Read(); }

}  // namespace fovea::io
