// Visits a std::variant with one lambda per alternative; a missing alternative does not compile.
// Thread: any.
#pragma once

namespace fovea {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
// clang 16 does not deduce aggregates by itself.
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

}  // namespace fovea
