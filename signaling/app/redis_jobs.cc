#include "signaling/app/redis_jobs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <utility>

#include "sfu/core/limits.h"
#include "sfu/io/system_clock.h"
#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

constexpr Duration kRetryDelay = Seconds(1);
constexpr Duration kLogInterval = Seconds(60);

// RFC 3339 in UTC, as Go writes a time.Time.
std::string FormatTime(std::int64_t unix_ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> at{std::chrono::milliseconds(unix_ms)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  std::array<char, 48> out{};
  std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return out.data();
}

std::optional<int> ReadDigits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  const char* const end = text.data() + at + count;
  const auto [stop, error] = std::from_chars(text.data() + at, end, value);
  if (error != std::errc() || stop != end || value < 0) return std::nullopt;
  return value;
}

// "+02:00" or "Z" at `at` to minutes east of UTC.
std::optional<int> ReadZone(std::string_view text, std::size_t at) {
  if (text.substr(at) == "Z") return 0;
  if (text.size() != at + 6 || (text[at] != '+' && text[at] != '-') || text[at + 3] != ':') {
    return std::nullopt;
  }
  const auto hours = ReadDigits(text, at + 1, 2);
  const auto minutes = ReadDigits(text, at + 4, 2);
  if (!hours || !minutes) return std::nullopt;
  return (text[at] == '-' ? -1 : 1) * (*hours * 60 + *minutes);
}

// RFC 3339 with up to nine digits of a second. Milliseconds since the epoch.
std::optional<std::int64_t> ReadTime(std::string_view text) {
  const auto year = ReadDigits(text, 0, 4);
  const auto month = ReadDigits(text, 5, 2);
  const auto day = ReadDigits(text, 8, 2);
  const auto hour = ReadDigits(text, 11, 2);
  const auto minute = ReadDigits(text, 14, 2);
  const auto second = ReadDigits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  std::size_t at = 19;
  int millis = 0;
  if (at < text.size() && text[at] == '.') {
    int weight = 100;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, weight /= 10) {
      millis += weight * (text[at] - '0');
    }
  }
  const auto zone = at < text.size() ? ReadZone(text, at) : std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!zone.has_value() || !date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t minutes = (days * 24 + *hour) * 60 + *minute - *zone;
  return (minutes * 60 + *second) * 1000 + millis;
}

std::string TextOf(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

std::optional<io::RedisAddress> RedisAddressOf(std::string_view url, const std::string& password) {
  std::optional<io::RedisAddress> address = io::ParseRedisUrl(url);
  if (address && address->password.empty()) address->password = password;
  return address;
}

std::string RedisJobField(const matrix::LeaveKey& key) {
  return wire::DumpJson(nlohmann::json::array({key.room_name, key.identity}));
}

std::string RedisJobValue(const matrix::LeaveJob& job) {
  nlohmann::json value;
  value["Params"] = {{"DelayId", job.delay_id},
                     {"DelayTimeout", job.delay_timeout.count()},
                     {"ServerName", job.server_name},
                     {"LiveKitRoom", job.key.room_name},
                     {"LiveKitIdentity", job.key.identity}};
  value["RestartedAt"] = FormatTime(job.restarted_unix_ms);
  // Ours; the other service passes over them.
  value["UserId"] = job.user_id;
  value["WasConnected"] = job.was_connected;
  return wire::DumpJson(value);
}

std::optional<matrix::LeaveJob> ReadRedisJob(std::string_view field, std::string_view value) {
  const auto key = wire::ParseJson(field);
  if (!key.has_value() || !key->is_array() || key->size() != 2) return std::nullopt;
  if (!(*key)[0].is_string() || !(*key)[1].is_string()) return std::nullopt;
  const auto json = wire::ParseJson(value);
  if (!json.has_value() || !json->is_object()) return std::nullopt;
  const auto params = json->find("Params");
  if (params == json->end() || !params->is_object()) return std::nullopt;
  const auto timeout = params->find("DelayTimeout");
  if (timeout == params->end() || !timeout->is_number_integer()) return std::nullopt;
  const auto restarted_ms = ReadTime(TextOf(*json, "RestartedAt"));
  if (!restarted_ms.has_value()) return std::nullopt;
  matrix::LeaveJob job;
  job.key = {(*key)[0].get<std::string>(), (*key)[1].get<std::string>()};
  job.delay_id = TextOf(*params, "DelayId");
  job.server_name = TextOf(*params, "ServerName");
  job.delay_timeout = Duration(
      std::clamp<std::int64_t>(timeout->get<std::int64_t>(), 0, limits::kDelayTimeoutMax.count()));
  job.restarted_unix_ms = *restarted_ms;
  // The other service does not note the user. Jobs are bounded per user, so each needs one.
  job.user_id = TextOf(*json, "UserId");
  if (job.user_id.empty()) job.user_id = job.key.identity;
  const auto was_connected = json->find("WasConnected");
  job.was_connected = was_connected != json->end() && *was_connected == true;
  if (job.delay_id.empty() || job.server_name.empty()) return std::nullopt;
  return job;
}

RedisJobs::RedisJobs(uv_loop_t* loop, io::RedisClientOptions options, LogSink& log)
    : log_(log), redis_(loop, std::move(options)), retry_(loop, [this] { Write(); }) {}

void RedisJobs::Load(OnLoaded on_loaded) {
  redis_.Run({{"PING"}, {"HGETALL", std::string(kRedisJobsKey)}},
             [this, on_loaded = std::move(on_loaded)](const auto& result) {
               HandleLoaded(result, on_loaded);
             });
}

void RedisJobs::HandleLoaded(const Result<std::vector<wire::RespValue>, std::string>& result,
                             const OnLoaded& on_loaded) {
  if (!result.ok()) return on_loaded(Failure{result.error()});
  for (const wire::RespValue& value : *result) {
    if (value.kind == wire::RespValue::Kind::kError) return on_loaded(Failure{value.text});
  }
  const std::vector<wire::RespValue>& items = result->at(1).items;
  std::vector<matrix::LeaveJob> jobs;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const std::string& field = items[i].text;
    auto job = ReadRedisJob(field, items[i + 1].text);
    // Go escapes some characters that we do not: such a row gets our spelling of its field.
    const bool is_ours = job.has_value() && RedisJobField(job->key) == field;
    if (!is_ours) changes_[field] = std::nullopt;
    if (!job.has_value()) continue;
    if (!is_ours) PutJob(*job);
    jobs.push_back(std::move(*job));
  }
  Write();
  on_loaded(std::move(jobs));
}

void RedisJobs::PutJob(const matrix::LeaveJob& job) {
  changes_[RedisJobField(job.key)] = RedisJobValue(job);
  if (!retry_.active()) Write();
}

void RedisJobs::RemoveJob(const matrix::LeaveKey& key) {
  changes_[RedisJobField(key)] = std::nullopt;
  if (!retry_.active()) Write();
}

void RedisJobs::Write() {
  if (redis_.is_busy() || changes_.empty()) return;
  std::vector<io::RedisClient::Command> commands;
  while (!changes_.empty() && commands.size() < limits::kRedisBatchMax) {
    auto change = changes_.extract(changes_.begin());
    if (change.mapped().has_value()) {
      commands.push_back({"HSET", std::string(kRedisJobsKey), change.key(), *change.mapped()});
    } else {
      commands.push_back({"HDEL", std::string(kRedisJobsKey), change.key()});
    }
    being_written_.insert(std::move(change));
  }
  redis_.Run(commands, [this](const auto& result) { HandleWritten(result); });
}

void RedisJobs::HandleWritten(const Result<std::vector<wire::RespValue>, std::string>& result) {
  std::string why = result.ok() ? "" : result.error();
  if (result.ok()) {
    for (const wire::RespValue& value : *result) {
      if (value.kind == wire::RespValue::Kind::kError) why = value.text;
    }
  }
  Changes written = std::exchange(being_written_, {});
  if (why.empty()) return Write();
  changes_.merge(written);  // what changed since then counts
  Fail(why);
}

void RedisJobs::Fail(const std::string& why) {
  retry_.StartOnce(kRetryDelay);
  const Instant now = io::MonotonicNow();
  if (logged_at_.has_value() && now - *logged_at_ < kLogInterval) return;
  logged_at_ = now;
  log_.Log(LogLevel::kError,
           "Redis: " + why + "; calls go on, a restart may forget what changed since");
}

}  // namespace fovea::app
