#include "signaling/matrix/leave_job.h"

#include <gtest/gtest.h>

namespace fovea::matrix {
namespace {

// 2015-10-21 07:27:30 UTC.
constexpr WallMicros kNow{1'445'412'450'000'000};

TEST(DelayedCallPath, NamesTheVerb) {
  EXPECT_EQ(DelayedCallPath(DelayedCallVerb::kSend, "syd_abc"),
            "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/syd_abc/send");
  EXPECT_EQ(DelayedCallPath(DelayedCallVerb::kRestart, "x"),
            "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/x/restart");
}

TEST(DelayedCallPath, KeepsADelayIdWithinItsSegment) {
  EXPECT_EQ(DelayedCallPath(DelayedCallVerb::kSend, "../a/b?c=d#e%2F\r\n"),
            "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/"
            "..%2Fa%2Fb%3Fc%3Dd%23e%252F%0D%0A/send");
}

TEST(ReadRetryAfter, TakesSecondsOfTheHeader) {
  EXPECT_EQ(ReadRetryAfter("7", R"({"retry_after_ms":100})", kNow), Seconds(7));
  EXPECT_EQ(ReadRetryAfter("0", "", kNow), Seconds(0));
}

TEST(ReadRetryAfter, TakesADateOfTheHeader) {
  EXPECT_EQ(ReadRetryAfter("Wed, 21 Oct 2015 07:28:00 GMT", "", kNow), Seconds(30));
  EXPECT_EQ(ReadRetryAfter("Wed, 21 Oct 2015 07:00:00 GMT", "", kNow), Seconds(0));
  EXPECT_EQ(ReadRetryAfter("Mon, 29 Feb 2016 00:00:00 GMT", "", kNow), Seconds(24 * 3600));
}

TEST(ReadRetryAfter, TakesTheBodyWhereTheHeaderSaysNothing) {
  EXPECT_EQ(
      ReadRetryAfter(std::nullopt, R"({"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2500})", kNow),
      Millis(2500));
  EXPECT_EQ(ReadRetryAfter("soon", R"({"retry_after_ms":5})", kNow), Millis(5));
  EXPECT_EQ(ReadRetryAfter(std::nullopt, R"({"retry_after_ms":12.9})", kNow), Millis(12));
}

TEST(ReadRetryAfter, IsNothingForWhatCannotBeRead) {
  const char* const headers[] = {"",
                                 "-3",
                                 "1.5",
                                 "7 s",
                                 "Wed, 31 Feb 2015 07:28:00 GMT",
                                 "Wed, 21 Okt 2015 07:28:00 GMT",
                                 "Wed, 21 Oct 2015 25:28:00 GMT",
                                 "Wed, 21 Oct 2015 07:28:00 CET",
                                 "Wednesday, 21-Oct-15 07:28:00 GMT"};
  for (const char* header : headers) {
    EXPECT_EQ(ReadRetryAfter(header, "", kNow), std::nullopt) << header;
  }
  const char* const bodies[] = {"",
                                "[]",
                                "{",
                                "null",
                                R"({"retry_after_ms":"5"})",
                                R"({"retry_after_ms":-1})",
                                R"({"retry_after":5})"};
  for (const char* body : bodies) {
    EXPECT_EQ(ReadRetryAfter(std::nullopt, body, kNow), std::nullopt) << body;
  }
}

TEST(ReadRetryAfter, NeverAsksForMoreThanADay) {
  EXPECT_EQ(ReadRetryAfter("99999999999999999999", "", kNow), Seconds(24 * 3600));
  EXPECT_EQ(ReadRetryAfter("9223372036854775807", "", kNow), Seconds(24 * 3600));
  EXPECT_EQ(ReadRetryAfter(std::nullopt, R"({"retry_after_ms":1e300})", kNow), Seconds(24 * 3600));
}

TEST(ReadRetryAfter, ReadsEveryPrefixOfADateWithoutHarm) {
  const std::string date = "Wed, 21 Oct 2015 07:28:00 GMT";
  for (std::size_t size = 0; size < date.size(); ++size) {
    EXPECT_EQ(ReadRetryAfter(date.substr(0, size), "", kNow), std::nullopt) << size;
  }
}

}  // namespace
}  // namespace fovea::matrix
