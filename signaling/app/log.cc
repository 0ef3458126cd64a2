#include "signaling/app/log.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#pragma GCC diagnostic pop

#include <nlohmann/json.hpp>

namespace fovea::app {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

class SpdlogSink : public LogSink {
 public:
  explicit SpdlogSink(const LogConfig& config) : json_(config.json) {
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_st>();
    logger_ = std::make_shared<spdlog::logger>("fovea", std::move(sink));
    logger_->set_level(spdlog::level::from_str(config.level));
    logger_->set_pattern(json_ ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","msg":%v})"
                               : "%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
    logger_->flush_on(spdlog::level::debug);
  }

  void Log(LogLevel level, std::string_view message) override {
    if (json_) {
      logger_->log(ToSpdlog(level), nlohmann::json(message).dump(
                                        -1, ' ', false, nlohmann::json::error_handler_t::replace));
    } else {
      logger_->log(ToSpdlog(level), message);
    }
  }

 private:
  const bool json_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace

std::unique_ptr<LogSink> MakeLog(const LogConfig& config) {
  return std::make_unique<SpdlogSink>(config);
}

}  // namespace fovea::app
