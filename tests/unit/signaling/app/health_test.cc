// GET /: ready while every worker reports. Thread: test.
#include "signaling/app/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fovea::app {
namespace {

constexpr Instant kNow{Seconds(1000)};

TEST(Health, IsOkWhileEveryWorkerReports) {
  const auto response =
      HealthResponse(kNow, {kNow, kNow - Millis(250), kNow - kWorkerSilenceMax, kNow + Millis(1)});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "OK");
}

TEST(Health, IsNotReadyOnceAnyWorkerIsSilentForTooLong) {
  EXPECT_EQ(kWorkerSilenceMax, Seconds(4));
  const auto response = HealthResponse(kNow, {kNow, kNow - kWorkerSilenceMax - Millis(1)});
  EXPECT_EQ(response.status, 406);
  EXPECT_EQ(response.body, "Not Ready\nWorker 1 Updated 4001 ms Ago");
}

}  // namespace
}  // namespace fovea::app
