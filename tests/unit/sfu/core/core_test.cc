#include <gtest/gtest.h>

#include <set>
#include <string>

#include "sfu/core/bytes.h"
#include "sfu/core/deadline.h"
#include "sfu/core/drop_reason.h"
#include "sfu/core/inline_vector.h"
#include "sfu/core/net_address.h"
#include "sfu/core/result.h"
#include "sfu/core/rng.h"
#include "sfu/core/seq.h"
#include "sfu/core/time.h"

namespace fovea {
namespace {

TEST(SeqUnwrapper, FollowsTheClosestValueAcrossWraps) {
  SeqUnwrapper unwrapper;
  const ExtSeq first = unwrapper.Unwrap(65534);
  EXPECT_EQ(unwrapper.Unwrap(2).value(), first.value() + 4);
  EXPECT_EQ(unwrapper.Unwrap(65535).value(), first.value() + 1);
  EXPECT_EQ(ToWire(unwrapper.Unwrap(3)), 3);
}

TEST(SeqUnwrapper, APacketOlderThanTheFirstStaysPositive) {
  SeqUnwrapper unwrapper;
  const ExtSeq first = unwrapper.Unwrap(0);
  EXPECT_EQ(unwrapper.Unwrap(65535).value(), first.value() - 1);
  EXPECT_GT(unwrapper.Unwrap(65535).value(), 0);
}

TEST(ByteReader, FailsOnceAndYieldsZeroAfterwards) {
  const std::uint8_t bytes[] = {1, 2, 3};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.U16(), 0x0102);
  EXPECT_EQ(reader.U16(), 0);
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.U8(), 0);
  EXPECT_EQ(reader.remaining(), 0U);
}

TEST(ByteWriter, RoundTripsThroughTheReader) {
  std::uint8_t bytes[18] = {};
  ByteWriter writer(bytes);
  writer.U8(1);
  writer.U16(2);
  writer.U24(3);
  writer.U32(4);
  writer.U64(5);
  EXPECT_FALSE(writer.failed());
  writer.U8(0);
  EXPECT_TRUE(writer.failed());
  ByteReader reader(bytes);
  EXPECT_EQ(reader.U8(), 1);
  EXPECT_EQ(reader.U16(), 2);
  EXPECT_EQ(reader.U24(), 3U);
  EXPECT_EQ(reader.U32(), 4U);
  EXPECT_EQ(reader.U64(), 5U);
}

TEST(InlineVector, RefusesWhenFullAndKeepsOrderOnErase) {
  InlineVector<int, 3> numbers;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(numbers.TryPush(i));
  EXPECT_FALSE(numbers.TryPush(3));
  numbers.EraseAt(0);
  ASSERT_EQ(numbers.size(), 2U);
  EXPECT_EQ(numbers[0], 1);
  EXPECT_EQ(numbers[1], 2);
}

TEST(InlineString, RefusesLongerTextInsteadOfCuttingIt) {
  InlineString<4> text;
  EXPECT_TRUE(text.TryAssign("abcd"));
  EXPECT_FALSE(text.TryAssign("abcde"));
  EXPECT_EQ(text.view(), "abcd");
}

TEST(NetAddress, PrintsAndParsesBothFamilies) {
  EXPECT_EQ(NetAddress::Parse("127.0.0.1", 80)->ToString(), "127.0.0.1:80");
  EXPECT_EQ(NetAddress::Parse("2001:db8::1", 443)->ToString(), "[2001:db8::1]:443");
  EXPECT_TRUE(NetAddress::Parse("::ffff:10.0.0.1", 1)->is_v4());
  EXPECT_FALSE(NetAddress::Parse("localhost", 1).has_value());
  EXPECT_EQ(*NetAddress::Parse("10.1.2.3", 9), NetAddress::V4(0x0a010203, 9));
}

TEST(DropReason, EveryReasonHasItsOwnName) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    names.insert(std::string(ToString(static_cast<DropReason>(i))));
  }
  EXPECT_EQ(names.size(), kDropReasonCount);
  EXPECT_EQ(names.count("invalid"), 0U);
}

TEST(Deadline, SoonestPrefersTheEarlier) {
  const Deadline a{Instant{} + Millis(5), WakeReason::kNack};
  const Deadline b{Instant{} + Millis(3), WakeReason::kPacer};
  EXPECT_EQ(Soonest(a, b).why, WakeReason::kPacer);
  EXPECT_EQ(Soonest(Deadline{}, a).why, WakeReason::kNack);
}

TEST(Ntp, UnixEpochIs1900PlusSeventyYears) {
  EXPECT_EQ(ToNtp(WallMicros{0}) >> 32, 2'208'988'800U);
  EXPECT_EQ(ToNtp(WallMicros{500'000}) & 0xffffffffU, 0x80000000U);
}

TEST(Result, CarriesAValueOrAReason) {
  const Result<int, DropReason> good = 7;
  const Result<int, DropReason> bad = Failure{DropReason::kRtpTooShort};
  EXPECT_EQ(*good, 7);
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.error(), DropReason::kRtpTooShort);
}

TEST(Rng, IsReproducible) {
  Rng a(1);
  Rng b(1);
  EXPECT_EQ(a.Next64(), b.Next64());
  EXPECT_LT(a.Below(10), 10U);
}

}  // namespace
}  // namespace fovea
