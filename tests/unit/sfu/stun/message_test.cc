#include "sfu/stun/message.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/stun/message_writer.h"
#include "tests/unit/sfu/stun/sha1_for_tests.h"

namespace fovea::stun {
namespace {

using Bytes = std::vector<std::uint8_t>;

ByteSpan Text(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// RFC 5769 section 2.1.
const Bytes kSampleRequest = {
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42,                            // Binding request,
                                                                               // length, cookie
    0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,    // transaction id
    0x80, 0x22, 0x00, 0x10, 'S', 'T', 'U', 'N', ' ', 't', 'e', 's', 't', ' ',  // SOFTWARE
    'c', 'l', 'i', 'e', 'n', 't',                                              //
    0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,                            // PRIORITY
    0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36,    // ICE-CONTROLLED
    0x00, 0x06, 0x00, 0x09, 'e', 'v', 't', 'j', ':', 'h', '6', 'v', 'Y', 0x20, 0x20, 0x20, 0x00,
    0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56,        // MESSAGE-INTEGRITY
    0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2,  //
    0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};                         // FINGERPRINT
// RFC 5769 section 2.2.
const Bytes
    kSampleResponseV4 = {0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42,                          //
                         0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,  //
                         0x80, 0x22, 0x00, 0x0b, 't',  'e',  's',  't',  ' ',  'v',  'e',  'c',
                         't',  'o',  'r',  0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47,
                         0xe1, 0x12, 0xa6, 0x43,  // XOR-MAPPED-ADDRESS
                         0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3,  //
                         0x8c, 0x74, 0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7,  //
                         0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96};
// RFC 5769 section 2.3.
const Bytes
    kSampleResponseV6 = {0x01, 0x01, 0x00, 0x48, 0x21, 0x12, 0xa4, 0x42,                          //
                         0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,  //
                         0x80, 0x22, 0x00, 0x0b, 't',  'e',  's',  't',  ' ',  'v',  'e',  'c',
                         't',  'o',  'r',  0x20, 0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47,
                         0x01, 0x13, 0xa9, 0xfa,  // XOR-MAPPED-ADDRESS
                         0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,  //
                         0x00, 0x08, 0x00, 0x14, 0xa3, 0x82, 0x95, 0x4e, 0x4b, 0xe6, 0x7b, 0xf1,  //
                         0x17, 0x84, 0xc9, 0x7c, 0x82, 0x92, 0xc2, 0x75, 0xbf, 0xe3, 0xed, 0x41,  //
                         0x80, 0x28, 0x00, 0x04, 0xc8, 0xfb, 0x0b, 0x4c};

constexpr std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";
constexpr TransactionId kId{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

bool Verify(const Message& message, std::string_view password) {
  return VerifyIntegrity(message, Text(password), testing::HmacSha1ForTests);
}

Bytes Copy(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }

TEST(StunMessage, ReadsTheSampleRequestOfRfc5769) {
  const auto message = Parse(kSampleRequest);
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->message_class, MessageClass::kRequest);
  EXPECT_EQ(message->method, kBindingMethod);
  EXPECT_EQ(message->transaction_id[0], 0xb7);
  EXPECT_EQ(message->transaction_id[11], 0xae);
  EXPECT_EQ(message->software, "STUN test client");
  EXPECT_EQ(message->username, "evtj:h6vY");
  EXPECT_EQ(message->priority, 0x6e0001ffU);
  EXPECT_EQ(message->ice_controlled, 0x932ff9b151263b36ULL);
  EXPECT_FALSE(message->ice_controlling);
  EXPECT_FALSE(message->use_candidate);
  EXPECT_TRUE(message->has_fingerprint);
  EXPECT_TRUE(Verify(*message, kPassword));
  EXPECT_FALSE(Verify(*message, "VOkJxbRl1RmTxUk/WvJxBu"));
}

TEST(StunMessage, ReadsTheSampleResponsesOfRfc5769) {
  const auto v4 = Parse(kSampleResponseV4);
  ASSERT_TRUE(v4.ok());
  EXPECT_EQ(v4->message_class, MessageClass::kSuccess);
  EXPECT_EQ(v4->xor_mapped_address, NetAddress::Parse("192.0.2.1", 32853));
  EXPECT_TRUE(Verify(*v4, kPassword));
  const auto v6 = Parse(kSampleResponseV6);
  ASSERT_TRUE(v6.ok());
  EXPECT_EQ(v6->xor_mapped_address,
            NetAddress::Parse("2001:db8:1234:5678:11:2233:4455:6677", 32853));
  EXPECT_TRUE(Verify(*v6, kPassword));
}

TEST(StunMessage, RefusesEveryTruncation) {
  for (const Bytes& sample : {kSampleRequest, kSampleResponseV4, kSampleResponseV6}) {
    for (std::size_t size = 0; size < sample.size(); ++size) {
      const Bytes cut(sample.begin(), sample.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(Parse(cut).ok()) << size;
      (void)PeekUfrag(cut);
      if (size < kHeaderBytes) continue;
      Bytes honest = cut;  // the length field agrees with what is left
      StoreBe16(&honest[2], static_cast<std::uint16_t>(size - kHeaderBytes));
      const auto message = Parse(honest);
      // Only the message without its FINGERPRINT, which is optional, is still whole.
      const bool is_whole = size + 8 == sample.size();
      EXPECT_EQ(message.ok() && Verify(*message, kPassword), is_whole) << size;
    }
  }
}

TEST(StunMessage, RefusesEveryFlippedBitByFingerprintOrStructure) {
  for (std::size_t bit = 0; bit < kSampleRequest.size() * 8; ++bit) {
    Bytes flipped = kSampleRequest;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
    const auto message = Parse(flipped);
    // What still parses lost its FINGERPRINT attribute to another type.
    if (message.ok()) {
      EXPECT_FALSE(message->has_fingerprint) << bit;
    }
  }
}

TEST(StunMessage, RefusesALengthThatLies) {
  for (const unsigned length : {0U, 4U, 0x54U, 0x5cU, 65516U, 65520U, 65528U, 65535U}) {
    Bytes lying = kSampleRequest;
    StoreBe16(&lying[2], static_cast<std::uint16_t>(length));
    EXPECT_FALSE(Parse(lying).ok()) << length;
  }
}

TEST(StunMessage, RefusesAttributesOfTheWrongWidth) {
  const std::uint16_t types[] = {0x0008, 0x0009, 0x0020, 0x0024, 0x0025, 0x8028, 0x8029, 0x802A};
  const Bytes value(64, 0xFF);
  for (const std::uint16_t type : types) {
    for (std::size_t width = 1; width <= 3; ++width) {
      MessageWriter writer(MessageClass::kRequest, kId);
      writer.Raw(type, ByteSpan(value).first(width));
      EXPECT_EQ(Parse(writer.Finish()).error(), DropReason::kStunMalformed) << type << " " << width;
    }
  }
}

TEST(StunMessage, ReadsBackEverythingItWrites) {
  const NetAddress address = *NetAddress::Parse("2001:db8::7", 4242);
  MessageWriter writer(MessageClass::kRequest, kId);
  writer.Username("here:there");
  writer.Software("x");
  writer.Priority(0x7E7F00FF);
  writer.UseCandidate();
  writer.IceControlling(0x0102030405060708);
  writer.IceControlled(9);
  writer.XorMappedAddress(address);
  writer.ErrorCode(487, "Role Conflict");
  writer.Raw(static_cast<std::uint16_t>(Attribute::kNomination), Text("\0\0\0\1"));
  writer.Integrity(Text("secret"), testing::HmacSha1ForTests);
  writer.Fingerprint();
  const auto message = Parse(writer.Finish());
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->transaction_id, kId);
  EXPECT_EQ(message->username, "here:there");
  EXPECT_EQ(message->software, "x");
  EXPECT_EQ(message->priority, 0x7E7F00FFU);
  EXPECT_TRUE(message->use_candidate);
  EXPECT_EQ(message->ice_controlling, 0x0102030405060708ULL);
  EXPECT_EQ(message->ice_controlled, 9U);
  EXPECT_EQ(message->xor_mapped_address, address);
  EXPECT_EQ(message->error_code, 487);
  EXPECT_TRUE(message->unknown_required.empty());
  EXPECT_TRUE(message->has_fingerprint);
  EXPECT_TRUE(Verify(*message, "secret"));
}

TEST(StunMessage, EveryClassAndMethodSurvivesTheSplitType) {
  // Higher methods would need a first byte above 3, which RFC 7983 gives to others.
  for (std::uint16_t method = 0; method <= 0xFF; ++method) {
    for (int message_class = 0; message_class < 4; ++message_class) {
      MessageWriter writer(static_cast<MessageClass>(message_class), kId, method);
      const auto message = Parse(writer.Finish());
      ASSERT_TRUE(message.ok()) << method;
      EXPECT_EQ(message->method, method);
      EXPECT_EQ(static_cast<int>(message->message_class), message_class);
    }
  }
}

TEST(StunMessage, TheFirstOfRepeatedAttributesCounts) {
  MessageWriter writer(MessageClass::kRequest, kId);
  writer.Username("a:b");
  writer.Username("c:d");
  writer.Priority(1);
  writer.Priority(2);
  const auto message = Parse(writer.Finish());
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->username, "a:b");
  EXPECT_EQ(message->priority, 1U);
}

TEST(StunMessage, NothingBehindIntegrityIsBelieved) {
  MessageWriter writer(MessageClass::kRequest, kId);
  writer.Username("a:b");
  writer.Integrity(Text("secret"), testing::HmacSha1ForTests);
  writer.UseCandidate();
  writer.Priority(7);
  const auto message = Parse(writer.Finish());
  ASSERT_TRUE(message.ok());
  EXPECT_TRUE(Verify(*message, "secret"));
  EXPECT_FALSE(message->use_candidate);
  EXPECT_FALSE(message->priority);
}

TEST(StunMessage, FingerprintMustBeLastAndRight) {
  MessageWriter behind(MessageClass::kRequest, kId);
  behind.Fingerprint();
  behind.Priority(7);
  EXPECT_FALSE(Parse(behind.Finish()).ok());
  MessageWriter writer(MessageClass::kRequest, kId);
  writer.Fingerprint();
  Bytes wrong = Copy(writer.Finish());
  wrong.back() ^= 1;
  EXPECT_FALSE(Parse(wrong).ok());
}

TEST(StunMessage, ListsUnknownRequiredAttributesUpToACapacity) {
  MessageWriter writer(MessageClass::kRequest, kId);
  for (std::uint16_t type = 0x7000; type < 0x7010; ++type) writer.Raw(type, {});
  writer.Raw(0xC057, Text("optional"));
  const auto message = Parse(writer.Finish());
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->unknown_required.size(), 8U);
  EXPECT_EQ(message->unknown_required[0], 0x7000);
}

TEST(StunMessage, PeeksTheLocalUfragOfRequestsOnly) {
  EXPECT_EQ(PeekUfrag(kSampleRequest), "evtj");
  EXPECT_EQ(PeekUfrag(kSampleResponseV4), std::nullopt);
  for (const std::string_view bad : {"noseparator", ":empty"}) {
    MessageWriter writer(MessageClass::kRequest, kId);
    writer.Username(bad);
    EXPECT_EQ(PeekUfrag(writer.Finish()), std::nullopt) << bad;
  }
}

TEST(StunMessage, IsToldFromDtlsAndRtpByTheFirstByteAndTheCookie) {
  EXPECT_TRUE(LooksLikeStun(kSampleRequest));
  for (unsigned first = 4; first < 256; ++first) {
    Bytes other = kSampleRequest;
    other[0] = static_cast<std::uint8_t>(first);
    EXPECT_FALSE(LooksLikeStun(other));
  }
  Bytes old = kSampleRequest;
  old[4] ^= 1;
  EXPECT_FALSE(LooksLikeStun(old));
}

TEST(StunMessage, AWriterThatIsFullFinishesEmpty) {
  MessageWriter writer(MessageClass::kRequest, kId);
  const Bytes large(limits::kStunMessageBytesMax, 1);
  writer.Raw(0xC057, large);
  EXPECT_TRUE(writer.Finish().empty());
}

}  // namespace
}  // namespace fovea::stun
