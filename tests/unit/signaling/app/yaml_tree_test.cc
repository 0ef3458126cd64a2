#include "signaling/app/yaml_tree.h"

#include <gmock/gmock.h>

#include <string>

#include "sfu/core/limits.h"

namespace fovea::app {
namespace {

using testing::HasSubstr;

std::string ErrorOf(std::string_view text) {
  const auto parsed = ParseYaml(text);
  return parsed.ok() ? "" : parsed.error().message;
}

TEST(YamlTree, KnowsWhereEverythingStood) {
  const auto root = ParseYaml("a: 1\nb:\n  - x\n  - {c: \"7\"}\n");
  ASSERT_TRUE(root.ok());
  ASSERT_EQ(root->entries.size(), 2U);
  EXPECT_EQ(root->entries[1].place, (YamlPlace{2, 1}));
  const YamlNode& list = root->entries[1].value;
  ASSERT_EQ(list.items.size(), 2U);
  EXPECT_EQ(list.items[0].place, (YamlPlace{3, 5}));
  EXPECT_FALSE(list.items[0].quoted);
  EXPECT_EQ(list.items[1].entries[0].value.place, (YamlPlace{4, 9}));
  EXPECT_TRUE(list.items[1].entries[0].value.quoted);
}

TEST(YamlTree, AnEmptyTextIsNull) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "~"}) {
    const auto root = ParseYaml(text);
    ASSERT_TRUE(root.ok()) << text;
    EXPECT_EQ(root->kind, YamlNode::Kind::kNull) << text;
  }
}

TEST(YamlTree, RefusesAKeyGivenTwice) {
  const auto root = ParseYaml("port: 1\nrtc: {}\nport: 2\n");
  ASSERT_FALSE(root.ok());
  EXPECT_EQ(root.error().place, (YamlPlace{3, 1}));
  EXPECT_EQ(root.error().message, "key \"port\" is given twice, first in line 1");
}

TEST(YamlTree, RefusesKeysThatAreNoWords) {
  EXPECT_EQ(ErrorOf("? [a]\n: b\n"), "a key has to be a plain word");
  EXPECT_EQ(ErrorOf("~: b\n"), "a key has to be a plain word");
}

TEST(YamlTree, RefusesASecondDocument) {
  EXPECT_EQ(ErrorOf("a: 1\n---\nb: 2\n"), "a second document; only one is read");
}

TEST(YamlTree, SaysWhatIsNotYaml) {
  EXPECT_THAT(ErrorOf("a: [1, 2\n"), HasSubstr("not YAML: "));
  EXPECT_THAT(ErrorOf("a: *nobody\n"), HasSubstr("not YAML: "));
  EXPECT_THAT(ErrorOf("a: b: c\n"), HasSubstr("not YAML: "));
}

TEST(YamlTree, ReplacesAliasesByWhatTheyName) {
  const auto root = ParseYaml("a: &x {k: v}\nb: *x\n");
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(root->entries[1].value.entries[0].value.text, "v");
  EXPECT_EQ(root->entries[1].value.place, (YamlPlace{2, 4}));
}

TEST(YamlTree, RefusesAnAliasOfItsOwnContainer) {
  EXPECT_EQ(ErrorOf("a: &x [*x]\n"), "an alias inside of what it names");
}

TEST(YamlTree, RefusesAliasesThatMultiply) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'h'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i)
      bomb += std::string(i == 0 ? "" : ",") + "*" + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(ErrorOf(bomb), HasSubstr("too large"));
}

TEST(YamlTree, RefusesALongTextThatAliasesRepeat) {
  std::string bomb = "a: &a " + std::string(200'000, 'x') + "\nb: [";
  for (int i = 0; i < 10; ++i) bomb += "*a, ";
  EXPECT_THAT(ErrorOf(bomb + "0]\n"), HasSubstr("too large"));
}

TEST(YamlTree, RefusesDeepNestingAlsoThroughAliases) {
  EXPECT_EQ(ErrorOf("a:\n- " + std::string(20, '[') + std::string(20, ']')), "nested too deeply");
  EXPECT_EQ(ErrorOf("a: &a [[[[[[[[1]]]]]]]]\nb: [[[[[[[[*a]]]]]]]]\n"), "nested too deeply");
  for (const char c : {'[', '{', '*', '!'}) {
    EXPECT_NE(ErrorOf(std::string(100'000, c)), "") << c;
  }
}

TEST(YamlTree, NestsAsDeepAsItSaysAndNoDeeper) {
  const auto lists = [](std::size_t depth, const std::string& inside) {
    return std::string(depth, '[') + inside + std::string(depth, ']');
  };
  EXPECT_EQ(ErrorOf(lists(limits::kYamlDepthMax, "")), "");
  EXPECT_EQ(ErrorOf(lists(limits::kYamlDepthMax + 1, "")), "nested too deeply");
  // An alias brings its own depth along; the list around both lines is one more.
  constexpr std::size_t kNamed = limits::kYamlDepthMax / 2;
  const std::string named = "- &a " + lists(kNamed, "") + "\n- ";
  EXPECT_EQ(ErrorOf(named + lists(limits::kYamlDepthMax - kNamed - 1, "*a")), "");
  EXPECT_EQ(ErrorOf(named + lists(limits::kYamlDepthMax - kNamed, "*a")), "nested too deeply");
}

TEST(YamlTree, CountsTextAsOftenAsItIsRepeated) {
  // Once where it stands, once for the copy that aliases are made of, and six times by an alias.
  const std::string eighth(limits::kYamlTextBytesMax / 8, 'x');
  std::string most = "- &a " + eighth + "\n";
  for (int i = 0; i < 6; ++i) most += "- *a\n";
  EXPECT_EQ(ErrorOf(most), "");
  EXPECT_THAT(ErrorOf(most + "- x\n"), HasSubstr("too large"));
}

TEST(YamlTree, RefusesHugeFiles) {
  EXPECT_EQ(ErrorOf(std::string(limits::kYamlBytesMax + 1, ' ')), "larger than 256 KiB");
  std::string many;
  for (std::size_t i = 0; i < limits::kYamlNodesMax; ++i) many += "- x\n";
  EXPECT_THAT(ErrorOf(many), HasSubstr("too large"));
}

TEST(YamlTree, SurvivesEveryTruncation) {
  const std::string text =
      "a: &x {k: [1, \"two\", 'three']}\nb: *x\nc: |\n  text\n  more\n? d\n: e\n";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    (void)ParseYaml(std::string_view(text).substr(0, size));
  }
}

}  // namespace
}  // namespace fovea::app
