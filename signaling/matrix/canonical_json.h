// Canonical JSON: one text per value, so that hashes of it can be compared. Matrix specification,
// appendix "Canonical JSON". Thread: pure functions, any thread.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace fovea::matrix {

// Keys sorted, no spaces, only what must be escaped escaped, UTF-8. Nothing for a value that has no
// canonical form: a fraction, an integer beyond 2^53 - 1, or text that is not UTF-8.
[[nodiscard]] std::optional<std::string> CanonicalJson(const nlohmann::json& value);

// The canonical array of these texts. Text that is not UTF-8 gets U+FFFD in its place.
[[nodiscard]] std::string CanonicalArray(std::initializer_list<std::string_view> texts);

}  // namespace fovea::matrix
