// Devices that are logged out while they hold tokens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/signaling/focus/conductor_fixture.h"

namespace fovea::focus::test {
namespace {

using matrix::DeviceAnswer;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DevicesTest : public ConductorTest {
 protected:
  // Every question about a device is answered so.
  void Tell(DeviceAnswer answer) {
    while (!asked_devices_.empty()) {
      const DeviceKey device = asked_devices_.front();
      asked_devices_.erase(asked_devices_.begin());
      conductor_->HandleDevice(now_, device, answer);
      Drain();
    }
  }
  void PushHint(const std::string& user) {
    const Json body{{"events", Json::array()},
                    {"org.matrix.msc3202.device_lists", {{"changed", {user}}, {"left", {}}}}};
    static_cast<void>(
        conductor_->HandleTransaction(now_, "d" + std::to_string(++txn_), body.dump()));
    Drain();
  }
};

TEST_F(DevicesTest, APushedLogoutEndsTheDeviceAndNoOther) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "PHONE"));
  static_cast<void>(Connect("@bob:hs", "LAPTOP"));
  Tell(DeviceAnswer::kThere);
  EXPECT_THAT(evicted_, IsEmpty());
  PushHint("@bob:hs");
  ASSERT_THAT(asked_devices_, SizeIs(2));
  const DeviceKey phone{"@bob:hs", "PHONE"};
  while (!asked_devices_.empty()) {
    const DeviceKey device = asked_devices_.front();
    asked_devices_.erase(asked_devices_.begin());
    conductor_->HandleDevice(now_, device,
                             device == phone ? DeviceAnswer::kGone : DeviceAnswer::kThere);
    Drain();
  }
  EXPECT_THAT(Evicted(), ElementsAre("@bob:hs:PHONE"));
  EXPECT_EQ(evicted_[0].reason, EvidenceKind::kDeviceGone);
  EXPECT_THAT(leaves_, ElementsAre("@bob:hs:PHONE"));
  EXPECT_TRUE(stored_revocations_.contains("@bob:hs:PHONE"));
}

TEST_F(DevicesTest, ALogoutIsNoticedWithoutAHint) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "PHONE"));
  Tell(DeviceAnswer::kThere);
  Pass(DeviceWatch::kAskEvery + Seconds(1));
  ASSERT_FALSE(asked_devices_.empty());
  Tell(DeviceAnswer::kGone);
  EXPECT_THAT(Evicted(), ElementsAre("@bob:hs:PHONE"));
}

TEST_F(DevicesTest, AnInventedDeviceAndASilentHomeserverEndNothing) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Connect("@bob:hs", "INVENTED"));
  Tell(DeviceAnswer::kGone);
  PushHint("@bob:hs");
  Tell(DeviceAnswer::kGone);
  static_cast<void>(Connect("@bob:hs", "PHONE"));
  Tell(DeviceAnswer::kThere);
  for (int i = 0; i < 5; ++i) {
    PushHint("@bob:hs");
    Tell(DeviceAnswer::kUnknown);
    Pass(Seconds(61));
  }
  EXPECT_THAT(Evicted(), IsEmpty());
}

TEST_F(DevicesTest, OfOtherHomeserversNothingIsAsked) {
  StartRoom({"@eve:far"});
  Tell(DeviceAnswer::kThere);  // the host's own
  static_cast<void>(Connect("@eve:far", "PHONE"));
  static_cast<void>(Connect("@eve:far", "", TokenRoute::kFederation, "m"));
  PushHint("@eve:far");
  EXPECT_THAT(asked_devices_, IsEmpty());
}

TEST_F(DevicesTest, IsWelcomeAgainOnceLoggedIn) {
  StartRoom({"@bob:hs"});
  static_cast<void>(Mint("@bob:hs", "PHONE"));
  Tell(DeviceAnswer::kThere);
  PushHint("@bob:hs");
  Tell(DeviceAnswer::kGone);
  ASSERT_THAT(evicted_, SizeIs(1));  // the token alone
  const auto decision = MayMint("@bob:hs");
  EXPECT_EQ(decision.verdict, MintVerdict::kAllow);
  EXPECT_GE(decision.not_before_unix, evicted_[0].tokens_before_unix);
  Pass(Seconds(2));
  static_cast<void>(Connect("@bob:hs", "PHONE"));
  Tell(DeviceAnswer::kThere);
  EXPECT_THAT(evicted_, SizeIs(1));
}

}  // namespace
}  // namespace fovea::focus::test
