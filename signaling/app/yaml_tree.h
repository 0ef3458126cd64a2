// A YAML document as a tree that remembers where everything stood, within bounds that hold for
// anything that is fed to it. yaml-cpp reads the text; its own nodes are not used because aliases
// make them exponential and duplicate keys vanish in them. Thread: plain values, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/result.h"

namespace fovea::app {

struct YamlPlace {
  int line = 1;  // both count from 1; columns are characters
  int column = 1;
  auto operator<=>(const YamlPlace&) const = default;
};

struct YamlEntry;

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  YamlPlace place;
  std::string text;     // of a scalar
  bool quoted = false;  // "7" is text where 7 is a number
  std::vector<YamlNode> items;
  std::vector<YamlEntry> entries;  // in the order of the file; keys are unique
};

struct YamlEntry {
  std::string key;
  YamlPlace place;
  YamlNode value;
};

struct YamlError {
  YamlPlace place;
  std::string message;
};

// The one document in `text`; an empty text is a null node. Keys have to be scalars.
[[nodiscard]] Result<YamlNode, YamlError> ParseYaml(std::string_view text);

}  // namespace fovea::app
