#include "sfu/sctp/packet_filter.h"

#include <gtest/gtest.h>

#include <vector>

namespace fovea::sctp {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes Packet(std::initializer_list<Bytes> chunks) {
  Bytes packet = {0x13, 0x88, 0x13, 0x88, 1, 2, 3, 4, 0, 0, 0, 0};  // ports 5000, tag, checksum
  for (const Bytes& chunk : chunks) packet.insert(packet.end(), chunk.begin(), chunk.end());
  return packet;
}

Bytes Chunk(std::uint8_t type, const Bytes& value) {
  Bytes chunk = {type, 0, 0, 0};
  chunk.insert(chunk.end(), value.begin(), value.end());
  StoreBe16(&chunk[2], static_cast<std::uint16_t>(chunk.size()));
  chunk.resize((chunk.size() + 3) & ~std::size_t{3});
  return chunk;
}

Bytes Init(const Bytes& parameters) {
  Bytes value(16, 1);
  value.insert(value.end(), parameters.begin(), parameters.end());
  return Chunk(1, value);
}

TEST(SctpPacketFilter, LetsWebrtcsChunksThrough) {
  for (const std::uint8_t type : Bytes{0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 130, 132, 192}) {
    EXPECT_TRUE(IsAcceptable(Packet({Chunk(type, Bytes(13, 0))}))) << int{type};
  }
  EXPECT_TRUE(IsAcceptable(Packet({Chunk(3, Bytes(12, 0)), Chunk(0, Bytes(20, 0))})));
}

TEST(SctpPacketFilter, DropsChunksThatOnlyAttackersSend) {
  // NR-SACK, ECNE, CWR, AUTH, I-DATA, ASCONF-ACK, PKTDROP, ASCONF, I-FORWARD-TSN.
  for (const std::uint8_t type : Bytes{16, 12, 13, 15, 64, 128, 129, 193, 194}) {
    EXPECT_FALSE(IsAcceptable(Packet({Chunk(type, Bytes(12, 0))}))) << int{type};
    EXPECT_FALSE(IsAcceptable(Packet({Chunk(3, Bytes(12, 0)), Chunk(type, {})}))) << int{type};
  }
}

TEST(SctpPacketFilter, DropsInitsWithAddresses) {
  EXPECT_TRUE(IsAcceptable(Packet({Init({})})));
  EXPECT_TRUE(IsAcceptable(Packet({Init({0xC0, 0x00, 0, 4})})));
  EXPECT_FALSE(IsAcceptable(Packet({Init({0, 5, 0, 8, 127, 0, 0, 1})})));
  EXPECT_FALSE(IsAcceptable(Packet({Init({0xC0, 0x00, 0, 4, 0, 5, 0, 8, 127, 0, 0, 1})})));
  EXPECT_FALSE(IsAcceptable(Packet({Init({0, 9, 0, 3})})));
  EXPECT_FALSE(IsAcceptable(Packet({Init({0, 9, 0, 9, 1})})));
  EXPECT_FALSE(IsAcceptable(Packet({Chunk(1, Bytes(15, 0))})));
}

TEST(SctpPacketFilter, DropsOtherPortsAndBadFraming) {
  Bytes packet = Packet({Chunk(3, Bytes(12, 0))});
  packet[3] = 0x89;
  EXPECT_FALSE(IsAcceptable(packet));
  EXPECT_FALSE(IsAcceptable(Packet({})));
  EXPECT_FALSE(IsAcceptable(Packet({{3, 0, 0, 3}})));
  EXPECT_FALSE(IsAcceptable(Packet({{3, 0, 0, 0}})));
  EXPECT_FALSE(IsAcceptable(Packet({{3, 0, 0xFF, 0xFF}})));
  EXPECT_FALSE(IsAcceptable(Bytes(1501, 0)));
}

TEST(SctpPacketFilter, DropsEveryTruncation) {
  const Bytes packet = Packet({Chunk(3, Bytes(12, 0)), Init({0xC0, 0x00, 0, 4})});
  ASSERT_TRUE(IsAcceptable(packet));
  for (std::size_t size = 0; size < packet.size(); ++size) {
    // Cut right behind the first chunk it is a smaller, whole packet.
    EXPECT_EQ(IsAcceptable(ByteSpan(packet).first(size)), size == 28) << size;
  }
}

TEST(SctpPacketFilter, AllowsTheLastPaddingToBeMissing) {
  Bytes packet = Packet({Chunk(0, Bytes(13, 0))});
  packet.resize(packet.size() - 3);
  EXPECT_TRUE(IsAcceptable(packet));
}

}  // namespace
}  // namespace fovea::sctp
