#include "signaling/app/doctor_public.h"

#include "signaling/app/service_url.h"

namespace fovea::app {

Finding PublicUrlFinding(const Config& config) {
  const std::string& url = config.access.public_url;
  if (url.empty()) {
    return {"public-url", Verdict::kWarn,
            "access.public_url is not set: each client is told what its "
            "own request says",
            "set it, or two spellings of one host become two calls:\n"
            "access:\n  public_url: \"wss://HOST_OF_THIS_FOCUS\""};
  }
  if (!ServiceUrlOf(url).starts_with("https://")) {
    return {"public-url", Verdict::kWarn,
            url +
                " is not encrypted: browsers allow it on this machine "
                "only",
            "give the host a certificate (tls.cert_file, or a reverse proxy) and set "
            "access.public_url to wss://..."};
  }
  return {"public-url", Verdict::kPass, url};
}

Finding HealthFinding(const Probe& health) {
  if (health.status() == 200) return {"public-health", Verdict::kPass, Describe(health)};
  if (health.shown.has_value() && !health.shown->refusal.empty()) {
    return {"public-health", Verdict::kFail, Describe(health), "see certificate"};
  }
  if (!health.response.has_value()) {
    return {
        "public-health", Verdict::kFail, Describe(health),
        "the host of access.public_url needs an A or AAAA record that leads here, TCP 443 open, "
        "a certificate for that name with its chain, and the focus running. Looked at from this "
        "machine; a router that does not let it reach its own public address shows the same"};
  }
  return {"public-health", Verdict::kFail, Describe(health),
          "something else answers there: the reverse proxy has to hand every path below "
          "access.public_url to this focus, for example\nlocation / { proxy_pass "
          "http://127.0.0.1:7880; }"};
}

Finding TokenRouteFinding(const Probe& token_route) {
  const std::string code = TextOf(BodyOf(token_route), "errcode");
  if (token_route.status() != 400 || code != "M_BAD_JSON") {
    return {"token-service", Verdict::kFail,
            Describe(token_route) + "; 400 (M_BAD_JSON) would be right for an empty request",
            "the reverse proxy has to hand POST /sfu/get and /get_token to this focus, not to "
            "another token service"};
  }
  const auto count = [&] {
    std::size_t fields = 0;
    for (const auto& [name, value] : token_route.response->headers) {
      if (wire::FindHeader({{name, value}}, "Access-Control-Allow-Origin").has_value()) ++fields;
    }
    return fields;
  }();
  const auto origin = token_route.response->Header("Access-Control-Allow-Origin");
  if (origin.value_or("") != "*" || count != 1) {
    return {"token-service", Verdict::kFail,
            token_route.url + " has " + std::to_string(count) +
                " headers Access-Control-Allow-Origin; browsers want one, with *",
            "the focus sends it: the reverse proxy must neither remove nor add any"};
  }
  return {"token-service", Verdict::kPass, Describe(token_route) + " with CORS"};
}

Finding UpgradeFinding(const Probe& upgrade) {
  if (upgrade.status() == 401) {
    return {"websocket", Verdict::kPass, "WebSockets reach the focus"};
  }
  return {"websocket", Verdict::kFail,
          Describe(upgrade) + " to a WebSocket without a token; 401 would be right",
          "the reverse proxy has to hand upgrades on; nginx:\nproxy_http_version 1.1;\n"
          "proxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection \"upgrade\";\n"
          "proxy_read_timeout 3600s;"};
}

wire::HttpHeaders UpgradeHeaders() {
  return {{"Connection", "Upgrade"},
          {"Upgrade", "websocket"},
          {"Sec-WebSocket-Version", "13"},
          {"Sec-WebSocket-Key", "Zm92ZWEgZG9jdG9yIHJ1bg=="}};  // 16 bytes, as it has to be
}

}  // namespace fovea::app
