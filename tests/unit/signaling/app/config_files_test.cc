// The files in configs/ are what people copy, so each has to be what it says.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "signaling/app/config_print.h"
#include "signaling/app/config_yaml.h"

namespace fovea::app {
namespace {

using testing::IsEmpty;

std::filesystem::path Folder() { return std::filesystem::path(FOVEA_SOURCE_DIR) / "configs"; }

std::string TextOf(const std::string& name) {
  std::ifstream file(Folder() / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ConfigFiles, EveryOneOfThemLoadsWithoutRemarks) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(Folder())) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string name = entry.path().filename();
    const auto config = LoadConfig(TextOf(name), {.file_name = name});
    ASSERT_TRUE(config.ok()) << config.error().ToString();
    EXPECT_THAT(config->notes, IsEmpty()) << name;
    ++files;
  }
  EXPECT_GE(files, 3);
}

// Commented settings look like "# key: value"; prose has a capital or no colon.
std::string WithSettingsUncommented(const std::string& text) {
  static const std::regex kSetting(R"((^|\n)( *)# ( *(- )?[a-z_0-9]+:( [^\n]*)?)(?=\n))");
  return std::regex_replace(text, kSetting, "$1$2$3");
}

TEST(ConfigFiles, TheExampleShowsTheDefaultsOfEverySetting) {
  const auto example =
      LoadConfig(WithSettingsUncommented(TextOf("example.yaml")), {.file_name = "example.yaml"});
  ASSERT_TRUE(example.ok()) << example.error().ToString();
  Config shown = *example;
  shown.notes.clear();
  // What has no default that could be shown.
  EXPECT_FALSE(shown.keys.empty());
  shown.keys.clear();
  EXPECT_EQ(PrintConfig(shown, Secrets::kShown), PrintConfig(Config{}, Secrets::kShown));
}

TEST(ConfigFiles, TheExampleNamesEverySettingThatIsPrinted) {
  const std::string example = TextOf("example.yaml");
  static const std::regex kKey(R"((^|\n) *(- )?([a-z_0-9]+):)");
  const std::string printed = PrintConfig(Config{}, Secrets::kShown);
  for (std::sregex_iterator match(printed.begin(), printed.end(), kKey), end; match != end;
       ++match) {
    const std::string key = (*match)[3];
    EXPECT_TRUE(std::regex_search(example, std::regex("\\b" + key + ":"))) << key;
  }
}

TEST(ConfigFiles, TheDevelopmentFileIsForThisMachineOnly) {
  const auto config = LoadConfig(TextOf("dev.yaml"), {.file_name = "dev.yaml"});
  ASSERT_TRUE(config.ok());
  EXPECT_TRUE(config->development);
  for (const std::string& address : config->bind_addresses) {
    EXPECT_TRUE(address.starts_with("127.") || address == "::1") << address;
  }
}

}  // namespace
}  // namespace fovea::app
