// A folder of its own for one test, gone with it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace fovea::app {

class TempFolder {
 public:
  TempFolder() {
    std::string name = testing::TempDir() + "fovea-test-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  // A file of this many zeros, which takes no room on the disk. Returns its path.
  std::string MakeFile(const std::string& name, std::uintmax_t bytes = 0) const {
    const std::string path = path_ + "/" + name;
    std::ofstream(path).flush();
    std::filesystem::resize_file(path, bytes);
    return path;
  }

 private:
  std::string path_;
};

}  // namespace fovea::app
