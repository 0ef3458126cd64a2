// A worker on its own thread: started, woken by commands, by datagrams and by other threads,
// stopped. The tests wait for what they expect; a limit turns a hang into a failure.
#include "sfu/io/worker_thread.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "sfu/control/worker_proxy.h"

namespace fovea::io {
namespace {

constexpr auto kLimit = std::chrono::seconds(20);

// The signaling side's waker: a condition to wait on.
class Bell : public ring::Waker {
 public:
  void Wake() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    rung_ = true;
    condition_.notify_all();
  }
  bool Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    const bool rung = condition_.wait_for(lock, kLimit, [this] { return rung_; });
    rung_ = false;
    return rung;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool rung_ = false;
};

// As many workers as asked for, wired as the composition root wires them.
class Threads {
 public:
  explicit Threads(std::size_t count)
      : mesh_(count),
        certificate_(crypto::Certificate::Generate(WallMicros{1'700'000'000'000'000})) {
    for (std::size_t i = 0; i < count; ++i) {
      channels_.push_back(std::make_unique<control::WorkerChannel>());
      WorkerThreadConfig config;
      config.worker.index = static_cast<std::uint8_t>(i);
      config.worker.seed = i + 1;
      config.udp.bind = NetAddress::V4(0x7f000001, 0);
      auto thread = WorkerThread::Make(config, *channels_[i], mesh_, *certificate_, &bell_);
      EXPECT_TRUE(thread.ok());
      threads_.push_back(std::move(*thread));
      mesh_.SetWake(i, &channels_[i]->worker_parker, &threads_[i]->waker());
      proxies_.push_back(
          std::make_unique<control::WorkerProxy>(*channels_[i], &threads_[i]->waker()));
    }
    for (const auto& thread : threads_) thread->Start();
  }
  ~Threads() {
    for (const auto& thread : threads_) thread->Stop();
  }

  void Fence(std::size_t worker, std::uint64_t id) {
    proxies_[worker]->Post(control::Fence{id});
    proxies_[worker]->Flush();
  }
  // Waits, as signaling does: park, look once more, sleep.
  bool WaitForFence(std::size_t worker, std::uint64_t id) {
    control::WorkerChannel& channel = *channels_[worker];
    for (int i = 0; i < 1000; ++i) {
      bool reached = false;
      channel.signaling_parker.Park();
      channel.events.Drain(limits::kEventRing, [&](const control::WorkerEvent& event) {
        const auto* fence = std::get_if<control::FenceReached>(&event);
        reached = reached || (fence != nullptr && fence->id == id);
      });
      if (reached) {
        channel.signaling_parker.Unpark();
        return true;
      }
      if (!bell_.Wait()) return false;
    }
    return false;
  }

  [[nodiscard]] WorkerThread& thread(std::size_t i) { return *threads_[i]; }

 private:
  worker::Mesh mesh_;
  const std::unique_ptr<crypto::Certificate> certificate_;
  Bell bell_;
  std::vector<std::unique_ptr<control::WorkerChannel>> channels_;
  std::vector<std::unique_ptr<WorkerThread>> threads_;
  std::vector<std::unique_ptr<control::WorkerProxy>> proxies_;
};

TEST(WorkerThread, StopsWithoutHavingStarted) {
  worker::Mesh mesh(1);
  control::WorkerChannel channel;
  const auto certificate = crypto::Certificate::Generate(WallMicros{1'700'000'000'000'000});
  WorkerThreadConfig config;
  config.udp.bind = NetAddress::V4(0x7f000001, 0);
  const auto thread = WorkerThread::Make(config, channel, mesh, *certificate, nullptr);
  ASSERT_TRUE(thread.ok());
  EXPECT_NE((*thread)->local().port, 0);
  EXPECT_NE((*thread)->Read().at, Instant{});
  (*thread)->Stop();
}

TEST(WorkerThread, StopsWhileAsleepAndMayBeStoppedTwice) {
  Threads threads(1);
  threads.Fence(0, 1);
  ASSERT_TRUE(threads.WaitForFence(0, 1));
  threads.thread(0).Stop();
  threads.thread(0).Stop();
}

TEST(WorkerThread, WakesForEveryCommand) {
  Threads threads(2);
  for (std::uint64_t id = 1; id <= 300; ++id) {
    const std::size_t worker = id % 2;
    threads.Fence(worker, id);
    ASSERT_TRUE(threads.WaitForFence(worker, id)) << "fence " << id;
  }
}

TEST(WorkerThread, WakesForADatagram) {
  Threads threads(1);
  threads.Fence(0, 1);
  ASSERT_TRUE(threads.WaitForFence(0, 1));
  UdpOptions options;
  options.bind = NetAddress::V4(0x7f000001, 0);
  const auto port = UdpPort::Open(options);
  ASSERT_TRUE(port.ok());
  worker::TxBatch batch;
  batch.Reserve()[0] = 0x80;
  batch.Commit(threads.thread(0).local(), 20);
  (*port)->Send(batch);
  // It is on the loopback's queue by now; the counters are published four times a second.
  bool heard = false;
  for (std::uint64_t id = 2; id < 200'000 && !heard; ++id) {
    threads.Fence(0, id);
    ASSERT_TRUE(threads.WaitForFence(0, id));
    const WorkerThread::Snapshot snapshot = threads.thread(0).Read();
    heard = snapshot.drops.Get(DropReason::kUnknownPeer) == 1;
  }
  EXPECT_TRUE(heard);
}

TEST(WorkerThread, SaysWhenItLastReported) {
  Threads threads(1);
  const Instant first = threads.thread(0).Read().at;
  bool again = false;
  for (std::uint64_t id = 1; id < 200'000 && !again; ++id) {
    threads.Fence(0, id);
    ASSERT_TRUE(threads.WaitForFence(0, id));
    again = threads.thread(0).Read().at > first;
  }
  EXPECT_TRUE(again);
}

TEST(WorkerThread, RefusesATakenPort) {
  Threads threads(1);
  worker::Mesh mesh(1);
  control::WorkerChannel channel;
  const auto certificate = crypto::Certificate::Generate(WallMicros{1'700'000'000'000'000});
  WorkerThreadConfig config;
  config.udp.bind = threads.thread(0).local();
  const auto second = WorkerThread::Make(config, channel, mesh, *certificate, nullptr);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().find("is taken"), std::string::npos);
}

}  // namespace
}  // namespace fovea::io
