#include "signaling/app/config_section.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/app/config_values.h"

namespace fovea::app {
namespace {

// Levenshtein distance, with two swapped neighbours as one step.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

// The key that was probably meant, or nothing.
std::optional<std::string> Nearest(std::string_view key, const std::vector<std::string>& known) {
  constexpr std::size_t kKeyCharsMax = 64;  // longer ones are no slip of the finger
  if (key.size() > kKeyCharsMax) return std::nullopt;
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(1, key.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = EditDistance(key, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string Joined(std::vector<std::string> words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// Whether a value asks for nothing: empty, off, zero.
bool IsOff(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) return true;
  if (node.kind == YamlNode::Kind::kScalar) {
    return node.text.empty() || node.text == "0" || node.text == "-1" || node.text == "false";
  }
  return std::all_of(node.items.begin(), node.items.end(), IsOff) &&
         std::all_of(node.entries.begin(), node.entries.end(),
                     [](const YamlEntry& entry) { return IsOff(entry.value); });
}

std::string Lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

}  // namespace

void ForgetKeys(ConfigPlaces& places) {
  std::erase_if(places, [](const auto& entry) {
    return entry.first == "keys" || entry.first.starts_with("keys.");
  });
}

std::string ConfigError::ToString() const {
  std::string out = file;
  if (line > 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
  return out.empty() ? message : out + ": " + message;
}

void ConfigFindings::Error(YamlPlace place, std::string message) {
  if (error_ && YamlPlace{error_->line, error_->column} <= place) return;
  error_ = ConfigError{file_, place.line, place.column, std::move(message)};
}

void ConfigFindings::Note(YamlPlace place, std::string message) {
  if (notes_.size() >= limits::kConfigNotesMax) return;
  notes_.push_back(ConfigError{file_, place.line, place.column, std::move(message)}.ToString());
}

void ConfigFindings::UnknownKey(YamlPlace place, std::string message) {
  if (strict_) {
    Error(place, std::move(message));
  } else {
    Note(place, std::move(message));
  }
}

std::string Describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return Quoted(node.text);
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "nothing";
}

Section::Section(const YamlNode* node, std::string path, ConfigFindings& findings)
    : node_(node != nullptr && node->kind == YamlNode::Kind::kMap ? node : nullptr),
      path_(std::move(path)),
      findings_(findings) {
  if (node == nullptr || node_ == node || node->kind == YamlNode::Kind::kNull) return;
  findings_.Error(node->place, (path_.empty() ? std::string() : path_ + ": ") +
                                   "expected a map of settings, found " + Describe(*node));
}

std::string Section::PathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void Section::Error(const YamlNode& at, std::string_view key, std::string_view expected) {
  findings_.Error(at.place, PathOf(key) + ": expected " + std::string(expected));
}

void Section::Locate(std::string_view key, ConfigPlaces& places) const {
  if (const YamlEntry* entry = Find(key)) places[PathOf(key)] = findings_.In(entry->place);
}

const YamlEntry* Section::Find(std::string_view key) const {
  if (node_ == nullptr) return nullptr;
  const auto found = std::find_if(node_->entries.begin(), node_->entries.end(),
                                  [&](const YamlEntry& entry) { return entry.key == key; });
  return found == node_->entries.end() ? nullptr : &*found;
}

const YamlNode* Section::Any(std::string_view key) {
  known_.emplace_back(key);
  const YamlEntry* entry = Find(key);
  if (entry == nullptr || entry->value.kind == YamlNode::Kind::kNull) return nullptr;
  return &entry->value;
}

std::optional<bool> Section::ReadBool(std::string_view key) {
  const YamlNode* value = Any(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind == YamlNode::Kind::kScalar && !value->quoted) {
    const std::string word = Lowered(value->text);
    if (word == "true" || word == "yes" || word == "on") return true;
    if (word == "false" || word == "no" || word == "off") return false;
  }
  Error(*value, key,
        "true or false" + std::string(value->quoted ? " without quotes" : "") + ", found " +
            Describe(*value));
  return std::nullopt;
}

void Section::Bool(std::string_view key, bool& out) {
  if (const std::optional<bool> value = ReadBool(key)) out = *value;
}

std::optional<std::int64_t> Section::ReadInteger(std::string_view key, IntRange range) {
  const YamlNode* value = Any(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind == YamlNode::Kind::kScalar && !value->quoted) {
    const std::optional<std::int64_t> number = ParseInteger(value->text);
    if (number && *number >= range.min && *number <= range.max) return number;
  }
  Error(*value, key,
        "a whole number from " + std::to_string(range.min) + " to " + std::to_string(range.max) +
            (value->quoted ? " without quotes" : "") + ", found " + Describe(*value));
  return std::nullopt;
}

void Section::Text(std::string_view key, std::string& out) {
  const YamlNode* value = Any(key);
  if (value == nullptr) return;
  if (value->kind != YamlNode::Kind::kScalar) {
    Error(*value, key, "text, found " + Describe(*value));
    return;
  }
  out = value->text;
}

void Section::TextList(std::string_view key, std::vector<std::string>& out) {
  const YamlNode* value = Any(key);
  if (value == nullptr) return;
  const bool texts = value->kind == YamlNode::Kind::kList &&
                     std::all_of(value->items.begin(), value->items.end(), [](const YamlNode& i) {
                       return i.kind == YamlNode::Kind::kScalar;
                     });
  if (!texts) {
    Error(*value, key, "a list of texts, found " + Describe(*value));
    return;
  }
  out.clear();
  for (const YamlNode& item : value->items) out.push_back(item.text);
}

void Section::Time(std::string_view key, Duration& out, Duration min, Duration max) {
  const YamlNode* value = Any(key);
  if (value == nullptr) return;
  if (value->kind == YamlNode::Kind::kScalar) {
    const std::optional<Duration> duration = ParseDuration(value->text);
    if (duration && *duration >= min && *duration <= max) {
      out = *duration;
      return;
    }
  }
  Error(*value, key,
        "a duration from " + FormatDuration(min) + " to " + FormatDuration(max) +
            " with its unit (ms, s, m, h), found " + Describe(*value));
}

Section Section::Map(std::string_view key) { return {Any(key), PathOf(key), findings_}; }

void Section::Unused(std::initializer_list<std::string_view> keys, std::string_view why) {
  for (const std::string_view key : keys) {
    const YamlNode* value = Any(key);
    if (value == nullptr || IsOff(*value)) continue;
    findings_.Note(Find(key)->place, PathOf(key) + " is accepted, not used: " + std::string(why));
  }
}

void Section::UnusedTogether(std::initializer_list<std::string_view> keys, std::string_view why) {
  std::optional<YamlPlace> first;
  std::string names;
  for (const std::string_view key : keys) {
    const YamlNode* value = Any(key);
    if (value == nullptr || IsOff(*value)) continue;
    const YamlPlace place = Find(key)->place;
    if (!first || place < *first) first = place;
    names += (names.empty() ? "" : ", ") + PathOf(key);
  }
  if (!first) return;
  findings_.Note(*first, names + (names.find(',') == std::string::npos ? " is" : " are") +
                             " accepted, not used: " + std::string(why));
}

void Section::Ignored(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) known_.emplace_back(key);
}

void Section::Always(std::string_view key, bool value, std::string_view why) {
  const std::optional<bool> wanted = ReadBool(key);
  if (!wanted || *wanted == value) return;
  findings_.Note(Find(key)->place, PathOf(key) + " is accepted, not used: " + std::string(why));
}

void Section::Finish() {
  if (node_ == nullptr) return;
  for (const YamlEntry& entry : node_->entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    std::string message = "unknown key " + Quoted(entry.key);
    if (!path_.empty()) message += " in " + path_;
    if (const std::optional<std::string> near = Nearest(entry.key, known_)) {
      message += "; did you mean " + Quoted(*near) + "?";
    } else {
      message += "; allowed are: " + Joined(known_);
    }
    findings_.UnknownKey(entry.place, std::move(message));
  }
}

}  // namespace fovea::app
