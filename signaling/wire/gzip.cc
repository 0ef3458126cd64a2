#include "signaling/wire/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace fovea::wire {
namespace {

constexpr std::size_t kFirstGuessBytes = 16 * 1024;
constexpr int kGzipOnly =
    16 + MAX_WBITS;  // zlib's way of saying "gzip header and trailer required"

class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, kGzipOnly) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  [[nodiscard]] bool ready() const { return ready_; }
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

}  // namespace

Result<std::string, GzipError> GzipDecompress(std::string_view compressed, std::size_t bytes_max) {
  Inflater inflater;
  if (!inflater.ready() || compressed.size() > std::numeric_limits<uInt>::max()) {
    return Failure{GzipError::kCorrupt};
  }
  z_stream& stream = inflater.stream();
  // zlib takes a mutable pointer for historical reasons and does not write through it.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());

  std::string out;
  int status = Z_OK;
  while (status == Z_OK) {
    const std::size_t had = out.size();
    // One byte above the limit tells "exactly full" from "too large".
    const std::size_t room = std::min(std::max(had, kFirstGuessBytes), bytes_max + 1 - had);
    out.resize(had + room);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    stream.avail_out = static_cast<uInt>(room);
    status = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    if (out.size() > bytes_max) return Failure{GzipError::kTooLarge};
    const bool starved = stream.avail_in == 0 && stream.avail_out > 0;
    if (status == Z_OK && starved) return Failure{GzipError::kCorrupt};
  }
  if (status != Z_STREAM_END || stream.avail_in != 0) return Failure{GzipError::kCorrupt};
  return out;
}

}  // namespace fovea::wire
