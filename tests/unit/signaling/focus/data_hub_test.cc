// What becomes of SCTP packets and data-channel messages that cannot go on: each is counted.
#include "signaling/focus/data_hub.h"

#include <gtest/gtest.h>

#include <cstring>

namespace fovea::focus {
namespace {

using control::SessionHandle;

class DataHubTest : public testing::Test {
 protected:
  control::AppData Packet(SessionHandle session, std::size_t size) {
    control::AppData data{};
    data.session = session;
    data.size = static_cast<std::uint16_t>(size);
    return data;
  }

  static constexpr SessionHandle kSession{0, 1, 1};
  Instant now_{Seconds(1000)};
  control::WorkerChannel channel_;
  control::WorkerProxy proxy_{channel_, nullptr};
  DataHub hub_{{&proxy_}};
};

TEST_F(DataHubTest, CountsPacketsOfSessionsThatAreNoMore) {
  hub_.HandleAppData(now_, Packet(kSession, 100));
  EXPECT_EQ(hub_.Drops().packets.Get(DropReason::kSctpUnknownAssociation), 1U);
}

TEST_F(DataHubTest, CountsPacketsThatAreNoneOfSctp) {
  hub_.AddSession(kSession);
  hub_.HandleConnected(now_, kSession);
  hub_.HandleAppData(now_, Packet(kSession, 100));
  EXPECT_EQ(hub_.Drops().packets.Get(DropReason::kSctpMalformed), 1U);
  EXPECT_EQ(hub_.Drops().packets.Total(), 1U);
}

TEST_F(DataHubTest, CountsPacketsThatTheWorkersRingHasNoRoomFor) {
  while (proxy_.PostAppData(Packet(kSession, 1))) {
  }
  const std::uint64_t before = hub_.Drops().packets.Get(DropReason::kAppDataRingFull);
  hub_.AddSession(kSession);
  hub_.HandleConnected(now_, kSession);  // begins with an INIT
  EXPECT_EQ(hub_.Drops().packets.Get(DropReason::kAppDataRingFull), before + 1);
}

TEST_F(DataHubTest, CountsSessionsThatGetNoAssociation) {
  hub_.AddSession(kSession);
  hub_.HandleConnected(now_, kSession);
  hub_.HandleConnected(now_, kSession);
  EXPECT_EQ(hub_.Drops().associations, 1U);
}

}  // namespace
}  // namespace fovea::focus
