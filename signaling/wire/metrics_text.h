// Writes Prometheus' text format, version 0.0.4: what a scraper reads at /metrics.
// prometheus.io/docs/instrumenting/exposition_formats. Thread: value type, any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace fovea::wire {

// Borrowed for the call. The name is ours; the value may be anybody's.
struct MetricLabel {
  std::string_view name;
  std::string_view value;
};
using MetricLabels = std::initializer_list<MetricLabel>;

enum class MetricType : std::uint8_t { kCounter, kGauge, kSummary };

// A label's value as a scraper will read it: what is not UTF-8, and control characters other than
// the line feed, become U+FFFD. One bad byte would cost its reader the whole page. Different values
// may come out the same; whoever writes them sees to it that a family has each once.
[[nodiscard]] std::string ShownLabelValue(std::string_view value);

// Use: Begin a family, then its samples; Take the page at the end.
// REQUIRES: each name once, [a-z_] with digits; no two samples of a family with equal labels.
class MetricsText {
 public:
  static constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

  void Begin(std::string_view name, MetricType type, std::string_view help);
  // Counts are exact; a double is written with the digits that give the same double again.
  void Count(MetricLabels labels, std::uint64_t value);
  void Value(MetricLabels labels, double value);
  // The two samples of a summary without quantiles.
  void SumAndCount(double sum, std::uint64_t count);
  [[nodiscard]] std::string Take() { return std::move(text_); }

 private:
  void Sample(std::string_view suffix, MetricLabels labels, std::string_view value);

  std::string name_;  // of the family that was begun
  std::string text_;
};

}  // namespace fovea::wire
