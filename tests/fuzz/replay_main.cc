// Runs a fuzz body over every file of the folders named on the command line, so that what a fuzzer
// once found stays found in ordinary builds. libFuzzer executables have a main of their own.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::filesystem::path> FilesIn(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  if (!std::filesystem::is_directory(folder)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  // The order of a folder is not the same everywhere; a failure has to be.
  std::sort(files.begin(), files.end());
  return files;
}

bool Replay(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad()) return false;
  // A copy of exactly this size: AddressSanitizer then sees a read one byte past the end.
  const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
  // libFuzzer never passes null, so bodies need not expect it.
  const std::uint8_t nothing = 0;
  LLVMFuzzerTestOneInput(input.empty() ? &nothing : input.data(), input.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t replayed = 0;
  for (int i = 1; i < argc; ++i) {
    for (const std::filesystem::path& file : FilesIn(argv[i])) {
      // Before the run, so that the last line of a crash names its input.
      std::fprintf(stderr, "%s\n", file.c_str());
      if (!Replay(file)) return 1;
      ++replayed;
    }
  }
  if (replayed == 0) {
    std::fprintf(stderr, "error: no seeds. Put small inputs with telling names into the folder.\n");
    return 1;
  }
  std::fprintf(stderr, "%zu inputs replayed\n", replayed);
  return 0;
}
