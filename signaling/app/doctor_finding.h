// What `fovea doctor` found out: one finding for each check, and how a list of them is shown.
// Thread: plain values and pure functions, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace fovea::app {

// kWarn: calls work for most; kFail: they do not, or not for long; kSkip: could not be looked at.
enum class Verdict { kPass, kWarn, kFail, kSkip };
[[nodiscard]] std::string_view ToString(Verdict verdict);

struct Finding {
  std::string check;  // short and stable: scripts look for it
  Verdict verdict = Verdict::kPass;
  std::string observed;
  std::string fix = {};  // what to do, word for word; empty if there is nothing to do
};

[[nodiscard]] bool HasFailure(std::span<const Finding> findings);
// For people: a line for each finding behind a mark (✓ passed, ! warned, ✗ failed, – skipped), its
// fix below, and the sum at the end. What servers said cannot steer the terminal.
[[nodiscard]] std::string FindingsText(std::span<const Finding> findings);
// An array of {check, verdict, observed, fix}.
[[nodiscard]] std::string FindingsJson(std::span<const Finding> findings);

}  // namespace fovea::app
