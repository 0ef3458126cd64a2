#include "sfu/core/check.h"

#include <cstdio>
#include <cstdlib>

namespace fovea::internal {

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "fovea: broken invariant at %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace fovea::internal
