// Fixed-capacity containers that are trivially copyable when their elements are: they cross rings
// by value and never allocate. The full case is the caller's branch: TryPush returns false.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sfu/core/check.h"

namespace fovea {

template <class T, std::size_t N>
class InlineVector {
 public:
  static constexpr std::size_t kCapacity = N;
  [[nodiscard]] bool TryPush(const T& value) {
    if (size_ == N) return false;
    items_[size_++] = value;
    return true;
  }
  // REQUIRES: !full().
  void Push(const T& value) {
    FOVEA_CHECK(size_ < N);
    items_[size_++] = value;
  }
  // REQUIRES: index < size(). Keeps order; O(n).
  void EraseAt(std::size_t index) {
    FOVEA_CHECK(index < size_);
    std::move(items_.begin() + static_cast<std::ptrdiff_t>(index) + 1,
              items_.begin() + static_cast<std::ptrdiff_t>(size_),
              items_.begin() + static_cast<std::ptrdiff_t>(index));
    --size_;
  }
  void PopBack() {
    FOVEA_CHECK(size_ > 0);
    --size_;
  }
  void Clear() { size_ = 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool full() const { return size_ == N; }
  T& operator[](std::size_t i) {
    FOVEA_CHECK(i < size_);
    return items_[i];
  }
  const T& operator[](std::size_t i) const {
    FOVEA_CHECK(i < size_);
    return items_[i];
  }
  T* begin() { return items_.data(); }
  T* end() { return items_.data() + size_; }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }
  T& back() { return (*this)[size_ - 1]; }
  [[nodiscard]] std::span<const T> span() const { return {items_.data(), size_}; }

 private:
  std::array<T, N> items_{};
  std::size_t size_ = 0;
};

// A short string inside its owner. Longer input is refused, never cut silently.
template <std::size_t N>
class InlineString {
 public:
  constexpr InlineString() = default;
  [[nodiscard]] bool TryAssign(std::string_view text) {
    if (text.size() > N) return false;
    std::copy(text.begin(), text.end(), data_.begin());
    size_ = static_cast<std::uint16_t>(text.size());
    return true;
  }
  [[nodiscard]] std::string_view view() const { return {data_.data(), size_}; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  bool operator==(const InlineString& other) const { return view() == other.view(); }
  bool operator==(std::string_view other) const { return view() == other; }

 private:
  std::array<char, N> data_{};
  std::uint16_t size_ = 0;
};

}  // namespace fovea
