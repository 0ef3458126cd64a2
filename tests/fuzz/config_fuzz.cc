// fuzz-deps: signaling_app
// LoadConfig on arbitrary text, strict and not: never crashes, a mistake always has words, and what
// is accepted survives printing and reading.
#include <cstddef>
#include <cstdint>
#include <string>

#include "sfu/core/check.h"
#include "signaling/app/config_print.h"
#include "signaling/app/config_values.h"
#include "signaling/app/config_yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using fovea::app::LoadConfig;
  using fovea::app::PrintConfig;
  using fovea::app::Secrets;
  const std::string text(data, data + size);
  fovea::app::ConfigPlaces places;
  (void)fovea::app::LoadKeys(text, "keys", places);
  if (const auto duration = fovea::app::ParseDuration(text)) {
    FOVEA_CHECK(fovea::app::ParseDuration(fovea::app::FormatDuration(*duration)) == duration);
  }
  (void)fovea::app::ParsePortRange(text);
  (void)fovea::app::ParseNodeIps(text);

  const auto strict = LoadConfig(text, {.file_name = "f"});
  if (!strict.ok()) FOVEA_CHECK(!strict.error().message.empty());
  const auto config = LoadConfig(text, {.file_name = "f", .strict = false});
  FOVEA_CHECK(config.ok() || !strict.ok());
  if (!config.ok()) return 0;
  fovea::app::Config plain = *config;
  plain.notes.clear();
  const std::string printed = PrintConfig(plain, Secrets::kShown);
  auto again = LoadConfig(printed, {.file_name = "f"});
  FOVEA_CHECK(again.ok());
  again->notes.clear();
  FOVEA_CHECK(PrintConfig(*again, Secrets::kShown) == printed);
  return 0;
}
