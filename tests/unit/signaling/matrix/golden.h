// The JSON files of tests/golden/matrix, and events made of them.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "signaling/matrix/event.h"

namespace fovea::matrix::test {

inline std::string Golden(const std::string& name) {
  std::ifstream file(std::string(FOVEA_SOURCE_DIR) + "/tests/golden/matrix/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

inline Event GoldenEvent(const std::string& name) {
  auto event = ParseEvent(Golden(name));
  EXPECT_TRUE(event.ok()) << name;
  return event.ok() ? *event : Event{};
}

}  // namespace fovea::matrix::test
