#include "signaling/wire/metrics_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace fovea::wire {
namespace {

TEST(MetricsText, WritesFamiliesAsTheFormatWantsThem) {
  MetricsText text;
  text.Begin("packets_total", MetricType::kCounter, "Packets.");
  text.Count({{"direction", "in"}, {"kind", "rtp"}}, 18'446'744'073'709'551'615U);
  text.Begin("load", MetricType::kGauge, "Load.");
  text.Value({}, 0.25);
  text.Begin("wait_seconds", MetricType::kSummary, "Waiting.");
  text.SumAndCount(1.5, 3);
  EXPECT_EQ(text.Take(),
            "# HELP packets_total Packets.\n"
            "# TYPE packets_total counter\n"
            "packets_total{direction=\"in\",kind=\"rtp\"} 18446744073709551615\n"
            "# HELP load Load.\n"
            "# TYPE load gauge\n"
            "load 0.25\n"
            "# HELP wait_seconds Waiting.\n"
            "# TYPE wait_seconds summary\n"
            "wait_seconds_sum 1.5\n"
            "wait_seconds_count 3\n");
}

TEST(MetricsText, EscapesWhatWouldEndALabelOrALine) {
  MetricsText text;
  text.Begin("m", MetricType::kGauge, "a \"b\" \\ c\nd");
  text.Count({{"room", "a\"} 1\nm{room=\"\\"}}, 1);
  EXPECT_EQ(text.Take(),
            "# HELP m a \"b\" \\\\ c\\nd\n"
            "# TYPE m gauge\n"
            "m{room=\"a\\\"} 1\\nm{room=\\\"\\\\\"} 1\n");
}

TEST(MetricsText, WritesValuesThatAreNoNumbersByTheirNames) {
  MetricsText text;
  text.Begin("m", MetricType::kGauge, "h");
  text.Value({{"v", "1"}}, std::numeric_limits<double>::quiet_NaN());
  text.Value({{"v", "2"}}, std::numeric_limits<double>::infinity());
  text.Value({{"v", "3"}}, -std::numeric_limits<double>::infinity());
  text.Value({{"v", "4"}}, 1'700'000'000.125);
  EXPECT_EQ(text.Take(),
            "# HELP m h\n# TYPE m gauge\n"
            "m{v=\"1\"} NaN\nm{v=\"2\"} +Inf\nm{v=\"3\"} -Inf\nm{v=\"4\"} 1700000000.125\n");
}

TEST(ShownLabelValue, KeepsEveryLengthOfUtf8) {
  const std::string all = "a\u00e4\u20ac\U0001F600\n";
  EXPECT_EQ(ShownLabelValue(all), all);
}

TEST(ShownLabelValue, ReplacesBytesThatAreNotUtf8) {
  constexpr const char* kReplaced = "\u00e4\uFFFDb";
  EXPECT_EQ(ShownLabelValue("\u00e4\xFF"
                            "b"),
            kReplaced);
  EXPECT_EQ(ShownLabelValue("\u00e4\x80"
                            "b"),
            kReplaced);  // no lead
  EXPECT_EQ(ShownLabelValue("\u00e4\xC0\xAF"
                            "b"),
            "\u00e4\uFFFD\uFFFDb");                                  // overlong '/'
  EXPECT_EQ(ShownLabelValue("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(ShownLabelValue("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST(ShownLabelValue, ReplacesWhatIsCutOffAtEveryLength) {
  const std::string face = "\U0001F600";
  for (std::size_t length = 1; length < face.size(); ++length) {
    const std::string shown = ShownLabelValue(face.substr(0, length));
    EXPECT_EQ(shown.size(), 3 * length);
    EXPECT_TRUE(shown.starts_with("\uFFFD"));
  }
  EXPECT_EQ(ShownLabelValue(""), "");
}

TEST(ShownLabelValue, ReplacesControlCharacters) {
  EXPECT_EQ(ShownLabelValue(std::string("a\0b\r\x7F", 5)), "a\uFFFDb\uFFFD\uFFFD");
}

}  // namespace
}  // namespace fovea::wire
