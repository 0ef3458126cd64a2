#include "signaling/app/presence_lookup.h"
#include "sfu/core/limits.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fovea::app {
namespace {

constexpr Duration kSanity = Seconds(30);
const matrix::LeaveKey kAlice{"room", "alice"};

class PresenceLookupTest : public testing::Test {
 protected:
  // Whether a lookup is due; it is remembered.
  bool Asks(PresenceLookup& lookups) {
    const auto lookup = lookups.PollLookup(now_);
    if (lookup.has_value()) last_ = lookup->id;
    return lookup.has_value();
  }
  PresenceNews Answer(PresenceLookup& lookups, LookupAnswer answer) {
    matrix::LeaveKey key;
    return lookups.HandleAnswer(now_, last_, answer, key);
  }

  Instant now_;
  LookupId last_;
  PresenceLookup lookups_{kSanity};
};

TEST_F(PresenceLookupTest, AsksAtOnceAndThenEverMoreSlowly) {
  lookups_.Watch(now_, kAlice, Seconds(3600));
  std::vector<std::int64_t> times_ms;
  while (times_ms.size() < 5) {
    ASSERT_TRUE(Asks(lookups_));
    EXPECT_FALSE(Asks(lookups_)) << "one at a time";
    times_ms.push_back(ToMillis(now_ - Instant{}));
    EXPECT_EQ(
        Answer(lookups_, times_ms.size() % 2 == 0 ? LookupAnswer::kAbsent : LookupAnswer::kUnknown),
        PresenceNews::kNone);
    now_ = lookups_.NextDeadline();
  }
  EXPECT_EQ(times_ms, (std::vector<std::int64_t>{0, 1000, 2500, 4750, 8125}));
}

TEST_F(PresenceLookupTest, StopsAskingForSomebodyWhoNeverCame) {
  lookups_.Watch(now_, kAlice, Seconds(2));
  while (Asks(lookups_)) {
    EXPECT_EQ(Answer(lookups_, LookupAnswer::kAbsent), PresenceNews::kNone);
    if (lookups_.NextDeadline() != kNever) now_ = lookups_.NextDeadline();
  }
  EXPECT_EQ(now_, Instant{} + Seconds(2));
}

TEST_F(PresenceLookupTest, TellsOnceThatSomebodyIsThere) {
  lookups_.Watch(now_, kAlice, Seconds(3600));
  ASSERT_TRUE(Asks(lookups_));
  EXPECT_EQ(Answer(lookups_, LookupAnswer::kPresent), PresenceNews::kConnected);
  EXPECT_EQ(lookups_.NextDeadline(), now_ + kSanity);
  now_ = lookups_.NextDeadline();
  ASSERT_TRUE(Asks(lookups_));
  EXPECT_EQ(Answer(lookups_, LookupAnswer::kPresent), PresenceNews::kNone);
}

TEST_F(PresenceLookupTest, CallsSomebodyGoneOnlyByTheServersOwnWord) {
  lookups_.Watch(now_, kAlice, Seconds(3600));
  lookups_.HandleConnected(now_, kAlice);
  now_ = lookups_.NextDeadline();
  ASSERT_TRUE(Asks(lookups_));
  EXPECT_EQ(Answer(lookups_, LookupAnswer::kUnknown), PresenceNews::kNone);
  now_ = lookups_.NextDeadline();
  ASSERT_TRUE(Asks(lookups_));
  EXPECT_EQ(Answer(lookups_, LookupAnswer::kAbsent), PresenceNews::kGone);
}

TEST_F(PresenceLookupTest, LeavesItToWebhooksWithoutASanityInterval) {
  PresenceLookup lookups{Duration::zero()};
  lookups.Watch(now_, kAlice, Seconds(3600));
  ASSERT_TRUE(Asks(lookups));
  EXPECT_EQ(Answer(lookups, LookupAnswer::kPresent), PresenceNews::kConnected);
  EXPECT_EQ(lookups.NextDeadline(), kNever);
  lookups.HandleSuperseded(now_, kAlice);
  EXPECT_EQ(lookups.NextDeadline(), now_ + Seconds(10)) << "but a take-over is checked";
}

TEST_F(PresenceLookupTest, BelievesNoAnswerFromBeforeTheLatestNews) {
  lookups_.Watch(now_, kAlice, Seconds(3600));
  ASSERT_TRUE(Asks(lookups_));
  lookups_.HandleConnected(now_, kAlice);
  EXPECT_EQ(Answer(lookups_, LookupAnswer::kAbsent), PresenceNews::kNone);
  lookups_.Watch(now_, kAlice, Seconds(3600));
  ASSERT_TRUE(Asks(lookups_));
  lookups_.Unwatch(kAlice);
  EXPECT_EQ(Answer(lookups_, LookupAnswer::kPresent), PresenceNews::kNone);
  EXPECT_EQ(lookups_.size(), 0u);
  EXPECT_EQ(lookups_.NextDeadline(), kNever);
}

TEST_F(PresenceLookupTest, AsksOnlySoManyQuestionsAtOnce) {
  for (int i = 0; i < 100; ++i) {
    lookups_.Watch(now_, {"room", std::to_string(i)}, Seconds(3600));
  }
  std::size_t asked = 0;
  while (Asks(lookups_)) ++asked;
  EXPECT_EQ(asked, limits::kPresenceLookupsMax);
  EXPECT_EQ(lookups_.NextDeadline(), kNever) << "it would be a busy loop";
  (void)Answer(lookups_, LookupAnswer::kPresent);
  EXPECT_TRUE(Asks(lookups_));
}

}  // namespace
}  // namespace fovea::app
