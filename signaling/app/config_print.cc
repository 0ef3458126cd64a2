#include "signaling/app/config_print.h"

#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>

#include <string_view>
#include <vector>

#include "signaling/app/config_values.h"

namespace fovea::app {
namespace {

using YAML::BeginMap;
using YAML::BeginSeq;
using YAML::EndMap;
using YAML::EndSeq;

// Writes "key: value" lines of nested blocks; quotes texts, because "on" and "7" are no texts bare.
class Writer {
 public:
  void Open(const char* key) { out_ << YAML::Key << key << YAML::Value << BeginMap; }
  void Close() { out_ << EndMap; }
  void Text(const std::string& key, const std::string& value) {
    out_ << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << value;
  }
  void Bare(const char* key, const std::string& value) {
    out_ << YAML::Key << key << YAML::Value << value;
  }
  void Switch(const char* key, bool value) { out_ << YAML::Key << key << YAML::Value << value; }
  template <class Int>
  void Number(const char* key, Int value) {
    Bare(key, std::to_string(value));
  }
  void Texts(const char* key, const std::vector<std::string>& values) {
    out_ << YAML::Key << key << YAML::Value << YAML::Flow << BeginSeq;
    for (const std::string& value : values) out_ << YAML::DoubleQuoted << value;
    out_ << EndSeq;
  }
  YAML::Emitter& out() { return out_; }

 private:
  YAML::Emitter out_;
};

std::string Shown(const std::string& secret, Secrets secrets) {
  return secret.empty() || secrets == Secrets::kShown ? secret : "********";
}

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ",") + word;
  return out;
}

bool IsStun(const livekit::IceServer& server) { return server.urls.front().starts_with("stun:"); }

// "turn:host:3478?transport=udp" taken apart again; see ReadTurnServer.
void WriteTurnServer(Writer& writer, const livekit::IceServer& server, Secrets secrets) {
  std::string_view url = server.urls.front();
  const bool tls = url.starts_with("turns:");
  url.remove_prefix(url.find(':') + 1);
  const std::string_view query = url.substr(url.find('?') + 1);
  url = url.substr(0, url.find('?'));
  const std::size_t colon = url.rfind(':');
  writer.out() << BeginMap;
  writer.Text("host", std::string(url.substr(0, colon)));
  writer.Bare("port", std::string(url.substr(colon + 1)));
  writer.Text("protocol", tls ? "tls" : std::string(query.substr(query.find('=') + 1)));
  if (!server.username.empty()) writer.Text("username", server.username);
  if (!server.credential.empty()) writer.Text("credential", Shown(server.credential, secrets));
  const bool is_shared = !server.secret.empty() || !server.secret_file.empty();
  if (!server.secret_file.empty()) {
    writer.Text("secret_file", server.secret_file);  // it wins, so that `secret` came from it
  } else if (is_shared) {
    writer.Text("secret", Shown(server.secret, secrets));
  }
  if (is_shared) writer.Number("ttl", server.credential_ttl_s);
  writer.out() << EndMap;
}

void WriteFilter(Writer& writer, const char* key, const AddressFilter& filter) {
  writer.Open(key);
  writer.Texts("includes", filter.includes);
  writer.Texts("excludes", filter.excludes);
  writer.Close();
}

void WriteRtc(Writer& writer, const Config& config, Secrets secrets) {
  writer.Open("rtc");
  writer.Text("udp_port", FormatPortRange(config.rtc.udp_ports));
  writer.Number("tcp_port", config.rtc.tcp_port);
  writer.Text("node_ip", Joined(config.rtc.node_ips));
  WriteFilter(writer, "ips", config.rtc.ips);
  WriteFilter(writer, "interfaces", config.rtc.interfaces);
  writer.Switch("use_external_ip", config.rtc.use_external_ip);
  writer.Switch("external_ip_only", config.rtc.external_ip_only);
  writer.Switch("advertise_internal_ip", config.rtc.advertise_internal_ip);
  writer.Switch("enable_loopback_candidate", config.rtc.enable_loopback_candidate);
  writer.Number("workers", config.rtc.workers);
  writer.Open("pli_throttle");
  const auto& intervals = config.rtc.key_frame_intervals;
  writer.Bare("low_quality", FormatDuration(intervals[0]));
  writer.Bare("mid_quality", FormatDuration(intervals[1]));
  writer.Bare("high_quality", FormatDuration(intervals[2]));
  writer.Close();
  std::vector<std::string> stun;
  for (const livekit::IceServer& server : config.server.ice_servers) {
    if (IsStun(server)) stun.insert(stun.end(), server.urls.begin(), server.urls.end());
  }
  writer.Texts("stun_servers", stun);
  writer.out() << YAML::Key << "turn_servers" << YAML::Value << BeginSeq;
  for (const livekit::IceServer& server : config.server.ice_servers) {
    if (!IsStun(server)) WriteTurnServer(writer, server, secrets);
  }
  writer.out() << EndSeq;
  writer.Close();
}

void WriteRoom(Writer& writer, const livekit::ServerOptions& server) {
  writer.Open("room");
  writer.Switch("auto_create", server.room.auto_create);
  writer.Number("empty_timeout", server.room.empty_timeout_s);
  writer.Number("departure_timeout", server.room.departure_timeout_s);
  writer.Number("max_participants", server.room.max_participants);
  writer.Switch("enable_remote_unmute", server.room.enable_remote_unmute);
  writer.out() << YAML::Key << "enabled_codecs" << YAML::Value << BeginSeq;
  for (const std::string& mime : server.room.enabled_codecs) {
    writer.out() << BeginMap << YAML::Key << "mime" << YAML::Value << mime << EndMap;
  }
  writer.out() << EndSeq;
  if (!server.room.configurations.empty()) {
    writer.Open("room_configurations");
    for (const auto& [name, configuration] : server.room.configurations) {
      writer.out() << YAML::Key << YAML::DoubleQuoted << name << YAML::Value << BeginMap;
      writer.Number("empty_timeout", configuration.empty_timeout());
      writer.Number("departure_timeout", configuration.departure_timeout());
      writer.Number("max_participants", configuration.max_participants());
      writer.Text("metadata", configuration.metadata());
      writer.Close();
    }
    writer.Close();
  }
  writer.Close();
}

void WriteLimitsAndMedia(Writer& writer, const livekit::ServerOptions& server,
                         const AudioConfig& audio) {
  writer.Open("limit");
  writer.Number("max_metadata_size", server.metadata_bytes_max);
  writer.Number("max_attributes_size", server.attributes_bytes_max);
  writer.Number("max_room_name_length", server.room_name_chars_max);
  writer.Number("max_participant_identity_length", server.identity_chars_max);
  writer.Number("max_participant_name_length", server.name_chars_max);
  writer.Number("num_tracks", server.tracks_max);
  writer.Number("bytes_per_sec", server.bytes_per_second_max);
  writer.Number("subscription_limit_video", server.video_subscriptions_max);
  writer.Number("subscription_limit_audio", server.audio_subscriptions_max);
  writer.Close();
  writer.Open("audio");
  writer.Number("update_interval", ToMillis(server.speaker_interval));
  writer.Number("active_level", audio.active_level);
  writer.Number("min_percentile", audio.min_percentile);
  writer.Number("smooth_intervals", audio.smooth_intervals);
  writer.Close();
  writer.Open("video");
  writer.Bare("dynacast_pause_delay", FormatDuration(server.dynacast_pause_delay));
  writer.Number("codec_regression_threshold", server.codec_regression_threshold);
  writer.Close();
  writer.Switch("enable_data_tracks", server.enable_data_tracks);
}

void WriteWebhook(Writer& writer, const WebhookConfig& webhook) {
  writer.Open("webhook");
  writer.Text("api_key", webhook.api_key);
  writer.out() << YAML::Key << "urls" << YAML::Value << BeginSeq;
  for (const WebhookTarget& target : webhook.targets) {
    writer.out() << BeginMap;
    writer.Text("url", target.url);
    writer.Texts("include_events", target.include_events);
    writer.Texts("exclude_events", target.exclude_events);
    writer.out() << EndMap;
  }
  writer.out() << EndSeq;
  writer.Close();
}

void WriteServers(Writer& writer, const char* key, const std::map<std::string, std::string>& map) {
  writer.Open(key);
  for (const auto& [name, url] : map) writer.Text(name, url);
  writer.Close();
}

void WriteAccess(Writer& writer, const AccessConfig& access) {
  writer.Open("access");
  writer.Text("public_url", access.public_url);
  writer.Texts("full_access_homeservers", access.full_access_homeservers);
  writer.Switch("restricted_can_publish", access.restricted_can_publish.value_or(false));
  writer.Bare("room_creation", access.open_room_creation ? "open" : "strict");
  writer.Bare("unknown_room", access.deny_unknown_rooms ? "deny" : "allow");
  writer.Switch("slots_bind_openid", access.slots_bind_openid);
  writer.Switch("delegation", access.delegation);
  writer.Switch("can_update_own_metadata", access.can_update_own_metadata);
  writer.Bare("token_ttl", FormatDuration(access.token_ttl));
  writer.Open("rate_limit");
  writer.Number("per_second", access.rate_limit.per_second);
  writer.Number("burst", access.rate_limit.burst);
  writer.Close();
  writer.Texts("trusted_proxies", access.trusted_proxies);
  writer.Close();
}

void WriteMatrix(Writer& writer, const Config& config, Secrets secrets) {
  writer.Open("homeserver");
  writer.Text("name", config.homeserver.name);
  writer.Text("url", config.homeserver.url);
  writer.Text("ca_file", config.homeserver.ca_file);
  writer.Text("access_token", Shown(config.homeserver.access_token, secrets));
  writer.Text("access_token_file", config.homeserver.access_token_file);
  writer.Text("well_known_upstream", config.homeserver.well_known_upstream);
  writer.Text("well_known_base_url", config.homeserver.well_known_base_url);
  writer.Close();
  const AppserviceConfig& appservice = config.appservice;
  writer.Open("appservice");
  writer.Text("id", appservice.id);
  writer.Text("sender_localpart", appservice.sender_localpart);
  // What came from a file is named by the file: given both, a configuration is refused.
  if (appservice.as_token_file.empty()) {
    writer.Text("as_token", Shown(appservice.as_token, secrets));
  } else {
    writer.Text("as_token_file", appservice.as_token_file);
  }
  if (appservice.hs_token_file.empty()) {
    writer.Text("hs_token", Shown(appservice.hs_token, secrets));
  } else {
    writer.Text("hs_token_file", appservice.hs_token_file);
  }
  writer.Text("registration_file", appservice.registration_file);
  writer.Close();
  WriteAccess(writer, config.access);
  const FederationConfig& federation = config.federation;
  writer.Open("federation");
  writer.Texts("allow_networks", federation.allow_networks);
  writer.Text("ca_file", federation.ca_file);
  writer.Switch("insecure_skip_verify_tls", federation.insecure_skip_verify_tls);
  WriteServers(writer, "servers", federation.servers);
  WriteServers(writer, "cs_api", federation.cs_api);
  writer.Close();
  writer.Open("state");
  writer.Text("file", config.state.file);
  writer.Close();
}

void WriteObservation(Writer& writer, const Config& config, Secrets secrets) {
  writer.Open("logging");
  writer.Bare("level", config.log.level);
  writer.Switch("json", config.log.json);
  writer.Close();
  writer.Open("prometheus");
  writer.Number("port", config.prometheus.port);
  writer.Text("username", config.prometheus.username);
  writer.Text("password", Shown(config.prometheus.password, secrets));
  writer.Close();
}

}  // namespace

std::string PrintConfig(const Config& config, Secrets secrets) {
  Writer writer;
  writer.out() << BeginMap;
  writer.Number("port", config.port);
  writer.Texts("bind_addresses", config.bind_addresses);
  writer.Switch("development", config.development);
  writer.Open("keys");
  for (const auto& [key, secret] : config.keys) writer.Text(key, Shown(secret, secrets));
  writer.Close();
  writer.Text("key_file", config.key_file);
  writer.Text("region", config.server.region);
  writer.Open("tls");
  writer.Text("cert_file", config.tls.cert_file);
  writer.Text("key_file", config.tls.key_file);
  writer.Number("port", config.tls.port);
  writer.Close();
  WriteRtc(writer, config, secrets);
  WriteRoom(writer, config.server);
  WriteLimitsAndMedia(writer, config.server, config.audio);
  WriteWebhook(writer, config.webhook);
  WriteMatrix(writer, config, secrets);
  WriteObservation(writer, config, secrets);
  writer.out() << EndMap;
  std::string out = std::string(writer.out().c_str(), writer.out().size()) + "\n";
  for (const std::string& note : config.notes) out += "# " + note + "\n";
  return out;
}

}  // namespace fovea::app
