#include "signaling/matrix/leave_job.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "sfu/core/limits.h"
#include "signaling/wire/json.h"
#include "signaling/wire/url.h"

namespace fovea::matrix {
namespace {

std::optional<std::int64_t> ReadNumber(std::string_view digits) {
  std::int64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (digits.empty() || digits.front() == '-' || stop != end) return std::nullopt;
  if (error == std::errc::result_out_of_range) return ToMillis(limits::kDelayTimeoutMax);
  if (error != std::errc()) return std::nullopt;
  return value;
}

Duration Wait(std::int64_t ms) {
  return Millis(std::clamp<std::int64_t>(ms, 0, ToMillis(limits::kDelayTimeoutMax)));
}

}  // namespace

std::optional<std::int64_t> ReadHttpDate(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") {
    return std::nullopt;
  }
  if (text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':') {
    return std::nullopt;
  }
  const auto* const month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  const auto day = ReadNumber(text.substr(5, 2));
  const auto year = ReadNumber(text.substr(12, 4));
  const auto hour = ReadNumber(text.substr(17, 2));
  const auto minute = ReadNumber(text.substr(20, 2));
  const auto second = ReadNumber(text.substr(23, 2));
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::year(static_cast<int>(*year)),
      std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
      std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + *hour) * 60 + *minute) * 60 + *second;
}

std::string DelayedCallPath(DelayedCallVerb verb, std::string_view delay_id) {
  std::string path = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/";
  path += wire::PercentEncode(delay_id);
  switch (verb) {
    case DelayedCallVerb::kRestart:
      return path + "/restart";
    case DelayedCallVerb::kSend:
      return path + "/send";
  }
  return path;
}

std::optional<Duration> ReadRetryAfter(std::optional<std::string_view> header,
                                       std::string_view body, WallMicros now) {
  if (header.has_value()) {
    if (const auto seconds = ReadNumber(*header)) {
      return Wait(std::min<std::int64_t>(*seconds, ToMillis(limits::kDelayTimeoutMax) / 1000) *
                  1000);
    }
    if (const auto date = ReadHttpDate(*header)) return Wait(*date * 1000 - now.value / 1000);
  }
  const auto json = wire::ParseJson(body);
  if (!json.has_value() || !json->is_object()) return std::nullopt;
  const auto found = json->find("retry_after_ms");
  if (found == json->end() || !found->is_number()) return std::nullopt;
  const double ms = found->get<double>();
  if (!(ms >= 0)) return std::nullopt;
  return Wait(static_cast<std::int64_t>(
      std::min(ms, static_cast<double>(ToMillis(limits::kDelayTimeoutMax)))));
}

}  // namespace fovea::matrix
