// The version of this program; CMakeLists.txt has the same, which a test compares.
#pragma once

namespace fovea::app {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace fovea::app
