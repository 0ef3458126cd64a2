// On a host with several addresses a peer hears us from the one it talks to.
#include <algorithm>

#include "tests/unit/sfu/worker/bench.h"

namespace fovea::worker {
namespace {

class LocalAddress : public ::testing::Test {
 protected:
  // What worker 0 has sent to the publisher by `now`.
  std::vector<LocalAddressId> SentFrom() {
    bench_.senders[0].keep = true;
    bench_.Poll();
    std::vector<LocalAddressId> from;
    for (const CountingSender::Kept& kept : bench_.senders[0].kept) {
      if (kept.to == publisher()) from.push_back(kept.from);
    }
    bench_.senders[0].kept.clear();
    return from;
  }
  // The publisher's next packets arrive at one of our addresses, and are due an answer.
  void ReceiveMedia(LocalAddressId at) {
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(bench_.Receive(0, publisher(), packets_[next_++], at));
    }
    bench_.now += Millis(200);
  }
  [[nodiscard]] const NetAddress& publisher() const {
    return meeting_.publisher->identity().address;
  }

  Bench bench_;
  Meeting meeting_{bench_};
  std::vector<std::vector<std::uint8_t>> packets_ = meeting_.Packets(100);
  std::size_t next_ = 0;
};

TEST_F(LocalAddress, IsTheOneWhereThePeerWasHeardLast) {
  ReceiveMedia(LocalAddressId{3});
  const auto first = SentFrom();
  ASSERT_FALSE(first.empty());
  EXPECT_EQ(std::count(first.begin(), first.end(), LocalAddressId{3}), std::ssize(first));
  ReceiveMedia(LocalAddressId{2});
  const auto second = SentFrom();
  ASSERT_FALSE(second.empty());
  EXPECT_EQ(std::count(second.begin(), second.end(), LocalAddressId{2}), std::ssize(second));
}

TEST_F(LocalAddress, DoesNotFollowAForgedPacket) {
  ReceiveMedia(LocalAddressId{3});
  std::vector<std::uint8_t> forged(100, 0x11);
  forged[0] = 0x80;
  forged[1] = 96;
  ASSERT_TRUE(bench_.Receive(0, publisher(), forged, LocalAddressId{4}));
  const auto from = SentFrom();
  ASSERT_FALSE(from.empty());
  EXPECT_EQ(std::count(from.begin(), from.end(), LocalAddressId{3}), std::ssize(from));
}

TEST_F(LocalAddress, OfAConnectivityCheckIsTheOneThatWasChecked) {
  ReceiveMedia(LocalAddressId{3});
  (void)SentFrom();
  Capture checks;
  bench_.now += Seconds(5);
  meeting_.publisher->HandleTimeout(bench_.now, checks);
  ASSERT_FALSE(checks.packets.empty());
  ASSERT_LT(checks.packets[0][0], 4) << "a STUN message";
  bench_.senders[0].keep = true;
  ASSERT_TRUE(bench_.Receive(0, publisher(), checks.packets[0], LocalAddressId{5}));
  const auto from = SentFrom();
  EXPECT_EQ(std::count(from.begin(), from.end(), LocalAddressId{5}), 1);
  ReceiveMedia(LocalAddressId{3});
  const auto media = SentFrom();
  ASSERT_FALSE(media.empty());
  EXPECT_EQ(media.back(), LocalAddressId{3});
}

}  // namespace
}  // namespace fovea::worker
