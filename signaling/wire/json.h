// JSON with bounded nesting. Thread: pure functions, any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace fovea::wire {

// Nothing for malformed text, or text nested deeper than kJsonDepthMax. Never throws.
[[nodiscard]] std::optional<nlohmann::json> ParseJson(std::string_view text);

// Compact. Invalid UTF-8 becomes U+FFFD instead of an exception.
[[nodiscard]] std::string DumpJson(const nlohmann::json& value);

}  // namespace fovea::wire
