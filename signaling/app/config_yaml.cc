#include "signaling/app/config_yaml.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <utility>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/core/net_address.h"
#include "signaling/app/config_section.h"
#include "signaling/app/config_values.h"
#include "signaling/app/config_yaml_rtc.h"
#include "signaling/app/yaml_tree.h"
#include "signaling/wire/url.h"

namespace fovea::app {
namespace {

constexpr std::string_view kSingleNode = "Fovea runs as a single node";
constexpr std::string_view kNoFeature = "Fovea has no such feature";
constexpr std::string_view kNoPlayoutDelay =
    "no delay is asked of receivers; they choose their own";
// With LiveKit it puts a participant's tracks into one stream, by which browsers tell what to sync.
constexpr std::string_view kNoSyncStreams =
    "each track is in a stream of its own, and browsers do not lip-sync one stream with another";

// What a webhook can be about; filters with other words would silently match nothing.
constexpr std::array<std::string_view, 15> kWebhookEvents = {
    "room_started",     "room_finished",          "participant_joined",
    "participant_left", "track_published",        "track_unpublished",
    "egress_started",   "egress_updated",         "egress_ended",
    "ingress_started",  "ingress_ended",          "participant_connection_aborted",
    "call_started",     "call_without_publisher", "call_ended"};

// Codecs by their usual spelling; LiveKit's files have them in lower case too.
constexpr std::array<std::string_view, 8> kCodecs = {"audio/opus", "audio/red", "audio/PCMU",
                                                     "audio/PCMA", "video/VP8", "video/H264",
                                                     "video/VP9",  "video/AV1"};
constexpr std::array<std::string_view, 7> kCodecsNotForwarded = {
    "video/H265",       "video/rtx",  "video/ulpfec",   "video/flexfec",
    "video/flexfec-03", "audio/G722", "audio/multiopus"};

bool SameIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

template <class Words>
std::string JoinedWords(const Words& words) {
  std::string out;
  for (const std::string_view word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

void ReadListener(Section& top, Config& config) {
  top.Integer("port", config.port, kPortRange);
  const YamlNode* value = top.Any("bind_addresses");
  std::vector<std::string> addresses;
  top.TextList("bind_addresses", addresses);
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (addresses[i].empty() || NetAddress::Parse(addresses[i], 0)) continue;
    top.Error(value->items[i], "bind_addresses",
              "IP addresses, or \"\" for all, found " + Quoted(addresses[i]));
    return;
  }
  if (addresses.size() > limits::kListenersMax) {
    top.Error(*value, "bind_addresses",
              "at most " + std::to_string(limits::kListenersMax) + " addresses");
  } else if (!addresses.empty()) {
    config.bind_addresses = std::move(addresses);
  }
}

void ReadTls(Section tls, TlsConfig& out) {
  tls.Text("cert_file", out.cert_file);
  tls.Text("key_file", out.key_file);
  tls.Integer("port", out.port, kPortRange);
  if (out.cert_file.empty() != out.key_file.empty()) {
    const char* missing = out.cert_file.empty() ? "cert_file" : "key_file";
    const char* given = out.cert_file.empty() ? "key_file" : "cert_file";
    tls.Error(*tls.Any(given), given, std::string("a ") + missing + " beside it");
  }
  tls.Finish();
}

void ReadKeys(const YamlNode& node, ConfigFindings& findings, wire::ApiKeys& out,
              ConfigPlaces& places) {
  if (node.kind == YamlNode::Kind::kNull) return;
  if (node.kind != YamlNode::Kind::kMap) {
    // Without quoting what is there: it may be the secret.
    findings.Error(node.place, "keys: expected lines of \"API key: secret\"");
    return;
  }
  for (const YamlEntry& entry : node.entries) {
    const bool usable = entry.value.kind == YamlNode::Kind::kScalar && !entry.value.text.empty();
    if (usable && !entry.key.empty()) {
      out.insert_or_assign(entry.key, entry.value.text);
      places["keys." + entry.key] = findings.In(entry.place);
    } else {
      findings.Error(entry.value.kind == YamlNode::Kind::kNull ? entry.place : entry.value.place,
                     "keys: expected a secret after the API key " + Quoted(entry.key));
    }
  }
}

void ReadEvents(Section& section, std::string_view key, std::vector<std::string>& out) {
  const YamlNode* value = section.Any(key);
  std::vector<std::string> events;
  section.TextList(key, events);
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (std::find(kWebhookEvents.begin(), kWebhookEvents.end(), events[i]) !=
        kWebhookEvents.end()) {
      continue;
    }
    section.Error(value->items[i], key,
                  "events of " + JoinedWords(kWebhookEvents) + ", found " + Quoted(events[i]));
    return;
  }
  out.insert(out.end(), events.begin(), events.end());
}

// A URL alone, or {url, include_events, exclude_events}.
void ReadWebhookTarget(const YamlNode& node, const std::string& path, ConfigFindings& findings,
                       std::vector<WebhookTarget>& out) {
  WebhookTarget target;
  const YamlNode* url_node = &node;
  if (node.kind == YamlNode::Kind::kScalar) {
    target.url = node.text;
  } else {
    Section section(&node, path, findings);
    section.Text("url", target.url);
    ReadEvents(section, "include_events", target.include_events);
    ReadEvents(section, "exclude_events", target.exclude_events);
    if (const YamlNode* given = section.Any("url")) url_node = given;
    section.Finish();
  }
  if (!wire::ParseHttpUrl(target.url)) {
    findings.Error(url_node->place,
                   path + ": expected a URL such as https://example.org/hook, found " +
                       (target.url.empty() ? "nothing" : Quoted(target.url)));
    return;
  }
  out.push_back(std::move(target));
}

void ReadWebhook(Section webhook, Config& config) {
  std::vector<WebhookTarget>& targets = config.webhook.targets;
  webhook.Text("api_key", config.webhook.api_key);
  webhook.Locate("api_key", config.places);
  webhook.Locate("urls", config.places);
  const YamlNode* urls = webhook.Any("urls");
  if (urls != nullptr && urls->kind != YamlNode::Kind::kList) {
    webhook.Error(*urls, "urls", "a list of URLs, found " + Describe(*urls));
  } else if (urls != nullptr && urls->items.size() > limits::kWebhookTargetsMax) {
    webhook.Error(*urls, "urls", "at most " + std::to_string(limits::kWebhookTargetsMax) + " URLs");
  } else if (urls != nullptr) {
    for (std::size_t i = 0; i < urls->items.size(); ++i) {
      ReadWebhookTarget(urls->items[i], "webhook.urls[" + std::to_string(i) + "]",
                        webhook.findings(), targets);
    }
  }
  Section filter = webhook.Map("filter_params");
  WebhookTarget everywhere;
  ReadEvents(filter, "include_events", everywhere.include_events);
  ReadEvents(filter, "exclude_events", everywhere.exclude_events);
  filter.Finish();
  for (WebhookTarget& target : targets) {
    // A filter of its own takes the place of the common one.
    if (target.include_events.empty()) target.include_events = everywhere.include_events;
    if (target.exclude_events.empty()) target.exclude_events = everywhere.exclude_events;
  }
  webhook.Unused({"url_notifier", "resource_url_notifier"},
                 "the queue for each URL has a fixed size");
  webhook.Finish();
}

// The usual spelling, "" for a codec that is not forwarded, nothing for what is no codec.
std::optional<std::string> ReadCodec(const YamlNode& node, Section& room) {
  std::string mime;
  if (node.kind == YamlNode::Kind::kScalar) {
    mime = node.text;
  } else {
    Section codec(&node, room.PathOf("enabled_codecs"), room.findings());
    codec.Text("mime", mime);
    codec.Unused({"fmtp_line"}, "codecs are told apart by their name");
    codec.Finish();
  }
  const auto same = [&](std::string_view name) { return SameIgnoringCase(name, mime); };
  const auto* const known = std::find_if(kCodecs.begin(), kCodecs.end(), same);
  if (known != kCodecs.end()) return std::string(*known);
  if (std::any_of(kCodecsNotForwarded.begin(), kCodecsNotForwarded.end(), same)) {
    room.findings().Note(node.place, "room.enabled_codecs: " + mime +
                                         " is accepted, not used: it is no codec to publish here");
    return "";
  }
  room.Error(node, "enabled_codecs",
             "codecs of " + JoinedWords(kCodecs) + ", found " + Quoted(mime));
  return std::nullopt;
}

void ReadCodecs(Section& room, Config& config) {
  const YamlNode* value = room.Any("enabled_codecs");
  if (value == nullptr) return;
  if (value->kind != YamlNode::Kind::kList) {
    room.Error(*value, "enabled_codecs",
               "a list such as \"- mime: video/VP8\", found " + Describe(*value));
    return;
  }
  std::vector<std::string> codecs;
  for (const YamlNode& node : value->items) {
    const std::optional<std::string> codec = ReadCodec(node, room);
    if (!codec) return;
    if (!codec->empty() && std::find(codecs.begin(), codecs.end(), *codec) == codecs.end()) {
      codecs.push_back(*codec);
    }
  }
  if (codecs.empty()) {
    room.Error(*value, "enabled_codecs", "at least one of " + JoinedWords(kCodecs));
    return;
  }
  // Clients take the first codec that fits their track; see RoomOptions::enabled_codecs.
  std::stable_partition(codecs.begin(), codecs.end(),
                        [](const std::string& mime) { return mime.starts_with("video/"); });
  config.server.room.enabled_codecs = std::move(codecs);
}

// A limit in bytes or characters. 0 is no limit in LiveKit's files; here it is what the transport
// carries at most.
void ReadLimit(Section& section, std::string_view key, std::size_t& out, std::size_t max) {
  std::size_t value = out;
  section.Integer(key, value, {0, static_cast<std::int64_t>(max)});
  out = value == 0 ? max : value;
}

constexpr std::int64_t kLoadMax = 1'000'000'000'000;  // no machine moves more

// 0, or less as LiveKit's default has it, is no limit.
void ReadLoad(Section& section, std::string_view key, std::uint64_t& out) {
  auto value = static_cast<std::int64_t>(out);
  section.Integer(key, value, {-1, kLoadMax});
  out = static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
}

// What tokens and CreateRoom may ask for by name.
void ReadPresets(const YamlNode& node, Section& room,
                 std::map<std::string, pb::RoomConfiguration>& out) {
  constexpr const char* kKey = "room_configurations";
  if (node.kind != YamlNode::Kind::kMap) return room.Error(node, kKey, "a map of names");
  for (const YamlEntry& entry : node.entries) {
    Section preset(&entry.value, room.PathOf(kKey) + "." + entry.key, room.findings());
    pb::RoomConfiguration& configuration = out[entry.key];
    std::uint32_t number = 0;
    preset.Integer("empty_timeout", number, kUint32Range);
    configuration.set_empty_timeout(std::exchange(number, 0));
    preset.Integer("departure_timeout", number, kUint32Range);
    configuration.set_departure_timeout(std::exchange(number, 0));
    preset.Integer("max_participants", number, kUint32Range);
    configuration.set_max_participants(std::exchange(number, 0));
    std::string text;
    preset.Text("metadata", text);
    configuration.set_metadata(text);
    preset.Unused({"name"}, "a configuration goes by the key that it stands under");
    preset.Unused({"tags"}, "rooms have no tags here");
    preset.Unused({"egress", "agents"}, "there are no egress and no agent services here");
    preset.Unused({"min_playout_delay", "max_playout_delay"}, kNoPlayoutDelay);
    preset.Unused({"sync_streams"}, kNoSyncStreams);
    preset.Finish();
  }
}

void ReadRoom(Section room, Config& config) {
  livekit::RoomOptions& options = config.server.room;
  room.Bool("auto_create", options.auto_create);
  room.Integer("empty_timeout", options.empty_timeout_s, kUint32Range);
  room.Integer("departure_timeout", options.departure_timeout_s, kUint32Range);
  room.Integer("max_participants", options.max_participants, kUint32Range);
  room.Bool("enable_remote_unmute", options.enable_remote_unmute);
  ReadCodecs(room, config);
  // Where LiveKit had these before it had `limit`.
  ReadLimit(room, "max_metadata_size", config.server.metadata_bytes_max,
            limits::kSignalMessageBytesMax);
  ReadLimit(room, "max_room_name_length", config.server.room_name_chars_max,
            limits::kHttpRequestLineBytesMax);
  ReadLimit(room, "max_participant_identity_length", config.server.identity_chars_max,
            limits::kHttpRequestLineBytesMax);
  Section delay = room.Map("playout_delay");
  delay.Always("enabled", false, kNoPlayoutDelay);
  delay.Ignored({"min", "max"});
  delay.Finish();
  room.Unused({"sync_streams"}, kNoSyncStreams);
  if (const YamlNode* named = room.Any("room_configurations")) {
    ReadPresets(*named, room, options.configurations);
  }
  room.Unused({"enable_full_room_in_webhooks"}, "webhooks always carry the whole room");
  room.Unused({"create_room_timeout", "create_room_attempts"}, kSingleNode);
  room.Unused({"update_batch_target_size"}, "updates are batched by time");
  room.Finish();
}

void ReadLimits(Section limit, Config& config) {
  livekit::ServerOptions& server = config.server;
  ReadLimit(limit, "max_metadata_size", server.metadata_bytes_max, limits::kSignalMessageBytesMax);
  ReadLimit(limit, "max_attributes_size", server.attributes_bytes_max,
            limits::kSignalMessageBytesMax);
  ReadLimit(limit, "max_room_name_length", server.room_name_chars_max,
            limits::kHttpRequestLineBytesMax);
  ReadLimit(limit, "max_participant_identity_length", server.identity_chars_max,
            limits::kHttpRequestLineBytesMax);
  ReadLimit(limit, "max_participant_name_length", server.name_chars_max,
            limits::kHttpRequestLineBytesMax);
  ReadLoad(limit, "num_tracks", server.tracks_max);
  ReadLoad(limit, "bytes_per_sec", server.bytes_per_second_max);
  ReadLoad(limit, "subscription_limit_video", server.video_subscriptions_max);
  ReadLoad(limit, "subscription_limit_audio", server.audio_subscriptions_max);
  limit.Unused({"signal_message_size_limit", "max_api_request_body_size"},
               "messages and requests have fixed limits");
  limit.Unused({"agent_signal_message_size_limit", "max_data_blob_key_length",
                "max_data_blobs_size", "max_data_track_custom_encoding_length"},
               kNoFeature);
  limit.Finish();
}

void ReadMedia(Section& top, Config& config) {
  Section audio = top.Map("audio");
  std::uint32_t interval_ms = static_cast<std::uint32_t>(ToMillis(config.server.speaker_interval));
  audio.Integer("update_interval", interval_ms, {50, 60'000});
  config.server.speaker_interval = Millis(interval_ms);
  audio.Integer("active_level", config.audio.active_level, {0, 127});
  audio.Integer("min_percentile", config.audio.min_percentile, {0, 100});
  audio.Integer("smooth_intervals", config.audio.smooth_intervals, {0, 1000});
  audio.Unused({"active_red_encoding", "enable_loss_proxying"}, "audio is forwarded as it comes");
  audio.Finish();
  Section video = top.Map("video");
  video.Time("dynacast_pause_delay", config.server.dynacast_pause_delay, Duration(0),
             Seconds(3600));
  video.Integer("codec_regression_threshold", config.server.codec_regression_threshold,
                {0, 1'000'000});
  video.Unused({"stream_tracker_manager"}, "layers are watched by what arrives");
  video.Finish();
  top.Bool("enable_data_tracks", config.server.enable_data_tracks);
}

// zap's levels, which LiveKit takes, and the four that we have.
std::string LevelOf(const std::string& name) {
  if (name == "debug" || name == "info" || name == "warn" || name == "error") return name;
  if (name == "warning") return "warn";
  if (name == "dpanic" || name == "panic" || name == "fatal") return "error";
  return {};
}

void ReadLevel(Section& section, std::string_view key, Config& config) {
  std::string name;
  section.Text(key, name);
  if (name.empty()) return;
  const std::string level = LevelOf(name);
  if (level.empty()) {
    section.Error(*section.Any(key), key, "debug, info, warn or error, found " + Quoted(name));
  } else {
    config.log.level = level;
  }
}

void ReadObservation(Section& top, Config& config) {
  Section logging = top.Map("logging");
  ReadLevel(logging, "level", config);
  logging.Bool("json", config.log.json);
  logging.Unused({"sample", "sample_initial", "sample_interval", "item_sample_seconds",
                  "item_sample_initial", "item_sample_interval"},
                 "repeated lines are always limited");
  logging.Unused({"component_levels"}, "there is one level for all");
  logging.Unused({"pion_level"}, "it is of a library that is not here");
  logging.Finish();
  ReadLevel(top, "log_level", config);  // LiveKit's old place for it, which wins there too

  top.Integer("prometheus_port", config.prometheus.port, kPortRange);  // the old place
  Section prometheus = top.Map("prometheus");
  prometheus.Integer("port", config.prometheus.port, kPortRange);
  top.Locate("prometheus_port", config.places);
  prometheus.Locate("port", config.places);
  prometheus.Text("username", config.prometheus.username);
  prometheus.Text("password", config.prometheus.password);
  prometheus.Finish();
}

void ReadDevelopment(Section& top, const LoadOptions& options, Config& config) {
  config.development = options.development;
  bool in_file = false;
  top.Bool("development", in_file);
  config.development = config.development || in_file;
  if (!config.development) return;
  config.log.level = "debug";
  // The page hands a token to whoever asks, so that others are let in only where the file says so.
  config.bind_addresses = {"127.0.0.1", "::1"};
  config.rtc.enable_loopback_candidate = true;
}

Result<YamlNode, ConfigError> Parse(std::string_view text, const std::string& file_name) {
  Result<YamlNode, YamlError> parsed = ParseYaml(text);
  if (parsed.ok()) return std::move(*parsed);
  const YamlError& error = parsed.error();
  return Failure{ConfigError{file_name, error.place.line, error.place.column, error.message}};
}

}  // namespace

Result<Config, ConfigError> LoadConfig(std::string_view yaml_text, const LoadOptions& options) {
  const Result<YamlNode, ConfigError> parsed = Parse(yaml_text, options.file_name);
  if (!parsed.ok()) return Failure{parsed.error()};
  ConfigFindings findings(options.file_name, options.strict);
  Config config;
  Section top(&*parsed, "", findings);
  ReadDevelopment(top, options, config);
  ReadListener(top, config);
  if (const YamlNode* keys = top.Any("keys")) ReadKeys(*keys, findings, config.keys, config.places);
  top.Locate("keys", config.places);
  top.Text("key_file", config.key_file);
  top.Text("region", config.server.region);
  ReadTls(top.Map("tls"), config.tls);
  ReadRtc(top.Map("rtc"), config);
  ReadTurn(top.Map("turn"));
  ReadRoom(top.Map("room"), config);
  ReadLimits(top.Map("limit"), config);
  ReadMedia(top, config);
  ReadWebhook(top.Map("webhook"), config);
  ReadObservation(top, config);
  ReadMatrix(top, config);
  top.Unused({"redis", "signal_relay", "psrpc", "node_selector"}, kSingleNode);
  top.Unused({"ingress", "sip", "agents", "enable_participant_data_blob"}, kNoFeature);
  top.Unused({"debug_handler", "trace", "metric", "node_stats", "api"},
             "it tunes LiveKit's own machinery");
  top.Finish();
  if (findings.error()) return Failure{*findings.error()};
  config.notes.insert(config.notes.end(), findings.notes().begin(), findings.notes().end());
  return config;
}

Result<wire::ApiKeys, ConfigError> LoadKeys(std::string_view yaml_text,
                                            const std::string& file_name, ConfigPlaces& places) {
  const Result<YamlNode, ConfigError> parsed = Parse(yaml_text, file_name);
  if (!parsed.ok()) return Failure{parsed.error()};
  ConfigFindings findings(file_name, true);
  wire::ApiKeys keys;
  ForgetKeys(places);
  places["keys"] = {.file = file_name};
  ReadKeys(*parsed, findings, keys, places);
  if (findings.error()) return Failure{*findings.error()};
  return keys;
}

}  // namespace fovea::app
