// A subscriber without RTX is sent the same packet again, in the same cipher text: anything else
// under its SRTP index would give the session's authentication key away.
#include "sfu/transport/demux.h"
#include "tests/unit/sfu/worker/bench.h"

namespace fovea::worker {
namespace {

class Repeats : public ::testing::TestWithParam<crypto::SrtpProfile> {
 protected:
  using Packets = std::vector<std::vector<std::uint8_t>>;

  // Media that worker 0 sent to the first subscriber since the last call.
  Packets TakeMedia() {
    Packets taken;
    for (CountingSender::Kept& kept : bench_.senders[0].kept) {
      if (kept.to != subscriber().identity().address) continue;
      if (transport::Demultiplex(kept.bytes) != transport::Protocol::kRtp) continue;
      EXPECT_EQ(LoadBe32(&kept.bytes[8]), kSsrc.value());
      taken.push_back(std::move(kept.bytes));
    }
    bench_.senders[0].kept.clear();
    return taken;
  }
  // What a NACK brings.
  Packets Ask(ExtSeq wanted) {
    Capture capture;
    subscriber().SendNack(kSsrc, std::array{wanted}, capture);
    for (const auto& packet : capture.packets) {
      EXPECT_TRUE(bench_.Receive(0, subscriber().identity().address, packet));
    }
    bench_.Poll();
    return TakeMedia();
  }
  test::Client& subscriber() { return *meeting_.subscribers[0]; }

  static constexpr Ssrc kSsrc{5000};
  Bench bench_{std::make_unique<DtlsSecurity>(GetParam())};
  Meeting meeting_{bench_, /*has_rtx=*/false};
};

INSTANTIATE_TEST_SUITE_P(Profiles, Repeats,
                         ::testing::Values(crypto::SrtpProfile::kAeadAes128Gcm,
                                           crypto::SrtpProfile::kAes128CmSha1_80));

TEST_P(Repeats, AreTheFirstPacketByteByByte) {
  constexpr std::size_t kPackets = 400;  // the first 256 name their section
  constexpr std::size_t kBehind = 20;
  bench_.senders[0].keep = true;
  std::vector<std::vector<std::uint8_t>> sent;
  std::size_t repeated = 0;
  for (const auto& packet : meeting_.Packets(kPackets)) {
    ASSERT_TRUE(bench_.Receive(0, meeting_.publisher->identity().address, packet));
    bench_.Poll();
    bench_.now += Millis(5);
    for (auto& media : TakeMedia()) sent.push_back(std::move(media));
    if (sent.size() <= kBehind) continue;
    const std::vector<std::uint8_t>& lost = sent[sent.size() - kBehind];
    const auto again = Ask(ExtSeq{LoadBe16(&lost[2])});
    ASSERT_EQ(again.size(), 1U) << sent.size();
    EXPECT_EQ(again[0], lost) << sent.size();
    ++repeated;
  }
  EXPECT_GE(repeated, kPackets - kBehind);
  EXPECT_EQ(bench_.worker(0).stats().rtp_retransmitted, repeated);
  constexpr std::uint8_t kHasExtension = 0x10;
  EXPECT_NE(sent.front()[0] & kHasExtension, 0) << "names its section";
  EXPECT_EQ(sent.back()[0] & kHasExtension, 0);
}

}  // namespace
}  // namespace fovea::worker
