// Reading one map of a configuration file key by key, so that every value is checked, every mistake
// has a place, and what nobody asked for is found. Thread: plain objects, any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "sfu/core/time.h"
#include "signaling/app/config_error.h"
#include "signaling/app/yaml_tree.h"

namespace fovea::app {

// What reading a file came to: the first mistake in the order of the file, and remarks.
class ConfigFindings {
 public:
  ConfigFindings(std::string file, bool strict) : file_(std::move(file)), strict_(strict) {}

  void Error(YamlPlace place, std::string message);
  void Note(YamlPlace place, std::string message);
  void UnknownKey(YamlPlace place, std::string message);  // an error, or a note if not strict

  [[nodiscard]] ConfigPlace In(YamlPlace place) const { return {file_, place.line, place.column}; }
  [[nodiscard]] const std::optional<ConfigError>& error() const { return error_; }
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  const std::string file_;
  const bool strict_;
  std::optional<ConfigError> error_;
  std::vector<std::string> notes_;
};

struct IntRange {
  std::int64_t min = 0;
  std::int64_t max = 0;
};
inline constexpr IntRange kPortRange = {0, 65535};
inline constexpr IntRange kUint32Range = {0, std::numeric_limits<std::uint32_t>::max()};

// One map. Readers leave `out` alone where the key is absent, null or wrong; wrong is an error in
// the findings. REQUIRES: Finish() is called once, after every key that the map may have was named
// to one of the other methods.
class Section {
 public:
  // `path` names the map in messages ("rtc"; empty for the whole file). Null reads like an empty
  // map, as does anything that is no map, which is an error too.
  Section(const YamlNode* node, std::string path, ConfigFindings& findings);

  void Bool(std::string_view key, bool& out);
  template <class Int>
  void Integer(std::string_view key, Int& out, IntRange range) {
    static_assert(std::is_integral_v<Int>);
    if (const auto value = ReadInteger(key, range)) out = static_cast<Int>(*value);
  }
  void Text(std::string_view key, std::string& out);
  void TextList(std::string_view key, std::vector<std::string>& out);
  void Time(std::string_view key, Duration& out, Duration min, Duration max);
  // The map under `key`. An absent one reads like an empty one.
  [[nodiscard]] Section Map(std::string_view key);
  // Anything, for the caller to read; nothing where absent or null.
  [[nodiscard]] const YamlNode* Any(std::string_view key);

  // Keys that LiveKit has and Fovea makes no use of. A note says so where they ask for something:
  // not for 0, -1, false, "" and empty lists.
  void Unused(std::initializer_list<std::string_view> keys, std::string_view why);
  // The same in one note for all of them.
  void UnusedTogether(std::initializer_list<std::string_view> keys, std::string_view why);
  // Keys whose presence is explained by another note.
  void Ignored(std::initializer_list<std::string_view> keys);
  // A switch that always stands at `value` here; a note says why where the file wants it otherwise.
  void Always(std::string_view key, bool value, std::string_view why);

  // Reports the keys that were not named.
  void Finish();

  [[nodiscard]] std::string PathOf(std::string_view key) const;
  // Puts where `key` stands into `places`, if it does.
  void Locate(std::string_view key, ConfigPlaces& places) const;
  void Error(const YamlNode& at, std::string_view key, std::string_view expected);
  [[nodiscard]] ConfigFindings& findings() { return findings_; }

 private:
  [[nodiscard]] std::optional<std::int64_t> ReadInteger(std::string_view key, IntRange range);
  [[nodiscard]] std::optional<bool> ReadBool(std::string_view key);
  [[nodiscard]] const YamlEntry* Find(std::string_view key) const;

  const YamlNode* const node_;  // a map, or null for an empty one
  const std::string path_;
  ConfigFindings& findings_;
  std::vector<std::string> known_;
};

// "a map", "nothing", "\"abc\"": what stands there, for after "found ".
[[nodiscard]] std::string Describe(const YamlNode& node);

}  // namespace fovea::app
