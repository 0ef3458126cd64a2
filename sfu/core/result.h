// A value or a reason. For the control plane; parsers of the data plane return Result<T,
// DropReason>.
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "sfu/core/check.h"

namespace fovea {

template <class E>
struct Failure {
  E error;
};
template <class E>
Failure(E) -> Failure<E>;

template <class T, class E>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT
  Result(Failure<E> failure)
      : state_(std::in_place_index<1>, std::move(failure.error)) {}  // NOLINT

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & {
    FOVEA_CHECK(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    FOVEA_CHECK(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    FOVEA_CHECK(ok());
    return std::get<0>(std::move(state_));
  }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const E& error() const {
    FOVEA_CHECK(!ok());
    return std::get<1>(state_);
  }

 private:
  std::variant<T, E> state_;
};

}  // namespace fovea
