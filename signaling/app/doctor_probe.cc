#include "signaling/app/doctor_probe.h"

namespace fovea::app {

nlohmann::json BodyOf(const Probe& probe) {
  if (!probe.response.has_value()) return nlohmann::json::object();
  std::optional<nlohmann::json> body = wire::ParseJson(probe.response->body);
  if (!body.has_value() || !body->is_object()) return nlohmann::json::object();
  return *std::move(body);
}

std::string TextOf(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string Describe(const Probe& probe) {
  if (!probe.response.has_value()) return probe.url + ": " + probe.error;
  const std::string code = TextOf(BodyOf(probe), "errcode");
  return probe.url + " answered " + std::to_string(probe.status()) +
         (code.empty() ? "" : " (" + code + ")");
}

}  // namespace fovea::app
