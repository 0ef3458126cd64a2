#include "signaling/app/config_values.h"

#include <gmock/gmock.h>

#include <string>

#include "sfu/core/limits.h"

namespace fovea::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ConfigInteger, TakesUnderscoresBetweenDigits) {
  EXPECT_EQ(ParseInteger("1_000_000"), 1'000'000);
  EXPECT_EQ(ParseInteger("-1"), -1);
  EXPECT_EQ(ParseInteger("0"), 0);
}

TEST(ConfigInteger, RefusesWhatIsNoNumber) {
  for (const char* text : {"", "_1", "1_", "1__0", "-_1", "1.0", "1e3", "0x10", " 1", "1 ", "+1",
                           "99999999999999999999"}) {
    EXPECT_EQ(ParseInteger(text), std::nullopt) << text;
  }
}

TEST(ConfigDuration, ReadsGoNotation) {
  EXPECT_EQ(ParseDuration("400ms"), Millis(400));
  EXPECT_EQ(ParseDuration("1.5s"), Millis(1500));
  EXPECT_EQ(ParseDuration(".5s"), Millis(500));
  EXPECT_EQ(ParseDuration("1h30m"), Seconds(5400));
  EXPECT_EQ(ParseDuration("7us"), Micros(7));
  EXPECT_EQ(ParseDuration("7\u00b5s"), Micros(7));
  EXPECT_EQ(ParseDuration("12ns"), Duration(12));
  EXPECT_EQ(ParseDuration("0"), Duration(0));
}

TEST(ConfigDuration, RefusesMissingUnitsAndNonsense) {
  for (const char* text : {"", "5", "s", "-1s", "1 s", "1s ", "1d", ".s", "1..5s", "1s5",
                           "9999999h", "9999999999999s", "999999999999h"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(ConfigDuration, WritesWhatItReads) {
  for (const Duration duration : {Duration(0), Duration(1), Micros(3), Millis(400), Seconds(5),
                                  Seconds(90), Seconds(60), Seconds(7200), Millis(1500)}) {
    EXPECT_EQ(ParseDuration(FormatDuration(duration)), duration) << FormatDuration(duration);
  }
  EXPECT_EQ(FormatDuration(Millis(1500)), "1500ms");
  EXPECT_EQ(FormatDuration(Seconds(7200)), "2h");
}

TEST(ConfigPortRange, ReadsOnePortOrARange) {
  EXPECT_EQ(FormatPortRange(*ParsePortRange("7882")), "7882");
  EXPECT_EQ(FormatPortRange(*ParsePortRange("7882 - 7892")), "7882-7892");
  EXPECT_EQ(FormatPortRange(*ParsePortRange("0")), "0");
}

TEST(ConfigPortRange, SaysWhatIsWrong) {
  EXPECT_THAT(ParsePortRange("65536").error(), HasSubstr("a port from 0 to 65535"));
  EXPECT_THAT(ParsePortRange("7882-7881").error(), HasSubstr("end is not below its start"));
  EXPECT_THAT(ParsePortRange("0-7").error(), HasSubstr("starts at 1 or above"));
  for (const char* text : {"", "-", "7882-", "-7", "a", "1-2-3", "7882,7883"}) {
    EXPECT_FALSE(ParsePortRange(text).ok()) << text;
  }
}

TEST(ConfigNodeIps, ReadsAddressesOfBothKinds) {
  EXPECT_THAT(*ParseNodeIps("192.0.2.7"), ElementsAre("192.0.2.7"));
  EXPECT_THAT(*ParseNodeIps("192.0.2.7, 2001:db8::7"), ElementsAre("192.0.2.7", "2001:db8::7"));
}

TEST(ConfigNodeIps, RefusesWhatNobodyReaches) {
  for (const char* text : {"", "example.org", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255",
                           "ff02::1", "192.0.2.7,", "192.0.2.7:80"}) {
    EXPECT_FALSE(ParseNodeIps(text).ok()) << text;
  }
}

TEST(ConfigNodeIps, AreNoMoreThanClientsAreToProbe) {
  std::string most = "10.0.0.1";
  for (std::size_t i = 2; i <= limits::kNodeIpsMax; ++i) most += ",10.0.0." + std::to_string(i);
  const auto ips = ParseNodeIps(most);
  ASSERT_TRUE(ips.ok()) << ips.error();
  EXPECT_EQ(ips->size(), limits::kNodeIpsMax);
  EXPECT_FALSE(ParseNodeIps(most + ",10.0.1.1").ok());
}

TEST(ConfigQuoted, IsShortAndOnOneLine) {
  EXPECT_EQ(Quoted("a\nb"), "\"a b\"");
  EXPECT_EQ(Quoted(std::string(50, 'x')), "\"" + std::string(40, 'x') + "...\"");
}

}  // namespace
}  // namespace fovea::app
