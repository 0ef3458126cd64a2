// The packet path of an established session does not touch the heap.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "sfu/crypto/dtls.h"
#include "sfu/transport/session.h"
#include "tests/support/allocation_counter.h"
#include "tests/support/peer_link.h"
#include "tests/support/test_peer.h"

namespace fovea::transport {
namespace {

constexpr std::size_t kPackets = 500;

class SessionAllocations : public ::testing::TestWithParam<crypto::SrtpProfile> {};

INSTANTIATE_TEST_SUITE_P(Profiles, SessionAllocations,
                         ::testing::Values(crypto::SrtpProfile::kAeadAes128Gcm,
                                           crypto::SrtpProfile::kAeadAes256Gcm,
                                           crypto::SrtpProfile::kAes128CmSha1_80));

TEST_P(SessionAllocations, AreNoneForMediaInEitherDirection) {
  if (!test::AllocationCount()) GTEST_SKIP() << "a sanitizer owns the heap";
  const std::array profiles = {GetParam()};
  const auto certificate = crypto::Certificate::Generate(WallMicros{1'700'000'000'000'000});
  const crypto::DtlsContext context(*certificate, profiles);
  const test::IceParameters ours = {"serverfrag", "server-password-of-22-chars"};
  const test::IceParameters theirs = {"peerfrag", "peer-password-with-22-chars"};
  Session session(ours.ufrag, ours.password,
                  std::make_unique<crypto::DtlsTransport>(context, crypto::DtlsRole::kServer));
  test::TestPeer peer(
      theirs, std::make_unique<crypto::DtlsTransport>(context, crypto::DtlsRole::kClient), 1);
  test::PeerLink link(session, peer, 1, {});
  ASSERT_TRUE(session.SetRemote(certificate->fingerprint(), theirs.ufrag));
  peer.SetRemote(link.now(), ours, certificate->fingerprint(), NetAddress::V4(1, 7882));
  ASSERT_TRUE(link.RunUntil([&] { return peer.is_connected(); }, Seconds(5)));
  link.RunFor(Millis(50));

  // What the peer sends, captured before anything is counted.
  struct Capture : TransmitSink {
    void Transmit(const NetAddress&, ByteSpan bytes) override {
      packets.emplace_back(bytes.begin(), bytes.end());
    }
    std::vector<std::vector<std::uint8_t>> packets;
  } capture;
  std::vector<std::uint8_t> rtp(1200, 0x22);
  rtp[0] = 0x80;
  rtp[1] = 96;
  StoreBe32(&rtp[8], 0x77);
  std::vector<std::uint8_t> rtcp(100, 0x33);
  rtcp[0] = 0x80;
  rtcp[1] = 200;
  StoreBe32(&rtcp[4], 0x77);
  for (std::size_t i = 0; i <= kPackets; ++i) {
    StoreBe16(&rtp[2], static_cast<std::uint16_t>(65400 + i));
    const ExtSeq seq{static_cast<std::int64_t>(65400 + i)};
    ASSERT_TRUE(peer.SendRtp(seq, rtp, 12, capture));
    ASSERT_TRUE(peer.SendRtcp(rtcp, capture));
  }

  const NetAddress remote = *session.selected_remote();
  crypto::SrtpSender sender(Ssrc{0x77});
  std::array<std::uint8_t, 1500> out;
  SessionOutput output;
  std::uint64_t before = 0;
  std::size_t heard = 0;
  for (std::size_t i = 0; i <= kPackets; ++i) {
    if (i == 1) before = *test::AllocationCount();  // the first packets give their SSRCs a stream
    for (std::size_t k = 0; k < 2; ++k) {
      session.HandleDatagram(link.now(), {.remote = remote, .bytes = capture.packets[2 * i + k]},
                             link.session_sink(), output);
      heard += output.drop ? 0u : 1u;
    }
    StoreBe16(&rtp[2], static_cast<std::uint16_t>(i));
    const auto rtp_size = session.ProtectRtp(sender,
                                             {.seq = ExtSeq{static_cast<std::int64_t>(i)},
                                              .header = ByteSpan(rtp).first(12),
                                              .payload = ByteSpan(rtp).subspan(12)},
                                             out);
    heard += rtp_size.ok() ? 1u : 0u;
    heard += session.ProtectRtcp(rtcp, out).ok() ? 1u : 0u;
  }
  EXPECT_EQ(*test::AllocationCount() - before, 0u);
  EXPECT_EQ(heard, 4 * (kPackets + 1));
}

}  // namespace
}  // namespace fovea::transport
