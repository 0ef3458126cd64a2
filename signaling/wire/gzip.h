// Bounded gzip decompression, RFC 1952. Thread: pure function, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sfu/core/result.h"

namespace fovea::wire {

enum class GzipError { kCorrupt, kTooLarge };

// Decompresses exactly one gzip member. Never holds more than `bytes_max` of output, so a small
// input that would expand a thousandfold costs no more than a plain one. Bytes behind the member
// and a member that ends early are kCorrupt.
[[nodiscard]] Result<std::string, GzipError> GzipDecompress(std::string_view compressed,
                                                            std::size_t bytes_max);

}  // namespace fovea::wire
