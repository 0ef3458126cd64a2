// Bounded big-endian reader and writer. Reading past the end sets failed() and yields zero, so a
// parser reads a whole structure and checks once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace fovea {

using ByteSpan = std::span<const std::uint8_t>;
using MutableByteSpan = std::span<std::uint8_t>;

[[nodiscard]] inline std::uint16_t LoadBe16(const std::uint8_t* p) {
  return static_cast<std::uint16_t>((p[0] << 8) | p[1]);
}
[[nodiscard]] inline std::uint32_t LoadBe24(const std::uint8_t* p) {
  return (std::uint32_t{p[0]} << 16) | (std::uint32_t{p[1]} << 8) | p[2];
}
[[nodiscard]] inline std::uint32_t LoadBe32(const std::uint8_t* p) {
  return (std::uint32_t{p[0]} << 24) | (std::uint32_t{p[1]} << 16) | (std::uint32_t{p[2]} << 8) |
         p[3];
}
[[nodiscard]] inline std::uint64_t LoadBe64(const std::uint8_t* p) {
  return (std::uint64_t{LoadBe32(p)} << 32) | LoadBe32(p + 4);
}
inline void StoreBe16(std::uint8_t* p, std::uint16_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}
inline void StoreBe24(std::uint8_t* p, std::uint32_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 16);
  p[1] = static_cast<std::uint8_t>(v >> 8);
  p[2] = static_cast<std::uint8_t>(v);
}
inline void StoreBe32(std::uint8_t* p, std::uint32_t v) {
  StoreBe16(p, static_cast<std::uint16_t>(v >> 16));
  StoreBe16(p + 2, static_cast<std::uint16_t>(v));
}
inline void StoreBe64(std::uint8_t* p, std::uint64_t v) {
  StoreBe32(p, static_cast<std::uint32_t>(v >> 32));
  StoreBe32(p + 4, static_cast<std::uint32_t>(v));
}

class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes) : bytes_(bytes) {}

  std::uint8_t U8() { return Take(1) ? bytes_[at_ - 1] : std::uint8_t{0}; }
  std::uint16_t U16() { return Take(2) ? LoadBe16(&bytes_[at_ - 2]) : std::uint16_t{0}; }
  std::uint32_t U24() { return Take(3) ? LoadBe24(&bytes_[at_ - 3]) : 0; }
  std::uint32_t U32() { return Take(4) ? LoadBe32(&bytes_[at_ - 4]) : 0; }
  std::uint64_t U64() { return Take(8) ? LoadBe64(&bytes_[at_ - 8]) : 0; }
  ByteSpan Bytes(std::size_t n) { return Take(n) ? bytes_.subspan(at_ - n, n) : ByteSpan{}; }
  void Skip(std::size_t n) { (void)Take(n); }

  [[nodiscard]] std::size_t remaining() const { return failed_ ? 0 : bytes_.size() - at_; }
  [[nodiscard]] std::size_t position() const { return at_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  bool Take(std::size_t n) {
    if (failed_ || n > bytes_.size() - at_) {
      failed_ = true;
      return false;
    }
    at_ += n;
    return true;
  }
  ByteSpan bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

// Writing past the end sets failed() and writes nothing further.
class ByteWriter {
 public:
  explicit ByteWriter(MutableByteSpan out) : out_(out) {}

  void U8(std::uint8_t v) {
    if (Take(1)) out_[at_ - 1] = v;
  }
  void U16(std::uint16_t v) {
    if (Take(2)) StoreBe16(&out_[at_ - 2], v);
  }
  void U24(std::uint32_t v) {
    if (Take(3)) StoreBe24(&out_[at_ - 3], v);
  }
  void U32(std::uint32_t v) {
    if (Take(4)) StoreBe32(&out_[at_ - 4], v);
  }
  void U64(std::uint64_t v) {
    if (Take(8)) StoreBe64(&out_[at_ - 8], v);
  }
  void Bytes(ByteSpan v) {
    if (Take(v.size()) && !v.empty()) std::memcpy(&out_[at_ - v.size()], v.data(), v.size());
  }
  void Zeros(std::size_t n) {
    if (Take(n) && n > 0) std::memset(&out_[at_ - n], 0, n);
  }

  [[nodiscard]] std::size_t size() const { return at_; }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] MutableByteSpan written() const { return out_.first(at_); }

 private:
  bool Take(std::size_t n) {
    if (failed_ || n > out_.size() - at_) {
      failed_ = true;
      return false;
    }
    at_ += n;
    return true;
  }
  MutableByteSpan out_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace fovea
