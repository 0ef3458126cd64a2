#include "signaling/matrix/json_scan.h"

#include <algorithm>

namespace fovea::matrix {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

// The index behind the string that begins at `start`.
std::optional<std::size_t> EndOfString(std::string_view text, std::size_t start) {
  for (std::size_t i = start + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return std::nullopt;
}

// The index behind the object or array that begins at `start`. Depth is a number here, not a
// stack: the closing bracket of the wrong kind is left for the parser to find.
std::optional<std::size_t> EndOfNest(std::string_view text, std::size_t start) {
  std::size_t depth = 0;
  for (std::size_t i = start; i < text.size();) {
    const char c = text[i];
    if (c == '"') {
      const auto end = EndOfString(text, i);
      if (!end) return std::nullopt;
      i = *end;
      continue;
    }
    ++i;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return i;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> TakeJsonValue(std::string_view text) {
  const std::size_t start = text.find_first_not_of(kSpace);
  if (start == std::string_view::npos) return std::nullopt;
  const char c = text[start];
  std::optional<std::size_t> end;
  if (c == '"') {
    end = EndOfString(text, start);
  } else if (c == '{' || c == '[') {
    end = EndOfNest(text, start);
  } else {
    end = std::min(text.find_first_of(" \t\r\n,]}", start), text.size());
    if (*end == start) return std::nullopt;
  }
  if (!end) return std::nullopt;
  return text.substr(start, *end - start);
}

JsonWalk::JsonWalk(std::string_view text) : rest_(text) {
  SkipSpace();
  if (rest_.empty() || (rest_.front() != '{' && rest_.front() != '[')) {
    failed_ = true;
    return;
  }
  is_object_ = rest_.front() == '{';
  rest_.remove_prefix(1);
}

void JsonWalk::SkipSpace() {
  const std::size_t start = rest_.find_first_not_of(kSpace);
  rest_.remove_prefix(start == std::string_view::npos ? rest_.size() : start);
}

std::optional<JsonWalk::Item> JsonWalk::Fail() {
  failed_ = true;
  return std::nullopt;
}

std::optional<JsonWalk::Item> JsonWalk::Next() {
  if (failed_ || done_) return std::nullopt;
  SkipSpace();
  if (rest_.empty()) return Fail();
  if (rest_.front() == (is_object_ ? '}' : ']')) {
    done_ = true;
    return std::nullopt;
  }
  if (!first_) {
    if (rest_.front() != ',') return Fail();
    rest_.remove_prefix(1);
    SkipSpace();
  }
  first_ = false;
  Item item;
  if (is_object_) {
    if (rest_.empty() || rest_.front() != '"') return Fail();
    const auto key = TakeJsonValue(rest_);
    if (!key) return Fail();
    item.key = key->substr(1, key->size() - 2);
    rest_.remove_prefix(key->size());
    SkipSpace();
    if (rest_.empty() || rest_.front() != ':') return Fail();
    rest_.remove_prefix(1);
  }
  const auto value = TakeJsonValue(rest_);
  if (!value) return Fail();
  item.value = *value;
  rest_ = rest_.substr(static_cast<std::size_t>(value->data() - rest_.data()) + value->size());
  return item;
}

std::optional<std::string_view> JsonMember(std::string_view object, std::string_view key) {
  JsonWalk walk(object);
  if (!walk.is_object()) return std::nullopt;
  while (const auto item = walk.Next()) {
    if (item->key == key) return item->value;
  }
  return std::nullopt;
}

std::optional<std::string_view> PlainString(std::string_view value) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::nullopt;
  value.remove_prefix(1);
  value.remove_suffix(1);
  if (value.find('\\') != std::string_view::npos) return std::nullopt;
  return value;
}

}  // namespace fovea::matrix
