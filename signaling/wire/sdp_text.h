// Cutting SDP lines into tokens; used by the SDP parser only. Thread: any; pure functions.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace fovea::wire::sdp_text {

// Takes the text before the first `separator` off the front of `rest`, and the separator with it.
[[nodiscard]] inline std::string_view Cut(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view head = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
  return head;
}

// The next word of `rest`; runs of spaces count as one. Empty at the end.
[[nodiscard]] inline std::string_view Word(std::string_view& rest) {
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  return Cut(rest, ' ');
}

[[nodiscard]] inline std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// The whole of `text` as a decimal number that fits T; nothing else around it.
template <class T>
[[nodiscard]] std::optional<T> Number(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

[[nodiscard]] inline char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] inline bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

}  // namespace fovea::wire::sdp_text
