#include "signaling/app/setup_advice.h"

#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

std::string Synapse(const SetupFacts& facts) {
  return "1. Synapse: add to homeserver.yaml, then restart it\n\n"
         "app_service_config_files:\n"
         "  - " +
         facts.directory +
         "/fovea-registration.yaml   # readable by Synapse's user\n"
         "experimental_features:\n"
         "  msc4143_enabled: true    # tells clients where calls are (rtc/transports)\n"
         "  msc4222_enabled: true    # state_after: call state without gaps\n"
         "  msc4354_enabled: true    # sticky events: the newer kind of membership\n"
         "  msc3266_enabled: true    # room summary, for knocking\n"
         "max_event_delay_duration: 24h   # delayed events; without it, calls leave ghosts\n"
         "matrix_rtc:\n"
         "  transports:\n"
         "    - type: livekit\n"
         "      livekit_service_url: \"https://" +
         facts.host +
         "\"\n"
         "rc_message: {per_second: 0.5, burst_count: 30}\n"
         "rc_delayed_event_mgmt: {per_second: 1, burst_count: 20}\n"
         "# and a listener with the resources client and federation (or openid).\n\n";
}

std::string WellKnown(const SetupFacts& facts) {
  return "2. https://" + facts.server_name +
         "/.well-known/matrix/client: clients before autumn 2025 read the focus here. Add to the\n"
         "   document, which has to be served with the header Access-Control-Allow-Origin: *\n\n" +
         WellKnownPart("https://" + facts.host) +
         "\n\n"
         "   In Synapse that is extra_well_known_client_content. Spell the URL the same "
         "everywhere:\n"
         "   two spellings are two calls to a client.\n\n";
}

std::string Proxy(const SetupFacts& facts) {
  if (facts.own_tls) {
    return "3. TLS is Fovea's own; after a renewal: kill -HUP, or systemctl reload fovea\n\n";
  }
  return "3. A reverse proxy for " + facts.host +
         " (one of the two)\n\n"
         "# Caddy\n" +
         facts.host +
         " {\n    reverse_proxy 127.0.0.1:7880\n}\n\n"
         "# nginx\n"
         "server {\n"
         "    listen 443 ssl;\n"
         "    server_name " +
         facts.host +
         ";\n"
         "    # ssl_certificate and ssl_certificate_key as for your other sites\n"
         "    location / {\n"
         "        proxy_pass http://127.0.0.1:7880;\n"
         "        proxy_http_version 1.1;\n"
         "        proxy_set_header Upgrade $http_upgrade;\n"
         "        proxy_set_header Connection \"upgrade\";\n"
         "        proxy_set_header Host $host;\n"
         "        proxy_set_header X-Forwarded-For $remote_addr;\n"
         "        proxy_set_header X-Forwarded-Proto $scheme;\n"
         "        proxy_read_timeout 3600s;\n"
         "    }\n"
         "}\n\n";
}

std::string Firewall(const SetupFacts& facts) {
  return "4. DNS and firewall\n\n"
         "   A and AAAA records of " +
         facts.host + " point here. Open TCP 443" + (facts.own_tls ? "" : " (the proxy)") +
         " and UDP 7882-7889; media does not pass the proxy.\n\n"
         "5. Start it and look\n\n"
         "   fovea serve --config " +
         facts.directory +
         "/fovea.yaml\n"
         "   fovea doctor --config " +
         facts.directory + "/fovea.yaml   # what keeps calls from working, and the fix\n";
}

}  // namespace

std::string SetupAdvice(const SetupFacts& facts) {
  return Synapse(facts) + WellKnown(facts) + Proxy(facts) + Firewall(facts);
}

std::string WellKnownPart(const std::string& livekit_service_url) {
  nlohmann::json focus;
  focus["type"] = "livekit";
  focus["livekit_service_url"] = livekit_service_url;
  nlohmann::json document;
  document["org.matrix.msc4143.rtc_foci"] = nlohmann::json::array({focus});
  return document.dump(2);
}

}  // namespace fovea::app
