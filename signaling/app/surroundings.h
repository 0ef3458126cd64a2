// What the command line takes from outside of its arguments, as values and functions, so that tests
// can hand it any machine. Thread: the one that parses the command line, before others start.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sfu/core/bytes.h"
#include "sfu/core/result.h"

namespace fovea::app {

struct FileText {
  std::string text;
  bool others_may_read = false;  // every user of the machine; a secret should not be there
};

struct Surroundings {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  // The error is the system's reason, without the path.
  std::function<Result<FileText, std::string>(const std::string& path)> read_file;
  // A new file that only its owner may read; over an old one if `replace`. The error as above.
  std::function<std::optional<std::string>(const std::string& path, const std::string& text,
                                           bool replace)>
      write_file;
  std::function<void(MutableByteSpan)> random_bytes;  // secrets
  std::int64_t now_unix = 0;
};

// This process's environment, files, clock and random source.
[[nodiscard]] Surroundings RealSurroundings();

}  // namespace fovea::app
