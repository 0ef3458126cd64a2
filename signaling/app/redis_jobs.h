// Jobs of delegated leave in Redis, in lk-jwt-service's own format: either service can go on with
// what the other left. matrixrtc reference, section 4.8. Thread: signaling.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/log.h"
#include "signaling/app/leave_ports.h"
#include "signaling/io/redis_client.h"
#include "signaling/io/timer.h"

namespace fovea::app {

inline constexpr std::string_view kRedisJobsKey = "lk-jwt:jobs";  // a hash: field to value

// Where jobs are kept; nothing for what is no URL of Redis. A password in the URL counts before
// `password`.
[[nodiscard]] std::optional<io::RedisAddress> RedisAddressOf(std::string_view url,
                                                             const std::string& password);

// The field of a job: JSON, [room, identity].
[[nodiscard]] std::string RedisJobField(const matrix::LeaveKey& key);
[[nodiscard]] std::string RedisJobValue(const matrix::LeaveJob& job);
// Nothing for what is no job.
[[nodiscard]] std::optional<matrix::LeaveJob> ReadRedisJob(std::string_view field,
                                                           std::string_view value);

// Changes are written in batches, the next when the one before is confirmed; of several changes of
// a job the last one counts. While Redis is away they wait, one per job, and are tried once a
// second.
class RedisJobs : public LeaveJobStore {
 public:
  using OnLoaded = std::function<void(Result<std::vector<matrix::LeaveJob>, std::string>)>;

  RedisJobs(uv_loop_t* loop, io::RedisClientOptions options, LogSink& log);

  // Reads every job; what is in the hash and is no job is removed. Calls back once, later.
  void Load(OnLoaded on_loaded);
  void PutJob(const matrix::LeaveJob& job) override;
  void RemoveJob(const matrix::LeaveKey& key) override;
  // Nothing waits to be written, and nothing is being written.
  [[nodiscard]] bool is_idle() const { return changes_.empty() && !redis_.is_busy(); }

 private:
  using Changes = std::map<std::string, std::optional<std::string>>;  // field to value, or removed
  void HandleLoaded(const Result<std::vector<wire::RespValue>, std::string>& result,
                    const OnLoaded& on_loaded);
  void Write();
  void HandleWritten(const Result<std::vector<wire::RespValue>, std::string>& result);
  void Fail(const std::string& why);

  LogSink& log_;
  io::RedisClient redis_;
  io::Timer retry_;
  Changes changes_;
  Changes being_written_;
  std::optional<Instant> logged_at_;
};

}  // namespace fovea::app
