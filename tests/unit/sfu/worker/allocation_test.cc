// Forwarding and resending do not touch the heap: tens of thousands of encrypted packets through
// two workers, some of them asked for again, none allocated.
#include "sfu/transport/demux.h"
#include "tests/support/allocation_counter.h"
#include "tests/unit/sfu/worker/bench.h"

namespace fovea::worker {
namespace {

constexpr std::size_t kWarmUp = 5'000;
constexpr std::size_t kMeasured = 50'000;
constexpr std::size_t kNackEvery = 100;  // packets

class WorkerAllocations : public ::testing::TestWithParam<crypto::SrtpProfile> {};

INSTANTIATE_TEST_SUITE_P(Profiles, WorkerAllocations,
                         ::testing::Values(crypto::SrtpProfile::kAeadAes128Gcm,
                                           crypto::SrtpProfile::kAeadAes256Gcm,
                                           crypto::SrtpProfile::kAes128CmSha1_80));

// What a subscriber sends to ask for one packet in every kNackEvery, made before anything is
// counted. `first`: the number of the first packet that it was sent.
std::vector<std::vector<std::uint8_t>> NacksOf(test::Client& subscriber, Ssrc ssrc,
                                               std::uint16_t first) {
  Capture capture;
  for (std::size_t i = kNackEvery; i <= kWarmUp + kMeasured; i += kNackEvery) {
    const std::array wanted = {ExtSeq{static_cast<std::int64_t>(first + i - 3)}};
    subscriber.SendNack(ssrc, wanted, capture);
  }
  return std::move(capture.packets);
}

// The number of the media packet that a client was sent, and its SSRC.
std::pair<Ssrc, std::uint16_t> FirstRtp(const CountingSender& sender, const NetAddress& to) {
  for (const CountingSender::Kept& kept : sender.kept) {
    if (kept.to != to || transport::Demultiplex(kept.bytes) != transport::Protocol::kRtp) continue;
    return {Ssrc{LoadBe32(&kept.bytes[8])}, LoadBe16(&kept.bytes[2])};
  }
  ADD_FAILURE() << "nothing was forwarded";
  return {};
}

TEST_P(WorkerAllocations, AreNoneForPacketsForwardedAndSentAgain) {
  if (!test::AllocationCount()) GTEST_SKIP() << "a sanitizer owns the heap";
  Bench bench(std::make_unique<DtlsSecurity>(GetParam()));
  Meeting meeting(bench);
  const auto packets = meeting.Packets(kWarmUp + kMeasured);
  const NetAddress from = meeting.publisher->identity().address;
  std::vector<std::vector<std::vector<std::uint8_t>>> nacks;
  const auto ask = [&](std::size_t number) {
    for (std::size_t k = 0; k < nacks.size(); ++k) {
      const test::Client& subscriber = *meeting.subscribers[k];
      ASSERT_TRUE(bench.Receive(subscriber.identity().session.worker(),
                                subscriber.identity().address, nacks[k][number]));
    }
  };

  std::uint64_t before = 0;
  for (std::size_t i = 0; i < kWarmUp + kMeasured; ++i) {
    if (i == kWarmUp) before = *test::AllocationCount();
    for (CountingSender& sender : bench.senders) sender.keep = i == 0;
    ASSERT_TRUE(bench.Receive(0, from, packets[i]));
    if (i == 0) {
      bench.Poll();
      for (const auto& subscriber : meeting.subscribers) {
        const auto& sender = bench.senders[subscriber->identity().session.worker()];
        const auto [ssrc, first] = FirstRtp(sender, subscriber->identity().address);
        nacks.push_back(NacksOf(*subscriber, ssrc, first));
      }
    }
    if (i % 5 != 4) continue;
    bench.Poll();
    if ((i + 1) % kNackEvery == 0) ask(i / kNackEvery);
    bench.now += Micros(500);  // consent holds out that long
  }
  EXPECT_EQ(*test::AllocationCount() - before, 0U);

  const WorkerStats& here = bench.worker(0).stats();
  const WorkerStats& there = bench.worker(1).stats();
  EXPECT_GT(here.rtp_forwarded + there.rtp_forwarded, 4 * kMeasured);
  EXPECT_EQ(here.rtp_retransmitted + there.rtp_retransmitted,
            4 * (kWarmUp + kMeasured) / kNackEvery);
}

}  // namespace
}  // namespace fovea::worker
