#include "sfu/rtp/rtcp/transport_feedback.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/core/rng.h"

namespace fovea::rtp {
namespace {

using Bytes = std::vector<std::uint8_t>;

Instant At(Duration d) { return Instant{d}; }

RtcpPacket First(ByteSpan datagram) {
  RtcpReader reader(datagram);
  return reader.Next().value_or(RtcpPacket{});
}

struct Built {
  Bytes bytes;
  std::size_t reported = 0;
};

Built Build(ExtSeq base, const std::vector<TwccArrival>& arrivals) {
  Built built{.bytes = Bytes(kTransportFeedbackBytesMax), .reported = 0};
  ByteWriter writer(built.bytes);
  built.reported = WriteTransportFeedback(
      {.sender = Ssrc{1}, .media = Ssrc{2}, .base = base, .feedback_count = 9}, arrivals, writer);
  built.bytes.resize(writer.size());
  return built;
}

// What a feedback says, by number: ticks, or -1 for "not received".
std::map<int, std::int64_t> Read(const Bytes& bytes) {
  const std::optional<TransportFeedback> feedback = TransportFeedback::Parse(First(bytes));
  EXPECT_TRUE(feedback.has_value());
  std::map<int, std::int64_t> statuses;
  if (!feedback.has_value()) return statuses;
  feedback->ForEach([&statuses](const TwccStatus& status) {
    statuses[status.seq] = status.received ? status.arrival_ticks : -1;
  });
  return statuses;
}

TEST(TransportFeedback, HasItsGoldenBytes) {
  // 128 ms is reference time 2; then 1 ms, a loss, 100 ms later (large), 1 ms earlier (negative).
  const Built built = Build(
      ExtSeq{5},
      {{ExtSeq{5}, At(Millis(129))}, {ExtSeq{7}, At(Millis(229))}, {ExtSeq{8}, At(Millis(228))}});
  EXPECT_EQ(built.reported, 3U);
  EXPECT_EQ(built.bytes, (Bytes{0xaf, 0xcd, 0x00, 0x06, 0, 0, 0, 1, 0, 0, 0, 2,  //
                                0x00, 0x05, 0x00, 0x04,                          // base, count
                                0x00, 0x00, 0x02, 0x09,  // reference, number
                                0xd2, 0x80,              // 2-bit: small, none, large, large
                                0x04,                    // 4 ticks
                                0x01, 0x90,              // 400
                                0xff, 0xfc,              // -4
                                0x01}));                 // padding
  EXPECT_EQ(Read(built.bytes),
            (std::map<int, std::int64_t>{{5, 516}, {6, -1}, {7, 916}, {8, 912}}));
}

TEST(TransportFeedback, ReadsAllChunkKinds) {
  Bytes bytes = {0x8f, 0xcd, 0x00, 0x00, 0,    0,    0,    1,
                 0,    0,    0,    2,    0xff, 0xfe, 0x00, 0x18,  // base 65534, 24 statuses
                 0xff, 0xff, 0xff, 0x00,                          // reference time -1
                 0x20, 0x03,                                      // run: 3 small
                 0xa0, 0x01,                                      // 1-bit: 1, then twelve 0, then 1
                 0xe4, 0x00,                                      // 2-bit: large, small, five 0
                 0x01, 0x02, 0x03, 0x04, 0x05, 0xff, 0xf0,        // deltas
                 0x07};
  bytes.resize((bytes.size() + 3) / 4 * 4);
  StoreBe16(&bytes[2], static_cast<std::uint16_t>(bytes.size() / 4 - 1));
  const std::map<int, std::int64_t> statuses = Read(bytes);
  EXPECT_EQ(statuses.size(), 24U);
  EXPECT_EQ(statuses.at(65534), -255);
  EXPECT_EQ(statuses.at(65535), -253);
  EXPECT_EQ(statuses.at(0), -250);
  EXPECT_EQ(statuses.at(1), -246);
  EXPECT_EQ(statuses.at(2), -1);
  EXPECT_EQ(statuses.at(14), -241);
  EXPECT_EQ(statuses.at(15), -257);
  EXPECT_EQ(statuses.at(16), -250);
  EXPECT_EQ(statuses.at(21), -1);
}

TEST(TransportFeedback, RefusesEveryTruncation) {
  const Built built = Build(
      ExtSeq{5},
      {{ExtSeq{5}, At(Millis(129))}, {ExtSeq{7}, At(Millis(229))}, {ExtSeq{9}, At(Millis(228))}});
  const RtcpPacket packet = First(built.bytes);
  for (std::size_t n = 0; n < packet.body.size(); ++n) {
    const Bytes body(packet.body.begin(), packet.body.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_FALSE(
        TransportFeedback::Parse(RtcpPacket{.header = packet.header, .body = body}).has_value());
  }
}

TEST(TransportFeedback, RefusesReservedSymbolsAndAbsurdCounts) {
  Bytes body(20, 0);
  const RtcpHeader header = First(Build(ExtSeq{1}, {{ExtSeq{1}, At(Millis(1))}}).bytes).header;
  StoreBe16(&body[10], 1);
  StoreBe16(&body[16], 0x6001);  // run of one reserved symbol
  EXPECT_FALSE(TransportFeedback::Parse(RtcpPacket{.header = header, .body = body}).has_value());
  StoreBe16(&body[16], 0x0001);
  EXPECT_TRUE(TransportFeedback::Parse(RtcpPacket{.header = header, .body = body}).has_value());
  StoreBe16(&body[10], 0);
  EXPECT_FALSE(TransportFeedback::Parse(RtcpPacket{.header = header, .body = body}).has_value());
  body.resize(200, 0x1f);  // runs of "not received", longer than any count
  StoreBe16(&body[10], limits::kTwccStatusesMax + 1);
  EXPECT_FALSE(TransportFeedback::Parse(RtcpPacket{.header = header, .body = body}).has_value());
  StoreBe16(&body[10], limits::kTwccStatusesMax);
  const auto most = TransportFeedback::Parse(RtcpPacket{.header = header, .body = body});
  ASSERT_TRUE(most.has_value());
  int visited = 0;
  most->ForEach([&visited](const TwccStatus&) { ++visited; });
  EXPECT_EQ(visited, limits::kTwccStatusesMax);
}

TEST(TransportFeedback, RunsOfLengthZeroDoNotLoop) {
  Bytes body(16 + 8, 0);
  StoreBe16(&body[10], 3);
  const RtcpHeader header = First(Build(ExtSeq{1}, {{ExtSeq{1}, At(Millis(1))}}).bytes).header;
  EXPECT_FALSE(TransportFeedback::Parse(RtcpPacket{.header = header, .body = body}).has_value());
  StoreBe16(&body[22], 3);
  const auto feedback = TransportFeedback::Parse(RtcpPacket{.header = header, .body = body});
  ASSERT_TRUE(feedback.has_value());
  int visited = 0;
  feedback->ForEach([&visited](const TwccStatus&) { ++visited; });
  EXPECT_EQ(visited, 3);
}

TEST(WriteTransportFeedback, ASteadyRunTakesOneChunk) {
  std::vector<TwccArrival> arrivals;
  for (int i = 0; i < 200; ++i) arrivals.push_back({ExtSeq{100 + i}, At(Millis(1000 + i))});
  const Built built = Build(ExtSeq{100}, arrivals);
  EXPECT_EQ(built.reported, 200U);
  EXPECT_EQ(First(built.bytes).body.size(), 16U + 2 + 200);
}

TEST(WriteTransportFeedback, StopsAtADeltaThatSixteenBitsCannotHold) {
  const Built built = Build(ExtSeq{1}, {{ExtSeq{1}, At(Millis(0))}, {ExtSeq{2}, At(Seconds(9))}});
  EXPECT_EQ(built.reported, 1U);
  EXPECT_EQ(Read(built.bytes), (std::map<int, std::int64_t>{{1, 0}}));
}

TEST(WriteTransportFeedback, StopsAtANumberTooFarFromTheFirst) {
  const Built built = Build(ExtSeq{0}, {{ExtSeq{0}, At(Millis(0))},
                                        {ExtSeq{limits::kTwccStatusesMax - 1}, At(Millis(1))},
                                        {ExtSeq{limits::kTwccStatusesMax}, At(Millis(2))}});
  EXPECT_EQ(built.reported, 2U);
  EXPECT_EQ(Read(built.bytes).size(), static_cast<std::size_t>(limits::kTwccStatusesMax));
}

TEST(WriteTransportFeedback, LeavesArrivalsThatAreTooManyForTheNextPacket) {
  std::vector<TwccArrival> arrivals;
  for (std::size_t i = 0; i <= limits::kTwccArrivalsMax; ++i) {
    const auto number = static_cast<std::int64_t>(i);
    arrivals.push_back({ExtSeq{100 + number}, At(Millis(1000 + 70 * number))});  // large deltas
  }
  const Built built = Build(ExtSeq{100}, arrivals);
  EXPECT_EQ(built.reported, limits::kTwccArrivalsMax);
  EXPECT_EQ(Read(built.bytes).size(), limits::kTwccArrivalsMax);
  const ExtSeq last = arrivals.back().seq;
  EXPECT_EQ(Build(last, {arrivals.back()}).reported, 1U);
}

TEST(WriteTransportFeedback, LeavesArrivalsWhoseChunksAreTooManyForTheNextPacket) {
  // Each costs two chunks: a run of losses, and itself.
  const auto build = [](std::size_t count) {
    std::vector<TwccArrival> arrivals;
    for (std::size_t i = 1; i <= count; ++i) {
      const auto number = static_cast<std::int64_t>(i);
      arrivals.push_back({ExtSeq{100 * number}, At(Millis(number))});
    }
    return Build(ExtSeq{0}, arrivals);
  };
  constexpr std::size_t kFit = limits::kTwccChunksMax / 2;
  static_assert(kFit < limits::kTwccArrivalsMax);
  const Built full = build(kFit);
  EXPECT_EQ(full.reported, kFit);
  const auto feedback = TransportFeedback::Parse(First(full.bytes));
  ASSERT_TRUE(feedback.has_value());
  EXPECT_EQ(feedback->chunks.size(), 2 * limits::kTwccChunksMax);
  const Built beyond = build(kFit + 1);
  EXPECT_GT(beyond.reported, 0U);
  EXPECT_LT(beyond.reported, kFit + 1);
  EXPECT_TRUE(TransportFeedback::Parse(First(beyond.bytes)).has_value());
}

TEST(WriteTransportFeedback, ThinlySpreadArrivalsAreSplitOverPackets) {
  std::vector<TwccArrival> arrivals;
  for (int i = 0; i < 300; ++i) arrivals.push_back({ExtSeq{100 * i}, At(Millis(i))});
  std::size_t done = 0;
  ExtSeq base{0};
  while (done < arrivals.size()) {
    const Built built =
        Build(base, {arrivals.begin() + static_cast<std::ptrdiff_t>(done), arrivals.end()});
    ASSERT_GT(built.reported, 0U);
    done += built.reported;
    base = ExtSeq{arrivals[done - 1].seq.value() + 1};
    EXPECT_TRUE(TransportFeedback::Parse(First(built.bytes)).has_value());
  }
}

TEST(WriteTransportFeedback, SaysWhenThereIsNoRoom) {
  Bytes out(27);
  ByteWriter writer(out);
  const std::vector<TwccArrival> arrivals = {{ExtSeq{1}, At(Millis(1))},
                                             {ExtSeq{9}, At(Millis(100))}};
  EXPECT_EQ(WriteTransportFeedback({.sender = Ssrc{1}, .media = Ssrc{2}, .base = ExtSeq{1}},
                                   arrivals, writer),
            0U);
  EXPECT_EQ(writer.size(), 0U);
  EXPECT_FALSE(writer.failed());
}

TEST(WriteTransportFeedback, RoundTripsRandomArrivals) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed);
    const std::int64_t base = 65536 + rng.Below(65536);
    const std::uint32_t loss_percent = rng.Below(100);
    const std::int64_t step_us = 1 + rng.Below(seed % 2 == 0 ? 2000 : 200000);
    std::vector<TwccArrival> arrivals;
    Instant at = At(Seconds(1000));
    for (int i = 0; i < 400; ++i) {
      at += Micros(static_cast<std::int64_t>(rng.Below(static_cast<std::uint32_t>(step_us))) -
                   step_us / 8);
      if (rng.Below(100) >= loss_percent) arrivals.push_back({ExtSeq{base + i}, at});
    }
    if (arrivals.empty()) continue;
    const Built built = Build(ExtSeq{base}, arrivals);
    ASSERT_GT(built.reported, 0U);
    std::map<int, std::int64_t> expected;
    const std::int64_t last = arrivals[built.reported - 1].seq.value();
    for (std::int64_t seq = base; seq <= last; ++seq) expected[static_cast<int>(seq % 65536)] = -1;
    for (std::size_t i = 0; i < built.reported; ++i) {
      expected[ToWire(arrivals[i].seq)] = ToMicros(arrivals[i].at.time_since_epoch()) / 250;
    }
    EXPECT_EQ(Read(built.bytes), expected) << seed;
  }
}

}  // namespace
}  // namespace fovea::rtp
