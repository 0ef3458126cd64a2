// Two workers on two threads: what crosses the lanes is ordered by the rings alone. Under
// ThreadSanitizer this is the proof; elsewhere it checks that nothing gets lost.
#include <thread>

#include "tests/unit/sfu/worker/bench.h"

namespace fovea::worker {
namespace {

constexpr std::size_t kPackets = 20'000;

// Says through a ring, like everything between threads, that the first one is done.
using Done = ring::SpscRing<std::uint8_t>;

TEST(WorkerThreads, ForwardAcrossLanesWithoutLosingASlot) {
  Bench bench;
  Meeting meeting(bench);
  const auto packets = meeting.Packets(kPackets);
  const NetAddress from = meeting.publisher->identity().address;
  const Instant start = bench.now;
  Done done(2);
  std::thread neighbour([&bench, &done, start] {
    for (std::int64_t turn = 0; done.Empty(); ++turn) {
      bench.worker(1).Poll(start + Micros(std::min<std::int64_t>(turn, 5'000'000)));
      bench.channels[1].events.Drain(limits::kEventRing, [](const control::WorkerEvent&) {});
    }
  });
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (i % 5 == 0) {
      bench.now += Micros(500);
      bench.worker(0).Poll(bench.now);
      bench.channels[0].events.Drain(limits::kEventRing, [](const control::WorkerEvent&) {});
    }
    // While the neighbour holds everything, wait for slots to come home, as the kernel's queue
    // does.
    while (!bench.Receive(0, from, packets[i])) {
      std::this_thread::yield();
      bench.worker(0).Poll(bench.now);
    }
  }
  ASSERT_TRUE(done.TryPush(1));
  neighbour.join();
  for (int i = 0; i < 20; ++i) bench.Poll();  // the rest, both by this thread now
  const WorkerStats& here = bench.worker(0).stats();
  EXPECT_EQ(here.lane_packets_out, bench.worker(1).stats().lane_packets_in);
  EXPECT_EQ(here.lane_packets_out + bench.worker(0).drops().Get(DropReason::kLaneFull),
            packets.size());
  EXPECT_EQ(bench.worker(0).slots_at_home(), bench.worker(0).slab_capacity());
  EXPECT_EQ(here.rtp_forwarded, 2 * packets.size());
}

}  // namespace
}  // namespace fovea::worker
