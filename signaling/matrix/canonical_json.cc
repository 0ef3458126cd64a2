#include "signaling/matrix/canonical_json.h"

#include <algorithm>
#include <cstdint>

#include "signaling/wire/json.h"

namespace fovea::matrix {
namespace {

using nlohmann::json;

constexpr std::int64_t kIntegerMax = (std::int64_t{1} << 53) - 1;

bool HasCanonicalForm(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
    case json::value_t::boolean:
    case json::value_t::string:
      return true;
    case json::value_t::number_integer: {
      const auto number = value.get<std::int64_t>();
      return number >= -kIntegerMax && number <= kIntegerMax;
    }
    case json::value_t::number_unsigned:
      return value.get<std::uint64_t>() <= static_cast<std::uint64_t>(kIntegerMax);
    case json::value_t::array:
    case json::value_t::object:
      return std::all_of(value.begin(), value.end(), HasCanonicalForm);
    case json::value_t::number_float:
    case json::value_t::binary:
    case json::value_t::discarded:
      return false;
  }
  return false;
}

}  // namespace

// The library keeps object keys in a std::map, so in byte order, which for UTF-8 is the order of
// code points; and it escapes exactly the quote, the backslash and control characters.
std::optional<std::string> CanonicalJson(const json& value) {
  if (!HasCanonicalForm(value)) return std::nullopt;
  std::string text = wire::DumpJson(value);
  // The writer replaces what is not UTF-8: reading it back then gives another value.
  if (wire::ParseJson(text) != value) return std::nullopt;
  return text;
}

std::string CanonicalArray(std::initializer_list<std::string_view> texts) {
  json array = json::array();
  for (const std::string_view text : texts) array.emplace_back(std::string(text));
  return wire::DumpJson(array);
}

}  // namespace fovea::matrix
