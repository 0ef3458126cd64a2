#include "signaling/app/surroundings.h"

#include <gtest/gtest.h>

#include "sfu/core/limits.h"
#include "tests/unit/signaling/app/temp_folder.h"

namespace fovea::app {
namespace {

TEST(RealSurroundings, ReadNoFileThatIsLargerThanAnySettingNames) {
  const TempFolder folder;
  const Surroundings real = RealSurroundings();
  const auto most = real.read_file(folder.MakeFile("most", limits::kFileBytesMax));
  ASSERT_TRUE(most.ok()) << most.error();
  EXPECT_EQ(most->text.size(), limits::kFileBytesMax);
  const auto more = real.read_file(folder.MakeFile("more", limits::kFileBytesMax + 1));
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error(), "it is larger than 1 MiB");
}

TEST(RealSurroundings, ReadNoFolder) {
  const TempFolder folder;
  const Surroundings real = RealSurroundings();
  EXPECT_EQ(real.read_file(folder.path()).error(), "it is a directory");
  EXPECT_FALSE(real.read_file(folder.path() + "/none").ok());
}

}  // namespace
}  // namespace fovea::app
