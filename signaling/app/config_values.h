// The small languages inside configuration values and flags: durations, port ranges, node
// addresses. Errors are phrases that follow "expected ", for the caller to put a place and a name
// before. Thread: pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/result.h"
#include "sfu/core/time.h"
#include "signaling/app/config.h"

namespace fovea::app {

// Digits with optional underscores between them ("1_000"), with an optional minus sign.
[[nodiscard]] std::optional<std::int64_t> ParseInteger(std::string_view text);

// Go's notation, which LiveKit's files use: "400ms", "1.5s", "1h30m", "0". Nothing when a unit is
// missing, for negative values and beyond 100 years.
[[nodiscard]] std::optional<Duration> ParseDuration(std::string_view text);
// What ParseDuration reads back, in the largest unit that needs no fraction.
[[nodiscard]] std::string FormatDuration(Duration duration);

// "7882" or "7882-7892".
[[nodiscard]] Result<PortRange, std::string> ParsePortRange(std::string_view text);
[[nodiscard]] std::string FormatPortRange(PortRange range);

// "192.0.2.7", "2001:db8::7", or several with commas between them.
[[nodiscard]] Result<std::vector<std::string>, std::string> ParseNodeIps(std::string_view text);

// Text that goes into an error message: one line, printable, at most 40 characters, in quotes.
[[nodiscard]] std::string Quoted(std::string_view text);

}  // namespace fovea::app
