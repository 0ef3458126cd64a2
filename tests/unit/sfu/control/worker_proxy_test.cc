#include "sfu/control/worker_proxy.h"

#include <gtest/gtest.h>

#include <vector>

namespace fovea::control {
namespace {

class CountingWaker : public ring::Waker {
 public:
  void Wake() override { ++wakes; }
  int wakes = 0;
};

std::vector<std::uint64_t> DrainFences(WorkerChannel& channel, std::size_t budget) {
  std::vector<std::uint64_t> ids;
  channel.commands.Drain(
      budget, [&](const WorkerCommand& command) { ids.push_back(std::get<Fence>(command).id); });
  return ids;
}

TEST(Handle, PacksAndOrders) {
  const SessionHandle handle(3, 0xabcdef, 7);
  EXPECT_EQ(handle.worker(), 3);
  EXPECT_EQ(handle.slot(), 0xabcdefU);
  EXPECT_EQ(handle.generation(), 7U);
  EXPECT_TRUE(handle.valid());
  EXPECT_FALSE(SessionHandle{}.valid());
  EXPECT_NE(handle, SessionHandle(3, 0xabcdef, 8));
}

TEST(WorkerProxy, NothingIsLostOrReorderedWhenTheRingIsFull) {
  WorkerChannel channel;
  WorkerProxy proxy(channel, nullptr);
  const std::uint64_t total = limits::kCommandRing + 10;
  for (std::uint64_t i = 0; i < total; ++i) proxy.Post(Fence{i});
  EXPECT_EQ(proxy.outbox_size(), 10U);
  std::vector<std::uint64_t> seen = DrainFences(channel, 5);
  proxy.Post(Fence{total});  // must not overtake the outbox
  proxy.Flush();
  while (proxy.outbox_size() > 0 || !channel.commands.Empty()) {
    for (const std::uint64_t id : DrainFences(channel, 100)) seen.push_back(id);
    proxy.Flush();
  }
  ASSERT_EQ(seen.size(), total + 1);
  for (std::uint64_t i = 0; i <= total; ++i) EXPECT_EQ(seen[i], i);
}

TEST(WorkerProxy, WakesAParkedWorkerOncePerFlush) {
  WorkerChannel channel;
  CountingWaker waker;
  WorkerProxy proxy(channel, &waker);
  proxy.Flush();
  EXPECT_EQ(waker.wakes, 0);
  channel.worker_parker.Park();
  proxy.Post(Fence{1});
  proxy.Post(Fence{2});
  proxy.Flush();
  proxy.Flush();
  EXPECT_EQ(waker.wakes, 1);
}

TEST(WorkerProxy, AppDataIsRefusedAndCountedWhenItsRingIsFull) {
  WorkerChannel channel;
  WorkerProxy proxy(channel, nullptr);
  AppData data{};
  for (std::size_t i = 0; i < limits::kAppDataRing; ++i) EXPECT_TRUE(proxy.PostAppData(data));
  EXPECT_FALSE(proxy.PostAppData(data));
  EXPECT_EQ(proxy.app_data_dropped(), 1U);
}

}  // namespace
}  // namespace fovea::control
