#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "sfu/rtp/rtcp/bye.h"
#include "sfu/rtp/rtcp/compound.h"
#include "sfu/rtp/rtcp/extended_report.h"
#include "sfu/rtp/rtcp/fir.h"
#include "sfu/rtp/rtcp/nack.h"
#include "sfu/rtp/rtcp/pli.h"
#include "sfu/rtp/rtcp/receiver_report.h"
#include "sfu/rtp/rtcp/remb.h"
#include "sfu/rtp/rtcp/sdes.h"
#include "sfu/rtp/rtcp/sender_report.h"

namespace fovea::rtp {
namespace {

using ::testing::ElementsAre;
using Bytes = std::vector<std::uint8_t>;

template <class T>
Bytes Written(const T& message) {
  Bytes out(1500);
  ByteWriter writer(out);
  EXPECT_TRUE(message.Write(writer));
  out.resize(writer.size());
  return out;
}

RtcpPacket First(ByteSpan datagram) {
  RtcpReader reader(datagram);
  const std::optional<RtcpPacket> packet = reader.Next();
  EXPECT_TRUE(packet.has_value());
  return packet.value_or(RtcpPacket{});
}

std::vector<ExtSeq> Seqs(std::initializer_list<std::int64_t> values) {
  std::vector<ExtSeq> seqs;
  for (const std::int64_t value : values) seqs.emplace_back(value);
  return seqs;
}

std::vector<int> Visited(const Nack& nack) {
  std::vector<int> seqs;
  nack.ForEach([&seqs](std::uint16_t seq) { seqs.push_back(seq); });
  return seqs;
}

// Bodies cut anywhere must be refused or read in bounds; every writer must refuse any room too
// small and leave the writer as it was.
template <class T>
void ExpectTruncationIsSafe(const T& message) {
  const Bytes whole = Written(message);
  const RtcpPacket packet = First(whole);
  for (std::size_t n = 0; n < packet.body.size(); ++n) {
    const Bytes body(packet.body.begin(), packet.body.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_FALSE(T::Parse(RtcpPacket{.header = packet.header, .body = body}).has_value()) << n;
  }
  for (std::size_t n = 0; n < whole.size(); ++n) {
    Bytes room(n);
    ByteWriter writer(room);
    EXPECT_FALSE(message.Write(writer)) << n;
    EXPECT_EQ(writer.size(), 0U);
    EXPECT_FALSE(writer.failed());
  }
}

const ReportBlock kBlock = {.source = Ssrc{0x11223344},
                            .fraction_lost = 0x40,
                            .cumulative_lost = -2,
                            .extended_highest_seq = 0x00010005,
                            .jitter = 99,
                            .last_sr = 0xaabbccdd,
                            .delay_since_last_sr = 0x10000};

TEST(SenderReport, HasItsGoldenBytes) {
  SenderReport report;
  report.sender = Ssrc{0x01020304};
  report.ntp = 0x1112131415161718;
  report.rtp_timestamp = RtpTimestamp{0x21222324};
  report.packets = 5;
  report.octets = 6;
  report.blocks.Push(kBlock);
  EXPECT_EQ(Written(report), (Bytes{0x81, 0xc8, 0x00, 0x0c,  // V=2 RC=1, SR, 12 words
                                    0x01, 0x02, 0x03, 0x04,  // sender
                                    0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,  // NTP
                                    0x21, 0x22, 0x23, 0x24,                          // RTP
                                    0,    0,    0,    5,    0,    0,    0,    6,     // counts
                                    0x11, 0x22, 0x33, 0x44,                          // source
                                    0x40, 0xff, 0xff, 0xfe,                          // lost
                                    0x00, 0x01, 0x00, 0x05,                          // highest
                                    0,    0,    0,    99,                            // jitter
                                    0xaa, 0xbb, 0xcc, 0xdd,                          // LSR
                                    0x00, 0x01, 0x00, 0x00}));                       // DLSR
  const Bytes bytes = Written(report);
  const std::optional<SenderReport> parsed = SenderReport::Parse(First(bytes));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->sender, report.sender);
  EXPECT_EQ(parsed->ntp, report.ntp);
  EXPECT_EQ(parsed->rtp_timestamp, report.rtp_timestamp);
  EXPECT_EQ(parsed->packets, 5U);
  EXPECT_EQ(parsed->octets, 6U);
  ASSERT_EQ(parsed->blocks.size(), 1U);
  EXPECT_EQ(parsed->blocks[0], kBlock);
  ExpectTruncationIsSafe(report);
}

TEST(ReceiverReport, RoundTripsWithEveryBlockItCanHold) {
  ReceiverReport report{.sender = Ssrc{7}, .blocks = {}};
  while (!report.blocks.full()) report.blocks.Push(kBlock);
  const Bytes bytes = Written(report);
  EXPECT_EQ(bytes.size(), 4U + 4 + 31 * 24);
  EXPECT_EQ(bytes[0], 0x80 | 31);
  const std::optional<ReceiverReport> parsed = ReceiverReport::Parse(First(bytes));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->sender, Ssrc{7});
  EXPECT_EQ(parsed->blocks.size(), 31U);
  EXPECT_EQ(parsed->blocks[30], kBlock);
  ExpectTruncationIsSafe(report);
}

TEST(ReportBlock, ClampsTheLossCountToItsField) {
  ReceiverReport report{.sender = Ssrc{7}, .blocks = {}};
  ReportBlock block = kBlock;
  block.cumulative_lost = 0x1000000;
  report.blocks.Push(block);
  const Bytes bytes = Written(report);
  EXPECT_EQ(ReceiverReport::Parse(First(bytes))->blocks[0].cumulative_lost, 0x7fffff);
}

TEST(Sdes, HasItsGoldenBytes) {
  Sdes sdes;
  sdes.chunks.Push({.ssrc = Ssrc{1}, .cname = "ab"});
  EXPECT_EQ(Written(sdes), (Bytes{0x81, 0xca, 0, 3, 0, 0, 0, 1, 1, 2, 'a', 'b', 0, 0, 0, 0}));
  ExpectTruncationIsSafe(sdes);
}

TEST(Sdes, FindsTheCnameAmongOtherItems) {
  const Bytes bytes = {0x82, 0xca, 0, 6,                                  //
                       0,    0,    0, 1, 2, 1, 'n', 1,   1,   'c', 0, 0,  // NAME, CNAME, end
                       0,    0,    0, 2, 1, 3, 'x', 'y', 'z', 0,   0, 0};
  const std::optional<Sdes> parsed = Sdes::Parse(First(bytes));
  ASSERT_TRUE(parsed.has_value());
  ASSERT_EQ(parsed->chunks.size(), 2U);
  EXPECT_EQ(parsed->chunks[0].cname, "c");
  EXPECT_EQ(parsed->chunks[1].ssrc, Ssrc{2});
  EXPECT_EQ(parsed->chunks[1].cname, "xyz");
}

TEST(Sdes, RoundTripsEveryCnameLengthAndRefusesLonger) {
  for (std::size_t n = 0; n <= 256; ++n) {
    const std::string cname(n, 'x');
    Sdes sdes;
    sdes.chunks.Push({.ssrc = Ssrc{1}, .cname = cname});
    sdes.chunks.Push({.ssrc = Ssrc{2}, .cname = "tail"});
    Bytes out(600);
    ByteWriter writer(out);
    ASSERT_EQ(sdes.Write(writer), n <= Sdes::kCnameBytesMax);
    if (n > Sdes::kCnameBytesMax) continue;
    const std::optional<Sdes> parsed = Sdes::Parse(First(writer.written()));
    ASSERT_TRUE(parsed.has_value()) << n;
    EXPECT_EQ(parsed->chunks[0].cname, cname);
    EXPECT_EQ(parsed->chunks[1].cname, "tail");
  }
}

TEST(Bye, RoundTripsAndSkipsTheReason) {
  Bye bye;
  bye.sources.Push(Ssrc{1});
  bye.sources.Push(Ssrc{2});
  EXPECT_EQ(Written(bye), (Bytes{0x82, 0xcb, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2}));
  ExpectTruncationIsSafe(bye);
  const Bytes with_reason = {0x81, 0xcb, 0, 2, 0, 0, 0, 9, 3, 'b', 'y', 'e'};
  const std::optional<Bye> parsed = Bye::Parse(First(with_reason));
  ASSERT_TRUE(parsed.has_value());
  ASSERT_EQ(parsed->sources.size(), 1U);
  EXPECT_EQ(parsed->sources[0], Ssrc{9});
}

TEST(Nack, HasItsGoldenBytes) {
  Bytes out(100);
  ByteWriter writer(out);
  // 17 numbers after 65530 share its item, across the wrap; 65547 needs one of its own.
  ASSERT_TRUE(Nack::Write(Ssrc{1}, Ssrc{2}, Seqs({65530, 65531, 65546, 65547}), writer));
  out.resize(writer.size());
  EXPECT_EQ(out, (Bytes{0x81, 0xcd, 0x00, 0x04, 0,    0,    0,    1,    0,    0,
                        0,    2,    0xff, 0xfa, 0x80, 0x01, 0x00, 0x0b, 0x00, 0x00}));
  const std::optional<Nack> parsed = Nack::Parse(First(out));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->sender, Ssrc{1});
  EXPECT_EQ(parsed->media, Ssrc{2});
  EXPECT_THAT(Visited(*parsed), ElementsAre(65530, 65531, 10, 11));
}

TEST(Nack, RefusesPartialAndMissingItems) {
  const Bytes body(15);
  for (std::size_t n = 0; n <= body.size(); ++n) {
    const RtcpPacket packet{
        .header = {.count_or_format = Nack::kFormat, .type = RtcpType::kTransportFeedback},
        .body = ByteSpan(body).first(n)};
    EXPECT_EQ(Nack::Parse(packet).has_value(), n == 12) << n;
  }
}

TEST(Nack, LeavesTheWriterAloneWhenThereIsNoRoom) {
  Bytes out(19);
  ByteWriter writer(out);
  EXPECT_FALSE(Nack::Write(Ssrc{1}, Ssrc{2}, Seqs({1, 100}), writer));
  EXPECT_EQ(writer.size(), 0U);
  EXPECT_TRUE(Nack::Write(Ssrc{1}, Ssrc{2}, Seqs({1}), writer));
}

TEST(Pli, HasItsGoldenBytes) {
  const Pli pli{.sender = Ssrc{1}, .media = Ssrc{2}};
  EXPECT_EQ(Written(pli), (Bytes{0x81, 0xce, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2}));
  const Bytes bytes = Written(pli);
  EXPECT_EQ(Pli::Parse(First(bytes))->media, Ssrc{2});
  ExpectTruncationIsSafe(pli);
}

TEST(Fir, HasItsGoldenBytesAndABound) {
  Fir fir{.sender = Ssrc{1}, .entries = {}};
  fir.entries.Push({.media = Ssrc{2}, .command_seq = 3});
  EXPECT_EQ(Written(fir),
            (Bytes{0x84, 0xce, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 3, 0, 0, 0}));
  ExpectTruncationIsSafe(fir);
  while (!fir.entries.full()) fir.entries.Push({.media = Ssrc{4}, .command_seq = 5});
  Bytes full = Written(fir);
  const std::optional<Fir> most = Fir::Parse(First(full));
  ASSERT_TRUE(most.has_value());
  EXPECT_EQ(most->entries.size(), limits::kFirEntriesMax);
  full.insert(full.end(), 8, 0);
  StoreBe16(&full[2], static_cast<std::uint16_t>(full.size() / 4 - 1));
  EXPECT_FALSE(Fir::Parse(First(full)).has_value());
}

TEST(Remb, HasItsGoldenBytes) {
  Remb remb{.sender = Ssrc{1}, .bits_per_second = 0x3ffff, .sources = {}};
  remb.sources.Push(Ssrc{2});
  EXPECT_EQ(Written(remb), (Bytes{0x8f, 0xce, 0,   5,   0, 0,    0,    1,    0, 0, 0, 0,
                                  'R',  'E',  'M', 'B', 1, 0x03, 0xff, 0xff, 0, 0, 0, 2}));
  ExpectTruncationIsSafe(remb);
}

TEST(Remb, RoundsTheRateDownToEighteenBits) {
  for (const std::uint64_t rate :
       {std::uint64_t{0}, std::uint64_t{1'000'000}, std::uint64_t{2'500'003}, ~std::uint64_t{0}}) {
    const Remb remb{.sender = Ssrc{1}, .bits_per_second = rate, .sources = {}};
    const Bytes bytes = Written(remb);
    const std::optional<Remb> parsed = Remb::Parse(First(bytes));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_LE(parsed->bits_per_second, rate);
    EXPECT_LE(rate - parsed->bits_per_second, rate >> 17);
  }
}

TEST(Remb, RefusesARateThatOverflowsAndOtherFeedback) {
  Bytes bytes = Written(Remb{.sender = Ssrc{1}, .bits_per_second = 1, .sources = {}});
  Bytes overflow = bytes;
  overflow[17] = 0xff;
  EXPECT_FALSE(Remb::Parse(First(overflow)).has_value());
  bytes[12] = 'X';
  EXPECT_FALSE(Remb::Parse(First(bytes)).has_value());
}

TEST(ExtendedReport, HasItsGoldenBytes) {
  ExtendedReport report;
  report.sender = Ssrc{1};
  report.reference_ntp = 0x0102030405060708;
  report.dlrrs.Push({.receiver = Ssrc{2}, .last_rr = 3, .delay_since_last_rr = 4});
  EXPECT_EQ(Written(report), (Bytes{0x80, 0xcf, 0, 8, 0, 0, 0, 1,              //
                                    4,    0,    0, 2, 1, 2, 3, 4, 5, 6, 7, 8,  //
                                    5,    0,    0, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4}));
  const Bytes bytes = Written(report);
  const std::optional<ExtendedReport> parsed = ExtendedReport::Parse(First(bytes));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->reference_ntp, report.reference_ntp);
  ASSERT_EQ(parsed->dlrrs.size(), 1U);
  EXPECT_EQ(parsed->dlrrs[0], report.dlrrs[0]);
}

TEST(ExtendedReport, SkipsBlocksItDoesNotKnowAndRefusesOverruns) {
  const Bytes bytes = {0x80, 0xcf, 0, 6, 0, 0, 0, 1, 99, 0, 0, 1, 1, 2,
                       3,    4,    4, 0, 0, 2, 0, 0, 0,  0, 0, 0, 0, 7};
  const std::optional<ExtendedReport> parsed = ExtendedReport::Parse(First(bytes));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->reference_ntp, 7U);
  for (std::size_t n = 0; n < 24; ++n) {
    const RtcpPacket cut{.header = {.count_or_format = 0, .type = RtcpType::kExtendedReport},
                         .body = ByteSpan(bytes).subspan(4, n)};
    const bool at_a_block_end = n == 4 || n == 12;
    EXPECT_EQ(ExtendedReport::Parse(cut).has_value(), at_a_block_end) << n;
  }
}

TEST(ExtendedReport, IgnoresItemsBeyondItsBound) {
  constexpr std::size_t kItems = limits::kDlrrItemsMax + 1;
  Bytes bytes = {0x80, 0xcf, 0, 0, 0, 0, 0, 1, 5, 0, 0, 3 * kItems};
  bytes.resize(bytes.size() + 12 * kItems);
  StoreBe16(&bytes[2], static_cast<std::uint16_t>(bytes.size() / 4 - 1));
  const std::optional<ExtendedReport> parsed = ExtendedReport::Parse(First(bytes));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->dlrrs.size(), limits::kDlrrItemsMax);
}

// Chromium's regular report: RR, SDES, REMB in one datagram.
Bytes Compound() {
  Bytes out(1500);
  ByteWriter writer(out);
  ReceiverReport report{.sender = Ssrc{1}, .blocks = {}};
  report.blocks.Push(kBlock);
  Sdes sdes;
  sdes.chunks.Push({.ssrc = Ssrc{1}, .cname = "cname"});
  EXPECT_TRUE(report.Write(writer));
  EXPECT_TRUE(sdes.Write(writer));
  EXPECT_TRUE((Remb{.sender = Ssrc{1}, .bits_per_second = 9, .sources = {}}).Write(writer));
  out.resize(writer.size());
  return out;
}

TEST(ForEachRtcp, VisitsEveryPacketOfACompound) {
  std::vector<int> types;
  const Bytes compound = Compound();
  EXPECT_TRUE(ForEachRtcp(compound, [&types](const RtcpPacket& packet) {
    types.push_back(static_cast<int>(packet.header.type));
  }));
  EXPECT_THAT(types, ElementsAre(201, 202, 206));
}

TEST(ForEachRtcp, EveryTruncationIsSeen) {
  const Bytes whole = Compound();
  const std::size_t first = 4 + 4 + 24;
  const std::size_t second = first + 4 + 4 + 8;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const bool at_an_end = n == first || n == second;
    EXPECT_EQ(ForEachRtcp(ByteSpan(whole).first(n), [](const RtcpPacket&) {}), at_an_end) << n;
  }
}

TEST(ForEachRtcp, RefusesAWrongVersionButKeepsWhatCameBefore) {
  Bytes compound = Compound();
  compound[4 + 4 + 24] = 0x41;
  int visited = 0;
  EXPECT_FALSE(ForEachRtcp(compound, [&visited](const RtcpPacket&) { ++visited; }));
  EXPECT_EQ(visited, 1);
}

TEST(RtcpReader, RemovesPaddingAndRefusesBadPadding) {
  Bytes bytes = {0xa1, 0xce, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4};
  RtcpReader reader(bytes);
  const std::optional<RtcpPacket> packet = reader.Next();
  ASSERT_TRUE(packet.has_value());
  EXPECT_EQ(packet->body.size(), 8U);
  EXPECT_TRUE(packet->header.Is(RtcpType::kPayloadFeedback, Pli::kFormat));
  for (const int padding : {0, 13}) {
    bytes.back() = static_cast<std::uint8_t>(padding);
    RtcpReader bad(bytes);
    EXPECT_FALSE(bad.Next().has_value());
    EXPECT_TRUE(bad.malformed());
  }
}

}  // namespace
}  // namespace fovea::rtp
