#include "signaling/focus/device_watch.h"

#include <gtest/gtest.h>

#include <string>

#include "sfu/core/limits.h"

namespace fovea::focus {
namespace {

using matrix::DeviceAnswer;

const DeviceKey kPhone{"@bob:hs", "PHONE"};
const DeviceKey kLaptop{"@bob:hs", "LAPTOP"};

class DeviceWatchTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_TRUE(watch_.IsConsistent()); }
  // What is asked now is answered so; whether that proved a device gone.
  bool Tell(const DeviceKey& device, DeviceAnswer answer) {
    const auto asked = watch_.Poll(now_);
    EXPECT_TRUE(asked == device) << (asked ? asked->device_id : "nothing was asked");
    return watch_.HandleAnswer(now_, device, answer);
  }
  bool IsAsking() { return watch_.NextDeadline() <= now_; }

  Instant now_{Seconds(100)};
  DeviceWatch watch_;
};

TEST_F(DeviceWatchTest, AsksOnceWhetherADeviceIsThere) {
  watch_.Add(now_, kPhone);
  EXPECT_FALSE(Tell(kPhone, DeviceAnswer::kThere));
  EXPECT_EQ(watch_.NextDeadline(), kNever);
  watch_.Add(now_, kPhone);  // another token: it was seen
  EXPECT_EQ(watch_.NextDeadline(), kNever);
}

TEST_F(DeviceWatchTest, AsksEveryMinuteWhileConnected) {
  watch_.Add(now_, kPhone);
  watch_.HandleConnected(now_, kPhone);
  EXPECT_FALSE(Tell(kPhone, DeviceAnswer::kThere));
  for (int minute = 0; minute < 3; ++minute) {
    EXPECT_EQ(watch_.NextDeadline(), now_ + DeviceWatch::kAskEvery);
    now_ += DeviceWatch::kAskEvery;
    EXPECT_FALSE(Tell(kPhone, DeviceAnswer::kThere));
  }
  watch_.HandleLeft(kPhone);
  now_ += DeviceWatch::kAskEvery;
  EXPECT_FALSE(Tell(kPhone, DeviceAnswer::kThere));
  EXPECT_EQ(watch_.NextDeadline(), kNever);
}

TEST_F(DeviceWatchTest, TellsThatADeviceIsGoneThatWasThere) {
  watch_.Add(now_, kPhone);
  EXPECT_FALSE(Tell(kPhone, DeviceAnswer::kThere));
  watch_.HandleHint(now_, "@bob:hs");
  EXPECT_TRUE(Tell(kPhone, DeviceAnswer::kGone));
  // Once, and not again until it is back.
  EXPECT_EQ(watch_.NextDeadline(), kNever);
  watch_.HandleHint(now_, "@bob:hs");
  EXPECT_FALSE(Tell(kPhone, DeviceAnswer::kGone));
  watch_.Add(now_, kPhone);
  EXPECT_FALSE(Tell(kPhone, DeviceAnswer::kThere));
}

TEST_F(DeviceWatchTest, SaysNothingOfADeviceThatItNeverSaw) {
  watch_.Add(now_, kPhone);
  EXPECT_FALSE(Tell(kPhone, DeviceAnswer::kGone));
  watch_.HandleConnected(now_, kPhone);
  now_ += DeviceWatch::kAskEvery;
  EXPECT_FALSE(Tell(kPhone, DeviceAnswer::kGone));
}

TEST_F(DeviceWatchTest, ConcludesNothingFromSilence) {
  watch_.Add(now_, kPhone);
  EXPECT_FALSE(Tell(kPhone, DeviceAnswer::kThere));
  watch_.HandleHint(now_, "@bob:hs");
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(Tell(kPhone, DeviceAnswer::kUnknown));
    EXPECT_FALSE(IsAsking());
    now_ += DeviceWatch::kAskEvery;  // the hint is not forgotten
  }
  EXPECT_TRUE(Tell(kPhone, DeviceAnswer::kGone));
}

TEST_F(DeviceWatchTest, AsksAgainForAHintThatComesMeanwhile) {
  watch_.Add(now_, kPhone);
  ASSERT_TRUE(watch_.Poll(now_));
  watch_.HandleHint(now_, "@bob:hs");
  EXPECT_FALSE(watch_.HandleAnswer(now_, kPhone, DeviceAnswer::kThere));
  EXPECT_TRUE(Tell(kPhone, DeviceAnswer::kGone));
}

TEST_F(DeviceWatchTest, AsksAboutEachDeviceOfTheUserAndOfNobodyElse) {
  watch_.Add(now_, kPhone);
  watch_.Add(now_, kLaptop);
  watch_.Add(now_, {"@bobby:hs", "PHONE"});
  for (int i = 0; i < 3; ++i) {
    const auto device = watch_.Poll(now_);
    ASSERT_TRUE(device);
    EXPECT_FALSE(watch_.HandleAnswer(now_, *device, DeviceAnswer::kThere));
  }
  watch_.HandleHint(now_, "@bob:hs");
  EXPECT_TRUE(Tell(kLaptop, DeviceAnswer::kGone));
  EXPECT_FALSE(Tell(kPhone, DeviceAnswer::kThere));
  EXPECT_FALSE(watch_.Poll(now_));
}

TEST_F(DeviceWatchTest, HasAFewQuestionsUnderWay) {
  for (int i = 0; i < 100; ++i) watch_.Add(now_, {"@u" + std::to_string(i) + ":hs", "D"});
  std::vector<DeviceKey> asked;
  while (const auto device = watch_.Poll(now_)) asked.push_back(*device);
  EXPECT_EQ(asked.size(), limits::kDeviceQuestionsMax);
  EXPECT_EQ(watch_.NextDeadline(), kNever);
  EXPECT_FALSE(watch_.HandleAnswer(now_, asked[0], DeviceAnswer::kThere));
  EXPECT_TRUE(IsAsking());
}

TEST_F(DeviceWatchTest, ForgetsADeviceWithItsLastToken) {
  watch_.Add(now_, kPhone);
  watch_.Add(now_, kPhone);
  ASSERT_TRUE(watch_.Poll(now_));
  watch_.Remove(kPhone);
  EXPECT_EQ(watch_.size(), 1U);
  watch_.Remove(kPhone);
  EXPECT_EQ(watch_.size(), 0U);
  EXPECT_FALSE(watch_.HandleAnswer(now_, kPhone, DeviceAnswer::kGone));
}

}  // namespace
}  // namespace fovea::focus
