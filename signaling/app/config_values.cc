#include "signaling/app/config_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "sfu/core/limits.h"
#include "sfu/core/net_address.h"

namespace fovea::app {
namespace {

constexpr std::size_t kQuotedCharsMax = 40;
constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
constexpr std::int64_t kDurationMaxNanos = 100LL * 365 * 24 * 3600 * kNanosPerSecond;

struct Unit {
  std::string_view name;
  std::int64_t nanos;
};
// Longer names first among those with the same beginning.
constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                         {"us", 1'000},
                                         {"\u00b5s", 1'000},
                                         {"ms", 1'000'000},
                                         {"s", kNanosPerSecond},
                                         {"m", 60 * kNanosPerSecond},
                                         {"h", 3600 * kNanosPerSecond},
                                         {"", 0}}};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view TakeDigits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), IsDigit);
  const std::string_view digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

std::optional<std::int64_t> ToNumber(std::string_view digits) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

const Unit& TakeUnit(std::string_view& text) {
  for (const Unit& unit : kUnits) {
    if (!unit.name.empty() && text.starts_with(unit.name)) {
      text.remove_prefix(unit.name.size());
      return unit;
    }
  }
  return kUnits.back();
}

// One "1.5s" of a duration, in nanoseconds.
std::optional<std::int64_t> TakeDurationPart(std::string_view& text) {
  const std::string_view whole = TakeDigits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = TakeDigits(text);
  }
  if ((whole.empty() && fraction.empty()) || whole.size() > 12) return std::nullopt;
  const Unit& unit = TakeUnit(text);
  if (unit.nanos == 0) return std::nullopt;
  const std::int64_t count = ToNumber(whole).value_or(0);
  if (count > kDurationMaxNanos / unit.nanos) return std::nullopt;
  std::int64_t nanos = count * unit.nanos;
  std::int64_t scale = unit.nanos;
  for (const char digit : fraction) {  // digits below a nanosecond add nothing
    scale /= 10;
    nanos += (digit - '0') * scale;
  }
  return nanos;
}

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::optional<std::uint16_t> ToPort(std::string_view text) {
  const std::string_view digits = Trim(text);
  if (digits.empty() || digits.size() > 5) return std::nullopt;
  const std::optional<std::int64_t> number = ToNumber(digits);
  if (!number || *number < 0 || *number > std::numeric_limits<std::uint16_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(*number);
}

bool CanBeReached(const NetAddress& address) {
  if (address.is_v4()) return address.v4() != 0 && (address.v4() >> 28) < 14;
  const bool unspecified = std::all_of(address.ip.begin(), address.ip.end(),
                                       [](std::uint8_t byte) { return byte == 0; });
  return !unspecified && address.ip[0] != 0xff;
}

}  // namespace

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits.push_back(text[i]);
    } else if (i == 0 || i + 1 == text.size() || !IsDigit(text[i - 1]) || !IsDigit(text[i + 1])) {
      return std::nullopt;
    }
  }
  if (digits.empty()) return std::nullopt;
  return ToNumber(digits);
}

std::optional<Duration> ParseDuration(std::string_view text) {
  if (text == "0") return Duration(0);
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    const std::optional<std::int64_t> part = TakeDurationPart(text);
    if (!part) return std::nullopt;
    total += *part;
    if (total > kDurationMaxNanos) return std::nullopt;
  }
  return Duration(total);
}

std::string FormatDuration(Duration duration) {
  const std::int64_t nanos = duration.count();
  if (nanos == 0) return "0";
  for (const std::string_view name : {"h", "m", "s", "ms", "us"}) {
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(),
                                   [&](const Unit& candidate) { return candidate.name == name; });
    if (nanos % unit->nanos == 0) return std::to_string(nanos / unit->nanos) + std::string(name);
  }
  return std::to_string(nanos) + "ns";
}

Result<PortRange, std::string> ParsePortRange(std::string_view text) {
  const std::size_t dash = text.find('-');
  const std::optional<std::uint16_t> first = ToPort(text.substr(0, dash));
  const std::optional<std::uint16_t> last =
      dash == std::string_view::npos ? first : ToPort(text.substr(dash + 1));
  if (!first || !last) {
    return Failure{"a port from 0 to 65535 or a range such as 7882-7892, found " + Quoted(text)};
  }
  if (*last < *first) {
    return Failure{"a range whose end is not below its start, found " + Quoted(text)};
  }
  if (*first == 0 && *last != 0) {
    return Failure{"a range that starts at 1 or above, or 0 alone for any free port, found " +
                   Quoted(text)};
  }
  return PortRange{*first, *last};
}

std::string FormatPortRange(PortRange range) {
  if (range.first == range.last) return std::to_string(range.first);
  return std::to_string(range.first) + "-" + std::to_string(range.last);
}

Result<std::vector<std::string>, std::string> ParseNodeIps(std::string_view text) {
  std::vector<std::string> ips;
  std::string_view rest = text;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::optional<NetAddress> address = NetAddress::Parse(Trim(rest.substr(0, comma)), 0);
    if (!address || !CanBeReached(*address) || ips.size() == limits::kNodeIpsMax) {
      return Failure{
          "the address that clients reach this machine at, such as 192.0.2.7 or "
          "192.0.2.7,2001:db8::7, found " +
          Quoted(text)};
    }
    ips.push_back(address->IpString());
    if (comma == std::string_view::npos) return ips;
    rest.remove_prefix(comma + 1);
  }
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kQuotedCharsMax)) {
    out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c);
  }
  return out + (text.size() > kQuotedCharsMax ? "...\"" : "\"");
}

}  // namespace fovea::app
