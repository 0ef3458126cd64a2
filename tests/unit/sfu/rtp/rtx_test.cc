#include "sfu/rtp/rtx.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace fovea::rtp {
namespace {

using Bytes = std::vector<std::uint8_t>;

const Bytes kOriginal = {0x90, 0xe0, 0x12, 0x34, 0,    0,   0,    7,
                         0,    0,    0,    1,                                   // M, PT 96, SSRC 1
                         0xbe, 0xde, 0x00, 0x01, 0x40, '1', 0x00, 0x00,         // MID "1"
                         0xaa, 0xbb, 0xcc};                                     // payload
const Bytes kRtx = {0x90, 0xe1, 0x00, 0x05, 0,    0,   0,    7,    0, 0, 0, 2,  // PT 97, SSRC 2
                    0xbe, 0xde, 0x00, 0x01, 0x40, '1', 0x00, 0x00,              //
                    0x12, 0x34, 0xaa, 0xbb, 0xcc};                              // OSN, payload

RtpView View(ByteSpan packet) {
  const Result<RtpView, DropReason> view = RtpView::Parse(packet);
  EXPECT_TRUE(view.ok());
  return view.ok() ? *view : RtpView{};
}

TEST(Rtx, RestoresTheOriginalInPlace) {
  Bytes packet = kRtx;
  const auto restored =
      RestoreFromRtx(packet, View(packet), {.pt = PayloadType{96}, .ssrc = Ssrc{1}});
  ASSERT_TRUE(restored.ok());
  EXPECT_EQ(Bytes(restored->begin(), restored->end()), kOriginal);
}

TEST(Rtx, WritesTheGoldenPacket) {
  Bytes out(kRtx.size());
  ByteWriter writer(out);
  ASSERT_TRUE(WriteRtx(kOriginal, View(kOriginal),
                       {.pt = PayloadType{97}, .ssrc = Ssrc{2}, .seq = 5}, writer));
  EXPECT_EQ(out, kRtx);
}

TEST(Rtx, LeavesThePaddingOfTheOriginalOut) {
  Bytes padded = kOriginal;
  padded[0] |= 0x20;
  padded.insert(padded.end(), {0, 0, 3});
  Bytes out(100);
  ByteWriter writer(out);
  ASSERT_TRUE(
      WriteRtx(padded, View(padded), {.pt = PayloadType{97}, .ssrc = Ssrc{2}, .seq = 5}, writer));
  EXPECT_EQ(Bytes(writer.written().begin(), writer.written().end()), kRtx);
}

TEST(Rtx, SaysWhenThereIsNoRoom) {
  for (std::size_t n = 0; n < kRtx.size(); ++n) {
    Bytes out(n);
    ByteWriter writer(out);
    EXPECT_FALSE(WriteRtx(kOriginal, View(kOriginal), {}, writer)) << n;
  }
}

TEST(Rtx, TellsProbingFromATruncatedPacket) {
  for (std::size_t n = 20; n < 23; ++n) {
    Bytes packet(kRtx.begin(), kRtx.begin() + static_cast<std::ptrdiff_t>(n));
    const auto restored = RestoreFromRtx(packet, View(packet), {});
    EXPECT_EQ(restored.ok(), n == 22);
    if (n < 22) {
      EXPECT_EQ(restored.error(), n == 20 ? DropReason::kPaddingOnly : DropReason::kRtxMalformed);
    }
  }
}

TEST(Rtx, KeepsThePaddingOfTheRtxPacketWellFormed) {
  Bytes packet = kRtx;
  packet[0] |= 0x20;
  packet.insert(packet.end(), {0, 2});
  const auto restored =
      RestoreFromRtx(packet, View(packet), {.pt = PayloadType{96}, .ssrc = Ssrc{1}});
  ASSERT_TRUE(restored.ok());
  const RtpView view = View(*restored);
  EXPECT_EQ(view.payload_length, 3);
  EXPECT_EQ(view.padding_length, 2);
  EXPECT_EQ(view.seq, 0x1234);
}

}  // namespace
}  // namespace fovea::rtp
