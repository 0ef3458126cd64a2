#include "sfu/rtp/header.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace fovea::rtp {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Chromium Opus with audio level, absolute send time, transport-wide number and MID "0".
const Bytes kOpus = {0x90, 0xef, 0x12, 0x34,              // V=2 X, M PT=111, sequence number
                     0x00, 0x01, 0x51, 0x80,              // timestamp
                     0xca, 0xfe, 0xba, 0xbe,              // SSRC
                     0xbe, 0xde, 0x00, 0x03,              // one-byte form, three words
                     0x10, 0xff, 0x22, 0x0a, 0x0b, 0x0c,  // id 1: V, -127; id 2: 0x0a0b0c
                     0x31, 0x01, 0x02, 0x40, 0x30, 0x00,  // id 3: 0x0102; id 4: "0"; padding
                     0x78, 0x01, 0x02};                   // payload

DropReason ErrorOf(ByteSpan packet) {
  const Result<RtpView, DropReason> view = RtpView::Parse(packet);
  return view.ok() ? DropReason::kCount : view.error();
}

TEST(RtpView, ReadsAChromiumAudioPacket) {
  const Result<RtpView, DropReason> view = RtpView::Parse(kOpus);
  ASSERT_TRUE(view.ok());
  EXPECT_TRUE(view->marker);
  EXPECT_EQ(view->pt, PayloadType{111});
  EXPECT_EQ(view->seq, 0x1234);
  EXPECT_EQ(view->ts, RtpTimestamp{0x00015180});
  EXPECT_EQ(view->ssrc, Ssrc{0xcafebabe});
  EXPECT_TRUE(view->has_extension);
  EXPECT_EQ(view->extension_profile, 0xbede);
  EXPECT_EQ(view->extension_offset, 16);
  EXPECT_EQ(view->extension_length, 12);
  EXPECT_EQ(view->payload_offset, 28);
  EXPECT_EQ(view->payload_length, 3);
  EXPECT_EQ(view->padding_length, 0);
  EXPECT_EQ(view->Payload(kOpus)[0], 0x78);
}

TEST(RtpView, EveryPrefixParsesInsideItsBoundsOrFails) {
  for (std::size_t n = 0; n <= kOpus.size(); ++n) {
    const ByteSpan prefix = ByteSpan(kOpus).first(n);
    const Result<RtpView, DropReason> view = RtpView::Parse(prefix);
    EXPECT_EQ(view.ok(), n >= 28) << n;
    if (view.ok()) {
      EXPECT_EQ(view->payload_offset + view->payload_length, static_cast<int>(n));
    }
  }
}

TEST(RtpView, SkipsContributingSources) {
  Bytes packet(12 + 8 + 1, 0);
  packet[0] = 0x82;
  packet[20] = 0x55;
  const Result<RtpView, DropReason> view = RtpView::Parse(packet);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->payload_offset, 20);
  EXPECT_EQ(view->payload_length, 1);
  packet[0] = 0x83;
  EXPECT_EQ(ErrorOf(packet), DropReason::kRtpTooShort);
}

TEST(RtpView, TellsPaddingFromPayload) {
  Bytes packet(12 + 4, 0);
  packet[0] = 0xa0;
  packet[15] = 3;
  Result<RtpView, DropReason> view = RtpView::Parse(packet);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->payload_length, 1);
  EXPECT_EQ(view->padding_length, 3);
  packet[15] = 4;
  view = RtpView::Parse(packet);
  ASSERT_TRUE(view.ok());
  EXPECT_TRUE(view->is_padding_only());
}

TEST(RtpView, RefusesPaddingThatIsZeroOrReachesTheHeader) {
  Bytes packet(12 + 4, 0);
  packet[0] = 0xa0;
  EXPECT_EQ(ErrorOf(packet), DropReason::kRtpBadPadding);
  packet[15] = 5;
  EXPECT_EQ(ErrorOf(packet), DropReason::kRtpBadPadding);
  packet.resize(12);
  EXPECT_EQ(ErrorOf(packet), DropReason::kRtpBadPadding);
}

TEST(RtpView, RefusesOtherVersionsAndGiants) {
  Bytes packet(12, 0);
  packet[0] = 0x40;
  EXPECT_EQ(ErrorOf(packet), DropReason::kRtpBadVersion);
  Bytes giant(65536, 0);
  giant[0] = 0x80;
  EXPECT_EQ(ErrorOf(giant), DropReason::kRtpTooLong);
}

TEST(RtpView, RefusesAnExtensionLongerThanThePacket) {
  Bytes packet = kOpus;
  packet[15] = 5;  // 20 bytes announced, 15 there
  EXPECT_EQ(ErrorOf(packet), DropReason::kRtpBadExtension);
}

TEST(IsRtcp, FollowsTheSecondByte) {
  const std::array<std::uint8_t, 2> sender_report = {0x80, 200};
  const std::array<std::uint8_t, 2> marked_opus = {0x80, 0x80 | 111};
  const std::array<std::uint8_t, 2> first = {0x80, 192};
  const std::array<std::uint8_t, 2> behind = {0x80, 224};
  EXPECT_TRUE(IsRtcp(sender_report));
  EXPECT_TRUE(IsRtcp(first));
  EXPECT_FALSE(IsRtcp(behind));
  EXPECT_FALSE(IsRtcp(marked_opus));
  EXPECT_FALSE(IsRtcp(ByteSpan(sender_report).first(1)));
}

TEST(WriteRtpHeader, RoundTripsThroughParse) {
  const RtpHeaderFields fields = {
      .marker = true, .pt = PayloadType{96}, .seq = 7, .ts = RtpTimestamp{8}, .ssrc = Ssrc{9}};
  std::array<std::uint8_t, 20> out{};
  ByteWriter writer(out);
  ASSERT_TRUE(WriteRtpHeader(fields, ByteSpan(kOpus).subspan(12, 4 + 0), writer));
  EXPECT_EQ(writer.size(), 16U);
  StoreBe16(&out[14], 1);  // one word of extension, in the bytes that follow
  const Result<RtpView, DropReason> view = RtpView::Parse(out);
  ASSERT_TRUE(view.ok());
  EXPECT_TRUE(view->marker);
  EXPECT_EQ(view->pt, fields.pt);
  EXPECT_EQ(view->seq, fields.seq);
  EXPECT_EQ(view->ts, fields.ts);
  EXPECT_EQ(view->ssrc, fields.ssrc);
  EXPECT_EQ(view->extension_length, 4);
}

TEST(WriteRtpHeader, SaysWhenItDoesNotFit) {
  std::array<std::uint8_t, 11> out{};
  ByteWriter writer(out);
  EXPECT_FALSE(WriteRtpHeader({}, {}, writer));
  std::array<std::uint8_t, 40> room{};
  ByteWriter roomy(room);
  EXPECT_FALSE(WriteRtpHeader({}, ByteSpan(kOpus).first(3), roomy));
}

TEST(RtpPatch, ChangesOneFieldAndNothingElse) {
  Bytes packet = kOpus;
  SetMarker(packet, false);
  SetPayloadType(packet, PayloadType{63});
  SetSeq(packet, 0xffff);
  SetTimestamp(packet, RtpTimestamp{0x01020304});
  SetSsrc(packet, Ssrc{0x05060708});
  const Result<RtpView, DropReason> view = RtpView::Parse(packet);
  ASSERT_TRUE(view.ok());
  EXPECT_FALSE(view->marker);
  EXPECT_EQ(view->pt, PayloadType{63});
  EXPECT_EQ(view->seq, 0xffff);
  EXPECT_EQ(view->ts, RtpTimestamp{0x01020304});
  EXPECT_EQ(view->ssrc, Ssrc{0x05060708});
  EXPECT_EQ(Bytes(packet.begin() + 12, packet.end()), Bytes(kOpus.begin() + 12, kOpus.end()));
  SetMarker(packet, true);
  EXPECT_EQ(packet[1], 0x80 | 63);
}

TEST(StripPadding, CutsAndClearsThePaddingBit) {
  Bytes packet(12 + 6, 0);
  packet[0] = 0xa0;
  packet[17] = 4;
  Result<RtpView, DropReason> view = RtpView::Parse(packet);
  ASSERT_TRUE(view.ok());
  const MutableByteSpan shorter = StripPadding(packet, *view);
  EXPECT_EQ(shorter.size(), 14U);
  EXPECT_EQ(view->padding_length, 0);
  const Result<RtpView, DropReason> again = RtpView::Parse(shorter);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->payload_length, 2);
}

}  // namespace
}  // namespace fovea::rtp
