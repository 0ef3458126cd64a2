#include "sfu/sctp/dcep.h"
#include "sfu/core/limits.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace fovea::sctp {
namespace {

using Bytes = std::vector<std::uint8_t>;

// RFC 8832 section 5.1, as a browser opens LiveKit's "_lossy".
const Bytes kLossyOpen = {0x03, 0x81, 0x01, 0x00,  // OPEN, unordered rexmit, priority 256
                          0x00, 0x00, 0x00, 0x00,  // no retransmission
                          0x00, 0x06, 0x00, 0x02,  // label, protocol length
                          '_',  'l',  'o',  's',  's', 'y', 'p', 'x'};

Bytes Written(const OpenMessage& message) {
  std::array<std::uint8_t, kOpenMessageBytesMax> buffer{};
  const ByteSpan bytes = WriteOpen(message, buffer);
  return {bytes.begin(), bytes.end()};
}

TEST(Dcep, ReadsAnOpenMessage) {
  const auto open = ParseOpen(kLossyOpen);
  ASSERT_TRUE(open);
  EXPECT_EQ(open->label, "_lossy");
  EXPECT_EQ(open->protocol, "px");
  EXPECT_EQ(open->priority, 256);
  EXPECT_FALSE(open->reliability.ordered);
  EXPECT_EQ(open->reliability.max_retransmits, 0U);
  EXPECT_FALSE(open->reliability.max_lifetime_ms);
  EXPECT_EQ(Written(*open), kLossyOpen);
}

TEST(Dcep, ReadsBackEveryReliability) {
  const Reliability all[] = {{true, {}, {}}, {false, {}, {}}, {true, 7, {}},
                             {false, 0, {}}, {true, {}, 250}, {false, {}, 0xFFFFFFFF}};
  for (const Reliability& reliability : all) {
    const Bytes bytes = Written({reliability, 5, "label", ""});
    const auto open = ParseOpen(bytes);
    ASSERT_TRUE(open);
    EXPECT_EQ(open->reliability, reliability);
    EXPECT_EQ(open->label, "label");
  }
}

TEST(Dcep, RefusesEveryTruncationAndAnyExcess) {
  for (std::size_t size = 0; size < kLossyOpen.size(); ++size) {
    EXPECT_FALSE(ParseOpen(ByteSpan(kLossyOpen).first(size))) << size;
  }
  Bytes longer = kLossyOpen;
  longer.push_back(0);
  EXPECT_FALSE(ParseOpen(longer));
}

TEST(Dcep, RefusesUnknownTypesAndLongTexts) {
  Bytes unknown = kLossyOpen;
  unknown[1] = 0x03;
  EXPECT_FALSE(ParseOpen(unknown));
  unknown[0] = 0x02;
  EXPECT_FALSE(ParseOpen(unknown));
  const std::string longest(limits::kDataChannelLabelBytesMax, 'l');
  EXPECT_TRUE(ParseOpen(Written({{}, 0, longest, longest})));
  EXPECT_TRUE(Written({{}, 0, longest + "l", ""}).empty());
  Bytes too_long(12 + limits::kDataChannelLabelBytesMax + 1, 0);
  too_long[0] = 0x03;
  StoreBe16(&too_long[8], limits::kDataChannelLabelBytesMax + 1);
  EXPECT_FALSE(ParseOpen(too_long));
}

TEST(Dcep, KnowsAnAckByItsOneByte) {
  EXPECT_TRUE(IsAck(kAckMessage));
  EXPECT_FALSE(IsAck({}));
  EXPECT_FALSE(IsAck(Bytes{0x02, 0x00}));
  EXPECT_FALSE(IsAck(Bytes{0x03}));
}

}  // namespace
}  // namespace fovea::sctp
