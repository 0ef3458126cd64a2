#include "signaling/wire/metrics_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace fovea::wire {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

std::string_view TypeName(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kSummary:
      return "summary";
  }
  return "untyped";
}

// The length of the UTF-8 sequence that `text` begins with; 0 if it begins with none. RFC 3629
// section 4: no overlong forms, no surrogates, nothing above U+10FFFF.
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return length;
}

bool IsControl(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F; }

// Quotes are escaped in label values only; HELP lines keep them.
void AppendEscaped(std::string& out, std::string_view text, bool is_label) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || (is_label && c == '"')) out += '\\';
    out += c;
  }
}

std::string Digits(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

}  // namespace

std::string ShownLabelValue(std::string_view value) {
  std::string shown;
  shown.reserve(value.size());
  while (!value.empty()) {
    const std::size_t length = SequenceLength(value);
    if (length == 0 || IsControl(value.front())) {
      shown += kReplacement;
      value.remove_prefix(1);
      continue;
    }
    shown += value.substr(0, length);
    value.remove_prefix(length);
  }
  return shown;
}

void MetricsText::Begin(std::string_view name, MetricType type, std::string_view help) {
  name_ = name;
  text_ += "# HELP ";
  text_ += name;
  text_ += ' ';
  AppendEscaped(text_, help, false);
  text_ += "\n# TYPE ";
  text_ += name;
  text_ += ' ';
  text_ += TypeName(type);
  text_ += '\n';
}

void MetricsText::Sample(std::string_view suffix, MetricLabels labels, std::string_view value) {
  text_ += name_;
  text_ += suffix;
  char before = '{';
  for (const MetricLabel& label : labels) {
    text_ += before;
    text_ += label.name;
    text_ += "=\"";
    AppendEscaped(text_, ShownLabelValue(label.value), true);
    text_ += '"';
    before = ',';
  }
  if (before == ',') text_ += '}';
  text_ += ' ';
  text_ += value;
  text_ += '\n';
}

void MetricsText::Count(MetricLabels labels, std::uint64_t value) {
  Sample("", labels, std::to_string(value));
}

void MetricsText::Value(MetricLabels labels, double value) { Sample("", labels, Digits(value)); }

void MetricsText::SumAndCount(double sum, std::uint64_t count) {
  Sample("_sum", {}, Digits(sum));
  Sample("_count", {}, std::to_string(count));
}

}  // namespace fovea::wire
