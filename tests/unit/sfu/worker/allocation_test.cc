// Forwarding does not touch the heap: a hundred thousand packets through two workers, none
// allocated.
#include "tests/support/allocation_counter.h"
#include "tests/unit/sfu/worker/bench.h"

namespace fovea::worker {
namespace {

constexpr std::size_t kWarmUp = 5'000;
constexpr std::size_t kMeasured = 100'000;

TEST(WorkerAllocations, AreNoneForForwardedPackets) {
  if (!test::AllocationCount()) GTEST_SKIP() << "a sanitizer owns the heap";
  Bench bench;
  Meeting meeting(bench);
  const auto packets = meeting.Packets(kWarmUp + kMeasured);
  const NetAddress from = meeting.publisher->identity().address;
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < kWarmUp + kMeasured; ++i) {
    if (i == kWarmUp) before = *test::AllocationCount();
    ASSERT_TRUE(bench.Receive(0, from, packets[i]));
    if (i % 5 == 4) {
      bench.Poll();
      bench.now += Micros(500);  // consent holds out that long
    }
  }
  EXPECT_EQ(*test::AllocationCount() - before, 0U);
  const std::uint64_t forwarded =
      bench.worker(0).stats().rtp_forwarded + bench.worker(1).stats().rtp_forwarded;
  EXPECT_GT(forwarded, 4 * kMeasured);
}

}  // namespace
}  // namespace fovea::worker
