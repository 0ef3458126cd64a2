#include "signaling/matrix/sticky_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "sfu/core/limits.h"
#include "sfu/core/rng.h"

namespace fovea::matrix {
namespace {

using Verdict = StickyMap::Verdict;

constexpr std::int64_t kWallMs = 1'700'000'000'000;
Instant At(std::int64_t ms) { return Instant{} + Millis(ms); }

Event EventOf(const std::string& id, std::int64_t sent_ms = kWallMs,
              std::int64_t duration_ms = 60'000) {
  Event event;
  event.kind = EventKind::kRtcMember;
  event.event_id = id;
  event.sender = "@alice:hs";
  event.origin_server_ts_ms = sent_ms;
  event.sticky_duration_ms = duration_ms;
  return event;
}

RtcMembership MemberOf(const std::string& key, bool joined = true) {
  RtcMembership member;
  member.format = MemberFormat::kSticky;
  member.joined = joined;
  member.user_id = "@alice:hs";
  member.key = key;
  return member;
}

// --- What is left of an event ---

TEST(StickyTimeLeft, IsTheHomeserversWordWhereItGivesOne) {
  Event event = EventOf("$a", kWallMs - 3'000'000);
  event.sticky_ttl_ms = 7'000;
  EXPECT_EQ(StickyTimeLeft(event, kWallMs), Millis(7'000));
}

TEST(StickyTimeLeft, NeverExceedsTheDurationNorAnHour) {
  Event event = EventOf("$a");
  event.sticky_ttl_ms = 9'000'000;
  EXPECT_EQ(StickyTimeLeft(event, kWallMs), Millis(60'000));
  EXPECT_EQ(StickyTimeLeft(EventOf("$b", kWallMs, 9'000'000), kWallMs), kStickyDurationMax);
  EXPECT_EQ(StickyTimeLeft(EventOf("$c", kWallMs + 900'000), kWallMs), Millis(60'000));
}

TEST(StickyTimeLeft, ForgivesClocksThatDifferAndNothingBeyond) {
  const std::int64_t skew_ms = ToMillis(kClockSkewMax);
  EXPECT_EQ(StickyTimeLeft(EventOf("$a", kWallMs - skew_ms), kWallMs), Millis(60'000));
  EXPECT_EQ(StickyTimeLeft(EventOf("$a", kWallMs - skew_ms - 20'000), kWallMs), Millis(40'000));
  EXPECT_EQ(StickyTimeLeft(EventOf("$a", kWallMs - skew_ms - 60'000), kWallMs), Millis(0));
}

TEST(StickyTimeLeft, IsNothingForADurationThatIsMissingOrNegative) {
  EXPECT_EQ(StickyTimeLeft(EventOf("$a", kWallMs, -5), kWallMs), Millis(0));
  Event event = EventOf("$b");
  event.sticky_duration_ms.reset();
  EXPECT_EQ(StickyTimeLeft(event, kWallMs), Millis(0));
}

// --- Which event counts ---

TEST(StickyMap, ReplacesByTheLaterEndWhateverTheOrderOfArrival) {
  StickyMap map;
  EXPECT_EQ(map.Insert(At(0), kWallMs, EventOf("$a", kWallMs + 10), MemberOf("k")).verdict,
            Verdict::kTaken);
  EXPECT_EQ(map.Insert(At(0), kWallMs, EventOf("$b", kWallMs), MemberOf("k", false)).verdict,
            Verdict::kOlder);
  const auto later = map.Insert(At(0), kWallMs, EventOf("$c", kWallMs + 20), MemberOf("k", false));
  EXPECT_EQ(later.verdict, Verdict::kTaken);
  ASSERT_TRUE(later.replaced.has_value());
  EXPECT_TRUE(later.replaced->joined);
  EXPECT_EQ(map.size(), 1U);
}

TEST(StickyMap, TakesTheHigherIdBetweenEventsThatEndTogether) {
  StickyMap map;
  map.Insert(At(0), kWallMs, EventOf("$b"), MemberOf("k"));
  EXPECT_EQ(map.Insert(At(0), kWallMs, EventOf("$a"), MemberOf("k")).verdict, Verdict::kOlder);
  EXPECT_EQ(map.Insert(At(0), kWallMs, EventOf("$c"), MemberOf("k")).verdict, Verdict::kTaken);
  EXPECT_EQ(map.Insert(At(0), kWallMs, EventOf("$c"), MemberOf("k")).verdict, Verdict::kDuplicate);
}

TEST(StickyMap, KeepsSendersWithTheSameKeyApart) {
  StickyMap map;
  Event other = EventOf("$b");
  other.sender = "@mallory:evil";
  map.Insert(At(0), kWallMs, EventOf("$a"), MemberOf("k"));
  const auto outcome = map.Insert(At(0), kWallMs, other, MemberOf("k", false));
  EXPECT_EQ(outcome.verdict, Verdict::kTaken);
  EXPECT_FALSE(outcome.replaced.has_value());
  EXPECT_EQ(map.size(), 2U);
}

TEST(StickyMap, DoesNotTakeWhatIsOver) {
  StickyMap map;
  EXPECT_EQ(map.Insert(At(0), kWallMs, EventOf("$a", 0), MemberOf("k")).verdict, Verdict::kExpired);
  EXPECT_EQ(map.size(), 0U);
  EXPECT_EQ(map.NextDeadline(), kNever);
}

TEST(StickyMap, HandsBackWhatExpiresAndWhatIsRedacted) {
  StickyMap map;
  map.Insert(At(0), kWallMs, EventOf("$a"), MemberOf("one"));
  map.Insert(At(0), kWallMs, EventOf("$b", kWallMs, 90'000), MemberOf("two"));
  EXPECT_EQ(map.NextDeadline(), At(60'000));
  EXPECT_TRUE(map.HandleTimeout(At(59'999)).empty());
  const auto expired = map.HandleTimeout(At(60'000));
  ASSERT_EQ(expired.size(), 1U);
  EXPECT_EQ(expired[0].key, "one");
  EXPECT_FALSE(map.Redact("$a").has_value());
  EXPECT_EQ(map.Redact("$b")->key, "two");
  EXPECT_TRUE(map.IsConsistent());
}

// --- Bounds ---

TEST(StickyMap, RefusesASendersKeysBeyondTheBoundButUpdatesThoseItHas) {
  StickyMap map;
  for (std::size_t i = 0; i < limits::kStickyEventsPerSenderMax; ++i) {
    const std::string n = std::to_string(i);
    ASSERT_EQ(map.Insert(At(0), kWallMs, EventOf("$" + n), MemberOf(n)).verdict, Verdict::kTaken);
  }
  EXPECT_EQ(map.Insert(At(0), kWallMs, EventOf("$x"), MemberOf("x")).verdict, Verdict::kFull);
  EXPECT_EQ(map.Insert(At(0), kWallMs, EventOf("$y", kWallMs + 1), MemberOf("0")).verdict,
            Verdict::kTaken);
  EXPECT_TRUE(map.Redact("$1").has_value());
  EXPECT_EQ(map.Insert(At(0), kWallMs, EventOf("$x"), MemberOf("x")).verdict, Verdict::kTaken);
  EXPECT_TRUE(map.IsConsistent());
}

TEST(StickyMap, HoldsNoMoreThanARoomsBoundAndForgetsWhomItRefused) {
  StickyMap map;
  for (std::size_t i = 0; i < limits::kStickyEventsMax; ++i) {
    const std::string n = std::to_string(i);
    Event event = EventOf("$" + n);
    event.sender = "@u" + n + ":hs";
    ASSERT_EQ(map.Insert(At(0), kWallMs, event, MemberOf("k")).verdict, Verdict::kTaken);
  }
  EXPECT_EQ(map.Insert(At(0), kWallMs, EventOf("$x"), MemberOf("k")).verdict, Verdict::kFull);
  EXPECT_TRUE(map.IsConsistent());
}

// --- Any order ---

// Every order of arrival, repetitions included, leaves the same members: the oracle is the rule of
// MSC4354 over all events that were sent.
TEST(StickyMap, ComesToTheSameMembersInAnyOrder) {
  Rng rng(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::pair<Event, RtcMembership>> sent;
    std::map<std::string, std::pair<std::int64_t, std::string>> newest;  // key → rank, id
    for (int i = 0; i < 20; ++i) {
      const std::string key(1, static_cast<char>('a' + rng.Below(4)));
      const std::string id = "$" + std::to_string(i);
      Event event = EventOf(id, kWallMs + rng.Below(5), 60'000 + 1000 * rng.Below(3));
      const std::pair rank{event.origin_server_ts_ms + *event.sticky_duration_ms, id};
      newest[key] = std::max(newest[key], rank);
      RtcMembership member = MemberOf(key);
      member.member_id = id;
      sent.emplace_back(std::move(event), std::move(member));
    }
    StickyMap map;
    for (int i = 0; i < 200; ++i) {
      const auto& [event, member] = sent[rng.Below(static_cast<std::uint32_t>(sent.size()))];
      map.Insert(At(0), kWallMs, event, member);
    }
    for (const auto& [event, member] : sent) map.Insert(At(0), kWallMs, event, member);
    ASSERT_EQ(map.size(), newest.size());
    map.ForEach([&](const RtcMembership& member) {
      EXPECT_EQ(member.member_id, newest[member.key].second) << "round " << round;
    });
  }
}

}  // namespace
}  // namespace fovea::matrix
