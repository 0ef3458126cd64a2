// Names that strangers choose, as labels of /metrics: whatever they hold, the page keeps its lines,
// and a scraper reads back the very value that was to be shown.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sfu/core/check.h"
#include "signaling/wire/metrics_text.h"

namespace {

// As a scraper reads it: the label's value up to the quote that ends it.
std::string Unescape(std::string_view& rest) {
  std::string value;
  while (!rest.empty() && rest.front() != '"') {
    char c = rest.front();
    rest.remove_prefix(1);
    FOVEA_CHECK(c != '\n');
    if (c == '\\') {
      FOVEA_CHECK(!rest.empty());
      c = rest.front() == 'n' ? '\n' : rest.front();
      FOVEA_CHECK(c == '\n' || c == '\\' || c == '"');
      rest.remove_prefix(1);
    }
    value += c;
  }
  return value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view name(reinterpret_cast<const char*>(data), size);
  const std::string shown = fovea::wire::ShownLabelValue(name);
  FOVEA_CHECK(fovea::wire::ShownLabelValue(shown) == shown);
  FOVEA_CHECK(shown.size() <= 3 * size);

  fovea::wire::MetricsText page;
  page.Begin("m", fovea::wire::MetricType::kGauge, "h");
  page.Count({{"room", name}}, 1);
  const std::string text = page.Take();
  constexpr std::string_view kHead = "# HELP m h\n# TYPE m gauge\nm{room=\"";
  FOVEA_CHECK(text.starts_with(kHead));
  std::string_view rest = std::string_view(text).substr(kHead.size());
  FOVEA_CHECK(Unescape(rest) == shown);
  FOVEA_CHECK(rest == "\"} 1\n");
  return 0;
}
