#include "signaling/app/surroundings.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "sfu/core/limits.h"
#include "sfu/crypto/secret.h"
#include "sfu/io/system_clock.h"

namespace fovea::app {
namespace {

Result<FileText, std::string> ReadFile(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  struct stat status {};
  if (file == nullptr || fstat(fileno(file.get()), &status) != 0) {
    return Failure{std::string(std::strerror(errno))};
  }
  if (S_ISDIR(status.st_mode)) return Failure{std::string("it is a directory")};
  FileText out;
  out.others_may_read = (status.st_mode & S_IROTH) != 0;
  char buffer[4096];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, file.get())) {
    out.text.append(buffer, got);
    if (out.text.size() > limits::kFileBytesMax)
      return Failure{std::string("it is larger than 1 MiB")};
  }
  if (std::ferror(file.get()) != 0) return Failure{std::string("reading failed")};
  return out;
}

std::optional<std::string> WriteFile(const std::string& path, const std::string& text,
                                     bool replace) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL);
  const int fd = open(path.c_str(), flags, S_IRUSR | S_IWUSR);
  if (fd < 0 && errno == EEXIST) return std::string("it exists; --force writes over it");
  if (fd < 0) return std::string(std::strerror(errno));
  std::FILE* file = fdopen(fd, "wb");
  const bool is_written = std::fwrite(text.data(), 1, text.size(), file) == text.size() &&
                          fchmod(fd, S_IRUSR | S_IWUSR) == 0;
  const int reason = errno;
  if (std::fclose(file) == 0 && is_written) return std::nullopt;
  return std::string(std::strerror(reason));
}

}  // namespace

Surroundings RealSurroundings() {
  Surroundings real;
  real.variable = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): see the header
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
  real.read_file = ReadFile;
  real.write_file = WriteFile;
  real.random_bytes = [](MutableByteSpan out) { crypto::RandomBytes(out); };
  real.now_unix = io::WallNow().value / 1'000'000;
  return real;
}

}  // namespace fovea::app
