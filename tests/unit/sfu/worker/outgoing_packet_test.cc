#include "sfu/worker/outgoing_packet.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

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

std::string MidOf(const Downlink& downlink) {
  const router::OutgoingHeader header;
  const router::PacketMeta meta;
  std::array<std::uint8_t, kOutgoingHeaderBytesMax> bytes{};
  ByteWriter writer(bytes);
  EXPECT_TRUE(WriteOutgoingHeader(downlink, {header, {}, {}, meta}, 0, writer));
  const auto view = rtp::RtpView::Parse(writer.written());
  EXPECT_TRUE(view.ok());
  return std::string(
      rtp::ParsedExtensions::Parse(writer.written(), *view, downlink.extensions).mid);
}

TEST(OutgoingPacket, TheFirstPacketsNameTheirSectionBecauseTheyMayOvertakeTheAnswer) {
  Downlink downlink(AudioOnSection("12"), router::SubscriptionConfig{});
  EXPECT_EQ(MidOf(downlink), "12");
  downlink.mid_packets_left = 0;
  EXPECT_EQ(MidOf(downlink), "");
}

}  // namespace
}  // namespace fovea::worker
