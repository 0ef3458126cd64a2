// The command line: what the arguments ask for, and doing it. Everything except serving is a text
// to print and an exit code. Thread: main, before others start.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <variant>

#include "signaling/app/config.h"
#include "signaling/app/surroundings.h"

namespace fovea::app {

// 0: done; 1: it did not work (wrong configuration, cannot listen); 2: the arguments are wrong.
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

struct Reply {
  int exit_code = 0;
  std::string out;  // for stdout
  std::string err;  // for stderr
};

// A Config is to be served.
using Action = std::variant<Config, Reply>;

// `args` without the program's name. As with LiveKit's server, flags without a command serve.
[[nodiscard]] Action ParseCommandLine(std::span<const std::string> args,
                                      const Surroundings& surroundings);

// main(): parses, then prints or calls `serve`; the result is the exit code.
[[nodiscard]] int RunCommand(int argc, const char* const* argv,
                             const std::function<int(Config)>& serve);

}  // namespace fovea::app
