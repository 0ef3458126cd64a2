#include "sfu/sctp/sctp_hub.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/rng.h"
#include "tests/unit/sfu/sctp/usrsctp_clock_for_tests.h"

namespace fovea::sctp {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr AssocId kServer{1};
constexpr AssocId kClient{2};

Bytes Text(std::string_view text) { return {text.begin(), text.end()}; }

// Two associations of one hub that are each other's peer, over a network with seeded loss and a
// clock that only the test moves.
class SctpHubTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(hub_.CreateAssociation(now_, kServer, DtlsRole::kServer));
    ASSERT_TRUE(hub_.CreateAssociation(now_, kClient, DtlsRole::kClient));
  }

  // Carries packets and collects events until nothing moves.
  void Carry() {
    bool moved = true;
    while (moved) {
      moved = false;
      while (const std::optional<TransmitItem> item = hub_.PollTransmit()) {
        EXPECT_LE(item->bytes.size(), kSctpPacketBytesMax);
        const Bytes copy(item->bytes.begin(), item->bytes.end());
        const AssocId to = item->assoc == kServer ? kClient : kServer;
        moved = true;
        ++packets_;
        last_packet_[item->assoc] = copy;
        if (rng_.Below(100) < loss_percent_) continue;
        (void)hub_.HandlePacket(to, copy);
      }
      while (std::optional<SctpEvent> event = hub_.PollEvent()) Take(std::move(*event));
    }
    EXPECT_TRUE(hub_.IsConsistent());
  }

  void Take(SctpEvent event) {
    if (std::holds_alternative<AssociationUp>(event)) ++ups_;
    if (std::holds_alternative<AssociationDown>(event)) ++downs_;
    if (auto* open = std::get_if<ChannelOpen>(&event)) opened_.push_back(*open);
    if (auto* closed = std::get_if<ChannelClosed>(&event)) closed_.push_back(*closed);
    if (auto* message = std::get_if<Message>(&event)) messages_.push_back(std::move(*message));
  }

  void MoveTo(Instant now) {
    now_ = now;
    testing::usrsctp_now = now;
  }

  void Run(Duration duration) {
    const Instant end = now_ + duration;
    Carry();
    while (now_ < end) {
      MoveTo(std::min(end, hub_.NextDeadline().at));
      hub_.HandleTimeout(now_);
      Carry();
    }
  }

  StreamId Open(AssocId assoc, std::string label, Reliability reliability) {
    const auto stream = hub_.OpenChannel(assoc, {std::move(label), "", reliability});
    EXPECT_TRUE(stream.ok());
    Run(Millis(100));
    return stream.ok() ? *stream : StreamId{};
  }

  Instant now_ = testing::usrsctp_now;
  Rng rng_{42};
  std::uint32_t loss_percent_ = 0;
  SctpHub hub_;
  std::size_t packets_ = 0;
  int ups_ = 0;
  int downs_ = 0;
  std::map<AssocId, Bytes> last_packet_;
  std::vector<ChannelOpen> opened_;
  std::vector<ChannelClosed> closed_;
  std::vector<Message> messages_;
};

TEST_F(SctpHubTest, BothSidesConnectAtOnceAndComeUp) {
  Run(Millis(100));
  EXPECT_EQ(ups_, 2);
  EXPECT_EQ(downs_, 0);
}

TEST_F(SctpHubTest, ComesUpInSpiteOfLoss) {
  loss_percent_ = 30;
  Run(Seconds(60));
  EXPECT_EQ(ups_, 2);
}

TEST_F(SctpHubTest, OpensChannelsFromBothSidesWithTheStreamsOfTheirRoles) {
  Run(Millis(100));
  const StreamId even = Open(kClient, "_reliable", {});
  const StreamId odd =
      Open(kServer, "_lossy", {.ordered = false, .max_retransmits = 0, .max_lifetime_ms = {}});
  EXPECT_EQ(even, StreamId{0});
  EXPECT_EQ(odd, StreamId{1});
  ASSERT_EQ(opened_.size(), 4U);  // each at both ends: first who was asked, then who asked
  EXPECT_EQ(opened_[0].assoc, kServer);
  EXPECT_EQ(opened_[0].opener, Opener::kPeer);
  EXPECT_EQ(opened_[0].options.label, "_reliable");
  EXPECT_TRUE(opened_[0].options.reliability.ordered);
  EXPECT_EQ(opened_[1].assoc, kClient);
  EXPECT_EQ(opened_[1].opener, Opener::kUs);
  EXPECT_EQ(opened_[2].options.label, "_lossy");
  EXPECT_FALSE(opened_[2].options.reliability.ordered);
  EXPECT_EQ(opened_[2].options.reliability.max_retransmits, 0U);
}

TEST_F(SctpHubTest, CarriesStringsBinariesAndEmptiesBothWays) {
  Run(Millis(100));
  const StreamId stream = Open(kClient, "x", {});
  EXPECT_EQ(hub_.Send(kClient, stream, DataKind::kString, Text("hello")), SendResult::kOk);
  EXPECT_EQ(hub_.Send(kClient, stream, DataKind::kBinary, {}), SendResult::kOk);
  EXPECT_EQ(hub_.Send(kClient, stream, DataKind::kString, {}), SendResult::kOk);
  EXPECT_EQ(hub_.Send(kServer, stream, DataKind::kBinary, Bytes{0, 1, 2}), SendResult::kOk);
  Run(Millis(100));
  ASSERT_EQ(messages_.size(), 4U);
  std::vector<Message> at_server;
  for (const Message& message : messages_) {
    if (message.assoc == kServer) at_server.push_back(message);
    if (message.assoc == kClient) {
      EXPECT_EQ(message.bytes, (Bytes{0, 1, 2}));
    }
  }
  ASSERT_EQ(at_server.size(), 3U);
  EXPECT_EQ(at_server[0].bytes, Text("hello"));
  EXPECT_EQ(at_server[0].kind, DataKind::kString);
  EXPECT_TRUE(at_server[1].bytes.empty());
  EXPECT_EQ(at_server[1].kind, DataKind::kBinary);
  EXPECT_EQ(at_server[2].kind, DataKind::kString);
}

TEST_F(SctpHubTest, AReliableChannelDeliversEverythingInOrderThroughLoss) {
  Run(Millis(100));
  const StreamId stream = Open(kClient, "_reliable", {});
  loss_percent_ = 15;
  for (std::uint32_t i = 0; i < 200; ++i) {
    Bytes bytes(100 + 37 * (i % 50), static_cast<std::uint8_t>(i));
    StoreBe32(bytes.data(), i);
    ASSERT_EQ(hub_.Send(kClient, stream, DataKind::kBinary, bytes), SendResult::kOk);
    Run(Millis(20));
  }
  Run(Seconds(60));
  ASSERT_EQ(messages_.size(), 200U);
  for (std::uint32_t i = 0; i < 200; ++i) {
    EXPECT_EQ(LoadBe32(messages_[i].bytes.data()), i);
    EXPECT_EQ(messages_[i].bytes.size(), 100 + 37 * (i % 50));
  }
}

TEST_F(SctpHubTest, ALossyChannelLosesMessagesInsteadOfWaiting) {
  Run(Millis(100));
  const StreamId stream =
      Open(kClient, "_lossy", {.ordered = false, .max_retransmits = 0, .max_lifetime_ms = {}});
  loss_percent_ = 30;
  for (std::uint32_t i = 0; i < 200; ++i) {
    Bytes bytes(100, 0);
    StoreBe32(bytes.data(), i);
    (void)hub_.Send(kClient, stream, DataKind::kBinary, bytes);
    Run(Millis(20));
  }
  Run(Seconds(60));
  EXPECT_LT(messages_.size(), 195U);
  EXPECT_GT(messages_.size(), 60U);
}

TEST_F(SctpHubTest, CarriesTheLargestMessageAndRefusesALargerOne) {
  Run(Millis(100));
  const StreamId stream = Open(kClient, "x", {});
  Bytes largest(limits::kDataMessageBytesMax);
  for (std::size_t i = 0; i < largest.size(); ++i) largest[i] = static_cast<std::uint8_t>(i * 7);
  EXPECT_EQ(hub_.Send(kClient, stream, DataKind::kBinary, largest), SendResult::kOk);
  Run(Seconds(2));
  ASSERT_EQ(messages_.size(), 1U);
  EXPECT_EQ(messages_[0].bytes, largest);
  largest.push_back(0);
  EXPECT_EQ(hub_.Send(kClient, stream, DataKind::kBinary, largest), SendResult::kTooLarge);
}

TEST_F(SctpHubTest, SaysFullWhenThePeerDoesNotAcknowledge) {
  Run(Millis(100));
  const StreamId stream = Open(kClient, "x", {});
  const Bytes message(16 * 1024, 1);
  SendResult result = SendResult::kOk;
  std::size_t taken = 0;
  for (int i = 0; i < 200 && result == SendResult::kOk; ++i) {
    result = hub_.Send(kClient, stream, DataKind::kBinary, message);
    if (result == SendResult::kOk) taken += message.size();
  }
  EXPECT_EQ(result, SendResult::kFull);
  EXPECT_LE(taken, limits::kSctpSendBufferBytesMax);
  EXPECT_GE(taken, limits::kSctpSendBufferBytesMax / 2);
  EXPECT_EQ(hub_.counters().send_buffer_full, 1U);
  Run(Seconds(30));
  EXPECT_EQ(messages_.size() * message.size(), taken);
  EXPECT_EQ(hub_.Send(kClient, stream, DataKind::kBinary, message), SendResult::kOk);
}

TEST_F(SctpHubTest, ClosesAChannelAtBothEndsAndReusesItsStream) {
  Run(Millis(100));
  const StreamId stream = Open(kClient, "first", {});
  hub_.CloseChannel(kClient, stream);
  EXPECT_EQ(hub_.Send(kClient, stream, DataKind::kBinary, Bytes{1}), SendResult::kNoChannel);
  Run(Seconds(2));
  ASSERT_EQ(closed_.size(), 2U);
  EXPECT_EQ(closed_[0].assoc, kServer);
  EXPECT_EQ(closed_[1].assoc, kClient);
  EXPECT_EQ(Open(kClient, "second", {}), stream);
  EXPECT_EQ(opened_.back().options.label, "second");
  EXPECT_EQ(hub_.Send(kClient, stream, DataKind::kBinary, Bytes{1}), SendResult::kOk);
  Run(Millis(100));
  EXPECT_EQ(messages_.size(), 1U);
}

TEST_F(SctpHubTest, ClosesManyChannelsAtOnce) {
  Run(Millis(100));
  std::vector<StreamId> streams;
  for (int i = 0; i < 8; ++i) streams.push_back(Open(kClient, std::to_string(i), {}));
  for (const StreamId stream : streams) hub_.CloseChannel(kClient, stream);
  Run(Seconds(5));
  EXPECT_EQ(closed_.size(), 16U);
  EXPECT_EQ(Open(kClient, "again", {}), StreamId{0});
}

TEST_F(SctpHubTest, RefusesASeventeenthChannel) {
  Run(Millis(100));
  for (std::size_t i = 0; i < limits::kDataChannelsPerSessionMax; ++i) {
    (void)Open(kClient, std::to_string(i), {});
  }
  EXPECT_EQ(hub_.OpenChannel(kClient, {"one more", "", {}}).error(), OpenError::kTooManyChannels);
  EXPECT_EQ(hub_.OpenChannel(kServer, {"one more", "", {}}).error(), OpenError::kTooManyChannels);
}

TEST_F(SctpHubTest, RefusesAnAssociationTooManyAndDropsPacketsNobodyPolls) {
  std::uint64_t next = 100;
  while (hub_.CreateAssociation(now_, AssocId{next}, DtlsRole::kServer)) ++next;
  EXPECT_EQ(hub_.association_count(), limits::kSctpAssociationsMax);
  EXPECT_EQ(hub_.counters().associations_refused, 1U);
  // Each has sent its INIT, and after a while sends it again.
  static_assert(limits::kSctpTransmitQueue < 2 * limits::kSctpAssociationsMax);
  for (int i = 0; i < 250 && hub_.counters().transmit_queue_full == 0; ++i) {
    MoveTo(now_ + SctpHub::kTimerStep);
    hub_.HandleTimeout(now_);
  }
  EXPECT_GT(hub_.counters().transmit_queue_full, 0U);
  std::size_t waiting = 0;
  while (hub_.PollTransmit().has_value()) ++waiting;
  EXPECT_EQ(waiting, limits::kSctpTransmitQueue);
  hub_.Close(AssocId{100});
  EXPECT_TRUE(hub_.CreateAssociation(now_, AssocId{next}, DtlsRole::kServer));
}

TEST_F(SctpHubTest, CountsPacketsThatAreNoneOfSctp) {
  EXPECT_EQ(hub_.HandlePacket(kServer, Bytes(20, 0)), DropReason::kSctpMalformed);
  EXPECT_EQ(hub_.counters().packets_unacceptable, 1U);
}

TEST_F(SctpHubTest, CountsPacketsOfUnknownAssociations) {
  EXPECT_EQ(hub_.HandlePacket(AssocId{99}, Bytes(20, 0)), DropReason::kSctpUnknownAssociation);
  EXPECT_EQ(hub_.counters().packets_unknown_association, 1U);
  EXPECT_FALSE(hub_.CreateAssociation(now_, kServer, DtlsRole::kServer));
  EXPECT_EQ(hub_.counters().associations_refused, 1U);
}

TEST_F(SctpHubTest, ClosingTellsThePeerAndForgetsTheAssociation) {
  Run(Millis(100));
  (void)Open(kClient, "x", {});
  hub_.Close(kServer);
  EXPECT_EQ(hub_.association_count(), 1U);
  Run(Millis(100));
  EXPECT_EQ(downs_, 1);
  EXPECT_EQ(hub_.association_count(), 0U);
  EXPECT_EQ(hub_.NextDeadline().at, kNever);
  hub_.Close(kServer);
}

TEST_F(SctpHubTest, AnAssociationCanBeCreatedAgainUnderItsName) {
  Run(Millis(100));
  hub_.Close(kServer);
  Run(Millis(100));
  ASSERT_TRUE(hub_.CreateAssociation(now_, kServer, DtlsRole::kServer));
  ASSERT_TRUE(hub_.CreateAssociation(now_, kClient, DtlsRole::kClient));
  Run(Millis(100));
  EXPECT_EQ(ups_, 4);
}

// usrsctp keeps about 190 bytes for every connection address that is given back to it.
TEST_F(SctpHubTest, AThousandLivesOfAnAssociationTakeNoMoreMemory) {
  std::size_t bytes_before = 0;
  for (int life = 0; life < 1100; ++life) {
    Run(Millis(40));
    hub_.Close(kServer);
    Run(Millis(40));
    if (life == 100) bytes_before = mallinfo2().uordblks;
    ASSERT_TRUE(hub_.CreateAssociation(now_, kServer, DtlsRole::kServer));
    ASSERT_TRUE(hub_.CreateAssociation(now_, kClient, DtlsRole::kClient));
  }
  hub_.Close(kServer);
  Run(Millis(40));
  EXPECT_LT(mallinfo2().uordblks, bytes_before + 64 * 1024);
}

TEST_F(SctpHubTest, GoesDownWhenThePeerNeverAnswers) {
  loss_percent_ = 100;
  Run(Seconds(120));
  EXPECT_EQ(ups_, 0);
  EXPECT_EQ(downs_, 2);
  EXPECT_EQ(hub_.association_count(), 0U);
}

TEST_F(SctpHubTest, SurvivesGarbageAndBrokenPackets) {
  Run(Millis(100));
  const StreamId stream = Open(kClient, "x", {});
  (void)hub_.Send(kClient, stream, DataKind::kBinary, Bytes(500, 1));
  Carry();
  const Bytes real = last_packet_[kClient];
  for (int i = 0; i < 3000; ++i) {
    Bytes broken = real;
    if (i % 3 == 0) broken.assign(rng_.Below(1500), static_cast<std::uint8_t>(i));
    for (std::uint8_t& byte : broken) {
      if (rng_.Below(20) == 0) byte = static_cast<std::uint8_t>(rng_.Next32());
    }
    (void)hub_.HandlePacket(kServer, broken);
  }
  for (std::size_t size = 0; size < real.size(); ++size) {
    (void)hub_.HandlePacket(kServer, ByteSpan(real).first(size));
  }
  EXPECT_GT(hub_.counters().packets_unacceptable, 0U);
  (void)hub_.Send(kClient, stream, DataKind::kString, Text("still here"));
  Run(Seconds(2));
  EXPECT_EQ(messages_.back().bytes, Text("still here"));
  EXPECT_EQ(downs_, 0);
}

TEST_F(SctpHubTest, DropsMessagesNobodyPollsAndCountsThem) {
  Run(Millis(100));
  const StreamId stream = Open(kClient, "x", {});
  const Bytes message(limits::kDataMessageBytesMax, 1);
  for (int i = 0; i < 4000 && hub_.counters().event_queue_full == 0; ++i) {
    (void)hub_.Send(kClient, stream, DataKind::kBinary, message);
    MoveTo(now_ + Millis(20));
    hub_.HandleTimeout(now_);
    while (const std::optional<TransmitItem> item = hub_.PollTransmit()) {
      const Bytes copy(item->bytes.begin(), item->bytes.end());
      (void)hub_.HandlePacket(item->assoc == kServer ? kClient : kServer, copy);
    }
  }
  EXPECT_GT(hub_.counters().event_queue_full, 0U);
  EXPECT_TRUE(hub_.IsConsistent());
  std::size_t waiting = 0;
  while (const std::optional<SctpEvent> event = hub_.PollEvent()) {
    if (const auto* one = std::get_if<Message>(&*event)) {
      waiting += sizeof(SctpEvent) + one->bytes.size();
    }
  }
  EXPECT_LE(waiting, limits::kSctpEventBytesMax);
  EXPECT_GT(waiting + sizeof(SctpEvent) + message.size(), limits::kSctpEventBytesMax);
  const std::uint64_t dropped = hub_.counters().event_queue_full;
  EXPECT_EQ(hub_.Send(kClient, stream, DataKind::kString, Text("room again")), SendResult::kOk);
  Run(Seconds(5));
  ASSERT_FALSE(messages_.empty());
  EXPECT_EQ(messages_.back().bytes, Text("room again"));
  EXPECT_EQ(hub_.counters().event_queue_full, dropped);
}

TEST_F(SctpHubTest, TellsThePeerHowLargeItsReceiveWindowIs) {
  const std::optional<TransmitItem> init = hub_.PollTransmit();
  ASSERT_TRUE(init.has_value());
  ASSERT_EQ(init->bytes[12], 1) << "INIT";
  EXPECT_EQ(LoadBe32(&init->bytes[20]), limits::kSctpReceiveWindowBytes);
}

// The message that `like` is a part of, or a later one, goes on: one DATA chunk (RFC 9260 section
// 3.3.1), `ahead` numbers later. The checksum is CRC32c, little-endian.
Bytes DataPacket(const Bytes& like, std::uint8_t flags, std::uint32_t ahead,
                 std::uint16_t messages_later) {
  constexpr std::size_t kHeaders = 12 + 16;
  constexpr std::size_t kPayload = 1024;
  Bytes packet(like.begin(), like.begin() + kHeaders);
  packet.resize(kHeaders + kPayload, 0x5a);
  packet[13] = flags;
  StoreBe16(&packet[14], 16 + kPayload);
  StoreBe32(&packet[16], LoadBe32(&like[16]) + ahead);
  StoreBe16(&packet[22], static_cast<std::uint16_t>(LoadBe16(&like[22]) + messages_later));
  StoreBe32(&packet[8], 0);
  std::uint32_t crc = ~0U;
  for (const std::uint8_t byte : packet) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
  }
  for (std::size_t i = 0; i < 4; ++i) packet[8 + i] = static_cast<std::uint8_t>(~crc >> (8 * i));
  return packet;
}

TEST_F(SctpHubTest, AMessageThatFillsHalfTheReceiveWindowIsThrownAwayToItsEnd) {
  Run(Millis(100));
  const StreamId stream = Open(kClient, "x", {});
  ASSERT_EQ(hub_.Send(kClient, stream, DataKind::kBinary, Bytes(100, 1)), SendResult::kOk);
  Carry();
  const Bytes like = last_packet_[kClient];
  ASSERT_EQ(like[12], 0) << "DATA";
  messages_.clear();
  constexpr std::uint8_t kBegins = 2;
  constexpr std::uint8_t kEnds = 1;
  std::uint32_t ahead = 0;
  const auto hear = [&](std::uint8_t flags, std::uint16_t message) {
    EXPECT_EQ(hub_.HandlePacket(kServer, DataPacket(like, flags, ++ahead, message)), std::nullopt);
    while (hub_.PollTransmit().has_value()) {  // the client knows nothing of this
    }
    while (std::optional<SctpEvent> event = hub_.PollEvent()) Take(std::move(*event));
  };
  constexpr std::uint32_t kParts = limits::kSctpReceiveWindowBytes / 1024;
  static_assert(limits::kSctpReceiveWindowBytes / 2 >= limits::kDataMessageBytesMax);
  hear(kBegins, 1);
  while (ahead < kParts / 2 - 1) hear(0, 1);
  EXPECT_EQ(hub_.counters().messages_oversized, 0U);
  while (ahead < kParts / 2 + 1) hear(0, 1);
  EXPECT_EQ(hub_.counters().messages_oversized, 1U);
  while (ahead < 2 * kParts) hear(0, 1);  // no window is used up by it
  hear(kEnds, 1);
  EXPECT_EQ(hub_.counters().messages_oversized, 1U);
  EXPECT_TRUE(messages_.empty());
  hear(kBegins | kEnds, 2);
  ASSERT_EQ(messages_.size(), 1U);
  EXPECT_EQ(messages_[0].bytes, Bytes(1024, 0x5a));
}

// A pointer as connection address would travel in INIT-ACK's cookie (CVE-2020-6514).
TEST_F(SctpHubTest, NoPacketOfTheHandshakeContainsAnAddressOfOurMemory) {
  // The upper bytes of a 48-bit heap address as a little-endian machine stores it.
  const auto on_heap = std::make_unique<int>(0);
  const auto address = reinterpret_cast<std::uintptr_t>(on_heap.get());
  const Bytes prefix = {static_cast<std::uint8_t>(address >> 24),
                        static_cast<std::uint8_t>(address >> 32),
                        static_cast<std::uint8_t>(address >> 40), 0, 0};
  bool moved = true;
  while (moved) {
    moved = false;
    while (const std::optional<TransmitItem> item = hub_.PollTransmit()) {
      moved = true;
      const Bytes copy(item->bytes.begin(), item->bytes.end());
      EXPECT_EQ(std::search(copy.begin(), copy.end(), prefix.begin(), prefix.end()), copy.end());
      (void)hub_.HandlePacket(item->assoc == kServer ? kClient : kServer, copy);
    }
  }
}

}  // namespace
}  // namespace fovea::sctp
