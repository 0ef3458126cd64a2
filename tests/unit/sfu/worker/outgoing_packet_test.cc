#include "sfu/worker/outgoing_packet.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/rtp/extensions.h"
#include "sfu/rtp/header.h"

namespace fovea::worker {
namespace {

constexpr std::uint8_t kMidId = 4;

control::AddSubscription AudioOnSection(const char* mid) {
  control::AddSubscription command;
  EXPECT_TRUE(command.mid.TryAssign(mid));
  EXPECT_TRUE(command.extensions.TrySet(rtp::ExtensionUri::kMid, kMidId));
  command.ssrc = Ssrc{77};
  return command;
}

std::string MidOf(const Downlink& downlink, ExtSeq seq, Outgoing::Way way) {
  const router::OutgoingHeader header;
  const router::PacketMeta meta;
  std::array<std::uint8_t, kOutgoingHeaderBytesMax> bytes{};
  ByteWriter writer(bytes);
  EXPECT_TRUE(WriteOutgoingHeader(downlink, {header, {}, {}, meta, way}, seq, writer));
  const auto view = rtp::RtpView::Parse(writer.written());
  EXPECT_TRUE(view.ok());
  return std::string(
      rtp::ParsedExtensions::Parse(writer.written(), *view, downlink.extensions).mid);
}

TEST(OutgoingPacket, TheFirstPacketsNameTheirSectionBecauseTheyMayOvertakeTheAnswer) {
  router::SubscriptionConfig config;
  config.first_seq = 30000;
  config.first_rtx_seq = 7;
  const Downlink downlink(AudioOnSection("12"), config);
  using Way = Outgoing::Way;
  for (const Way way : {Way::kFirst, Way::kRtx, Way::kRepeat}) {
    const std::int64_t first = SeqUnwrapper::First(way == Way::kRtx ? 7 : 30000).value();
    EXPECT_EQ(MidOf(downlink, ExtSeq{first}, way), "12");
    EXPECT_EQ(MidOf(downlink, ExtSeq{first + 255}, way), "12");
    EXPECT_EQ(MidOf(downlink, ExtSeq{first + 256}, way), "");
    EXPECT_EQ(MidOf(downlink, ExtSeq{first + 65536}, way), "");
  }
}

TEST(OutgoingPacket, CarriesADescriptorAsLongAsTheyComeAndLeavesALongerOneOut) {
  constexpr std::uint8_t kDescriptorId = 12;
  control::AddSubscription command = AudioOnSection("1234567890abcdef");
  EXPECT_TRUE(command.extensions.TrySet(rtp::ExtensionUri::kDependencyDescriptor, kDescriptorId));
  router::SubscriptionConfig config;
  config.codec = rtp::Codec::kAv1;
  const Downlink downlink(command, config);
  const router::OutgoingHeader header;
  const router::PacketMeta meta;
  const std::vector<std::uint8_t> longer(limits::kDependencyDescriptorBytesMax + 1, 0x5a);
  for (const std::size_t size : {longer.size() - 1, longer.size()}) {
    const ByteSpan descriptor = ByteSpan(longer).first(size);
    std::array<std::uint8_t, kOutgoingHeaderBytesMax> bytes{};
    ByteWriter writer(bytes);
    const ExtSeq first = SeqUnwrapper::First(config.first_seq);
    ASSERT_TRUE(WriteOutgoingHeader(downlink, {header, {}, descriptor, meta}, first, writer));
    const auto view = rtp::RtpView::Parse(writer.written());
    ASSERT_TRUE(view.ok());
    const auto parsed = rtp::ParsedExtensions::Parse(writer.written(), *view, downlink.extensions);
    EXPECT_EQ(parsed.mid.size(), limits::kMidBytesMax);
    const bool fits = size <= limits::kDependencyDescriptorBytesMax;
    EXPECT_EQ(parsed.dependency_descriptor.size(), fits ? size : 0);
  }
}

TEST(Downlink, WithoutRtxOnlySoManyPacketsBackCanBeSentAgain) {
  using Kind = control::MediaKind;
  for (const auto& [kind, kept] : {std::pair{Kind::kVideo, limits::kRepeatableVideo},
                                   std::pair{Kind::kAudio, limits::kRepeatableAudio}}) {
    control::AddSubscription command;
    command.kind = kind;
    Downlink downlink(command, router::SubscriptionConfig{});
    const auto newest = 70000 + static_cast<std::int64_t>(kept);
    for (std::int64_t seq = 70000; seq <= newest; ++seq) {
      ASSERT_TRUE(downlink.media.ClaimIndex(ExtSeq{seq}).ok());
      downlink.media.NoteSent(ExtSeq{seq}, 1);
    }
    EXPECT_FALSE(downlink.media.FindSent(ExtSeq{70000}).has_value());
    EXPECT_TRUE(downlink.media.FindSent(ExtSeq{70001}).has_value());
    EXPECT_TRUE(downlink.media.FindSent(ExtSeq{newest}).has_value());
  }
}

TEST(OutgoingPacket, WhatIsSentAgainKeepsItsOrientation) {
  constexpr std::uint8_t kOrientationId = 5;
  control::AddSubscription command;
  EXPECT_TRUE(command.extensions.TrySet(rtp::ExtensionUri::kVideoOrientation, kOrientationId));
  const Downlink downlink(command, router::SubscriptionConfig{});
  const router::OutgoingHeader header;
  router::PacketMeta meta;
  meta.has_orientation = true;
  meta.orientation = 1;
  for (const auto way : {Outgoing::Way::kFirst, Outgoing::Way::kRtx, Outgoing::Way::kRepeat}) {
    std::array<std::uint8_t, kOutgoingHeaderBytesMax> bytes{};
    ByteWriter writer(bytes);
    ASSERT_TRUE(WriteOutgoingHeader(downlink, {header, {}, {}, meta, way}, ExtSeq{1}, writer));
    const auto view = rtp::RtpView::Parse(writer.written());
    ASSERT_TRUE(view.ok());
    const auto parsed = rtp::ParsedExtensions::Parse(writer.written(), *view, downlink.extensions);
    ASSERT_TRUE(parsed.video_orientation.has_value());
    EXPECT_EQ(parsed.video_orientation->quarter_turns, 1);
  }
}

}  // namespace
}  // namespace fovea::worker
