#include "signaling/app/page.h"

#include <gmock/gmock.h>

#include <string>

#include "sfu/core/limits.h"
#include "tests/unit/signaling/app/temp_folder.h"

namespace fovea::app {
namespace {

using testing::HasSubstr;

std::string ErrorOf(const std::string& directory) {
  const auto page = Page::Load(directory);
  return page.ok() ? "" : page.error();
}

TEST(Page, IsNoneWithoutItsFirstFile) {
  const TempFolder folder;
  folder.MakeFile("page.js");
  EXPECT_THAT(ErrorOf(folder.path()), HasSubstr("no index.html"));
  EXPECT_THAT(ErrorOf(folder.path() + "/none"), HasSubstr("cannot read"));
}

TEST(Page, PassesOverWhatIsLargerThanAnyFileOfIts) {
  const TempFolder folder;
  folder.MakeFile("index.html");
  folder.MakeFile("most.js", limits::kPageFileBytesMax);
  folder.MakeFile("more.js", limits::kPageFileBytesMax + 1);
  const auto page = Page::Load(folder.path());
  ASSERT_TRUE(page.ok()) << page.error();
  ASSERT_TRUE(page->Get("most.js").has_value());
  EXPECT_EQ(page->Get("most.js")->body.size(), limits::kPageFileBytesMax);
  EXPECT_FALSE(page->Get("more.js").has_value());
}

TEST(Page, IsNoFolderWithMoreFilesThanItCanHave) {
  const TempFolder folder;
  folder.MakeFile("index.html");
  for (std::size_t i = 1; i < limits::kPageFilesMax; ++i) folder.MakeFile(std::to_string(i));
  EXPECT_EQ(ErrorOf(folder.path()), "");
  folder.MakeFile("one more");
  EXPECT_THAT(ErrorOf(folder.path()), HasSubstr("too many files"));
}

}  // namespace
}  // namespace fovea::app
