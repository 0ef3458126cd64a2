// What another token service may have left in Redis: the address line of the URL, a job's field and
// its value, one in each line. A job that is read is written so that it reads the same. fuzz-deps:
// signaling_app signaling_io signaling_matrix signaling_wire
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sfu/core/check.h"
#include "signaling/app/redis_jobs.h"
#include "signaling/io/redis_client.h"

namespace {

std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto address = fovea::io::ParseRedisUrl(TakeLine(text))) {
    FOVEA_CHECK(!address->host.empty() && address->port != 0);
  }
  const std::string_view field = TakeLine(text);
  const auto job = fovea::app::ReadRedisJob(field, text);
  if (!job) return 0;
  const auto again = fovea::app::ReadRedisJob(fovea::app::RedisJobField(job->key),
                                              fovea::app::RedisJobValue(*job));
  FOVEA_CHECK(again.has_value() && *again == *job);
  return 0;
}
