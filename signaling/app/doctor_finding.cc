#include "signaling/app/doctor_finding.h"

#include <algorithm>
#include <array>

#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

const char* MarkOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "✓";
    case Verdict::kWarn:
      return "!";
    case Verdict::kFail:
      return "✗";
    case Verdict::kSkip:
      return "–";
  }
  return "";
}

// Servers choose part of the text: no escape sequence of theirs reaches the terminal.
std::string Harmless(std::string text) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n') || byte == 0x7f) c = '?';
  }
  return text;
}

// `text` behind an arrow, with every further line below the first.
std::string Indented(const std::string& text, std::size_t columns) {
  const std::string indent(columns, ' ');
  std::string out = indent + "→ ";
  for (const char c : text) {
    out.push_back(c);
    if (c == '\n') out += indent + "  ";
  }
  return out + "\n";
}

}  // namespace

std::string_view ToString(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kWarn:
      return "warn";
    case Verdict::kFail:
      return "fail";
    case Verdict::kSkip:
      return "skip";
  }
  return "";
}

bool HasFailure(std::span<const Finding> findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.verdict == Verdict::kFail; });
}

std::string FindingsText(std::span<const Finding> findings) {
  std::size_t widest = 0;
  for (const Finding& finding : findings) widest = std::max(widest, finding.check.size());
  std::string out;
  std::array<std::size_t, 4> counts{};
  for (const Finding& finding : findings) {
    ++counts[static_cast<std::size_t>(finding.verdict)];
    std::string check = finding.check;
    check.resize(widest, ' ');
    out += std::string(MarkOf(finding.verdict)) + " " + check + "  " + finding.observed + "\n";
    if (!finding.fix.empty()) out += Indented(finding.fix, widest + 4);
  }
  return Harmless(out) + "\n" + std::to_string(counts[0]) + " passed, " +
         std::to_string(counts[1]) + " warned, " + std::to_string(counts[2]) + " failed, " +
         std::to_string(counts[3]) + " skipped\n";
}

std::string FindingsJson(std::span<const Finding> findings) {
  nlohmann::json out = nlohmann::json::array();
  for (const Finding& finding : findings) {
    nlohmann::json entry;
    entry["check"] = finding.check;
    entry["verdict"] = std::string(ToString(finding.verdict));
    entry["observed"] = finding.observed;
    entry["fix"] = finding.fix;
    out.push_back(std::move(entry));
  }
  return wire::DumpJson(out) + "\n";
}

}  // namespace fovea::app
