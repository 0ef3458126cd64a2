// FOVEA_CHECK: broken invariants of our own code stop the process, in release too. Input from
// outside must never reach one. FOVEA_DCHECK: the same for checks that cost O(n).
#pragma once

namespace fovea::internal {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);
}  // namespace fovea::internal

#define FOVEA_CHECK(condition)                         \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::fovea::internal::CheckFailed(__FILE__, __LINE__, #condition))

#if defined(FOVEA_ENABLE_DCHECK)
#define FOVEA_DCHECK(condition) FOVEA_CHECK(condition)
#else
#define FOVEA_DCHECK(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#endif
