#include "signaling/app/doctor_discovery.h"

#include <vector>

#include "signaling/app/setup_advice.h"

namespace fovea::app {
namespace {

// The URLs of an advertised list, in order: clients take the first.
std::vector<std::string> ServiceUrls(const nlohmann::json& document, const char* key) {
  std::vector<std::string> out;
  const auto list = document.find(key);
  if (list == document.end() || !list->is_array()) return out;
  for (const nlohmann::json& entry : *list) {
    if (!entry.is_object() || TextOf(entry, "type") != "livekit") continue;
    if (std::string url = TextOf(entry, "livekit_service_url"); !url.empty()) {
      out.push_back(std::move(url));
    }
  }
  return out;
}

// Whether a browser lets a page from elsewhere read the answer.
bool IsOpenToBrowsers(const Probe& probe) {
  return probe.response->Header("Access-Control-Allow-Origin").value_or("") == "*";
}
constexpr const char* kNoCors =
    " has no header Access-Control-Allow-Origin: *; browsers do not let clients read it";

std::string TransportsLines(const std::string& service_url) {
  return "matrix_rtc:\n  transports:\n    - type: livekit\n      livekit_service_url: \"" +
         (service_url.empty() ? "https://HOST_OF_THIS_FOCUS" : service_url) + "\"";
}

std::string WithoutSlash(std::string url) {
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url;
}

}  // namespace

Finding TransportsFinding(const Probe& transports, const std::string& service_url) {
  constexpr const char* kCheck = "transports";
  if (transports.status() == 404) {
    return {kCheck, Verdict::kFail, Describe(transports),
            "clients find no focus; add to homeserver.yaml and restart:\n"
            "experimental_features:\n  msc4143_enabled: true\n" +
                TransportsLines(service_url)};
  }
  if (transports.status() == 401 || transports.status() == 403) {
    return {kCheck, Verdict::kSkip, Describe(transports),
            "needs a token that the homeserver knows: see the finding above"};
  }
  if (transports.status() != 200) {
    return {kCheck, Verdict::kFail, Describe(transports),
            "clients ask this to find a focus; it has to answer 200"};
  }
  if (!IsOpenToBrowsers(transports)) {
    return {kCheck, Verdict::kFail, transports.url + kNoCors,
            "the homeserver sends it: a proxy before it must not remove it"};
  }
  const std::vector<std::string> urls = ServiceUrls(BodyOf(transports), "rtc_transports");
  if (urls.empty()) {
    return {kCheck, Verdict::kFail, "the homeserver advertises no focus",
            "add to homeserver.yaml and restart:\n" + TransportsLines(service_url)};
  }
  if (service_url.empty() || urls.front() == service_url) {
    return {kCheck, Verdict::kPass, "the homeserver advertises " + urls.front()};
  }
  if (WithoutSlash(urls.front()) == WithoutSlash(service_url)) {
    return {kCheck, Verdict::kWarn,
            "the homeserver advertises " + urls.front() + ", spelled unlike " + service_url,
            "two spellings are two calls to a client; in homeserver.yaml:\n" +
                TransportsLines(service_url)};
  }
  return {kCheck, Verdict::kFail,
          "clients take the first focus, " + urls.front() + ", which is not this one",
          "this focus is at " + service_url + "; in homeserver.yaml, then restart:\n" +
              TransportsLines(service_url)};
}

Finding WellKnownFinding(const Probe& well_known, const std::string& service_url) {
  constexpr const char* kCheck = "well-known";
  const std::string fix =
      "only clients before autumn 2025 need it: serve this as part of the document, with the "
      "header Access-Control-Allow-Origin: * (Synapse: extra_well_known_client_content)\n" +
      WellKnownPart(service_url.empty() ? "https://HOST_OF_THIS_FOCUS" : service_url);
  if (well_known.status() != 200) return {kCheck, Verdict::kWarn, Describe(well_known), fix};
  const auto document = wire::ParseJson(well_known.response->body);
  if (!document.has_value() || !document->is_object()) {
    return {kCheck, Verdict::kWarn, well_known.url + " is not a JSON object", fix};
  }
  if (!IsOpenToBrowsers(well_known)) {
    return {kCheck, Verdict::kWarn, well_known.url + kNoCors, fix};
  }
  const std::vector<std::string> urls = ServiceUrls(*document, "org.matrix.msc4143.rtc_foci");
  if (urls.empty()) {
    return {kCheck, Verdict::kWarn, well_known.url + " names no focus", fix};
  }
  if (!service_url.empty() && urls.front() != service_url) {
    return {kCheck, Verdict::kWarn, well_known.url + " names " + urls.front() + " first", fix};
  }
  return {kCheck, Verdict::kPass, well_known.url + " names " + urls.front()};
}

}  // namespace fovea::app
