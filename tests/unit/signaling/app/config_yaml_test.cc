#include "signaling/app/config_yaml.h"

#include <gmock/gmock.h>

#include <string>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/app/config_print.h"

namespace fovea::app {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

Result<Config, ConfigError> Load(std::string_view text) {
  return LoadConfig(text, {.file_name = "f.yaml"});
}

// The whole error as an operator sees it; empty if there is none.
std::string ErrorOf(std::string_view text) {
  const auto config = Load(text);
  return config.ok() ? "" : config.error().ToString();
}

TEST(ConfigYaml, AnEmptyFileIsTheDefaults) {
  const auto config = Load("");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(PrintConfig(*config, Secrets::kShown), PrintConfig(Config{}, Secrets::kShown));
}

constexpr const char* kEverySetting = R"(
port: 1234
bind_addresses: ["::", 192.0.2.1]
keys: {k1: s1, k2: 12345}
key_file: /etc/keys
region: eu
rtc:
  udp_port: 7000-7003
  tcp_port: 0
  node_ip: {ipv4: 192.0.2.7, ipv6: "2001:db8::7"}
  use_external_ip: true
  external_ip_only: true
  advertise_internal_ip: false
  ips: {includes: [192.0.2.0/24], excludes: [192.0.2.9]}
  interfaces: {excludes: [docker0]}
  enable_loopback_candidate: yes
  use_ice_lite: true
  workers: 3
  pli_throttle: {low_quality: 300ms, high_quality: 2s}
  stun_servers: [stun.example.org:3478]
  turn_servers:
    - {host: turn.example.org, port: 443, protocol: tls, username: u, credential: c}
room:
  auto_create: false
  empty_timeout: 1
  departure_timeout: 2
  max_participants: 3
  enable_remote_unmute: true
  enabled_codecs: [{mime: audio/opus}, {mime: video/vp8}]
  room_configurations:
    meeting: {max_participants: 9, departure_timeout: 40, metadata: quiet, agents: []}
    "open: house": {empty_timeout: 7}
limit: {max_metadata_size: 10, max_attributes_size: 11, max_room_name_length: 12,
        max_participant_identity_length: 13, max_participant_name_length: 14}
audio: {update_interval: 500, active_level: 40, min_percentile: 50, smooth_intervals: 3}
video: {dynacast_pause_delay: 1s500ms, codec_regression_threshold: 8}
enable_data_tracks: false
webhook:
  api_key: k1
  urls: [https://example.org/hook, {url: "http://127.0.0.1:8080/x", include_events: [room_started]}]
logging: {level: warn, json: true}
prometheus: {port: 6789, username: u, password: p}
)";

class ConfigYamlReads : public testing::Test {
 protected:
  void SetUp() override {
    auto loaded = Load(kEverySetting);
    ASSERT_TRUE(loaded.ok()) << loaded.error().ToString();
    config = std::move(*loaded);
  }
  Config config;
};

TEST_F(ConfigYamlReads, ListenersAndKeysWithoutRemarks) {
  EXPECT_THAT(config.notes, IsEmpty());
  EXPECT_EQ(config.port, 1234);
  EXPECT_THAT(config.bind_addresses, ElementsAre("::", "192.0.2.1"));
  EXPECT_THAT(config.keys, ElementsAre(Pair("k1", "s1"), Pair("k2", "12345")));
  EXPECT_EQ(config.key_file, "/etc/keys");
  EXPECT_EQ(config.server.region, "eu");
}

TEST_F(ConfigYamlReads, MediaAddressesAndIceServers) {
  EXPECT_EQ(config.rtc.udp_ports.first, 7000);
  EXPECT_EQ(config.rtc.udp_ports.last, 7003);
  EXPECT_EQ(config.rtc.tcp_port, 0);
  EXPECT_THAT(config.rtc.node_ips, ElementsAre("192.0.2.7", "2001:db8::7"));
  EXPECT_TRUE(config.rtc.use_external_ip);
  EXPECT_TRUE(config.rtc.external_ip_only);
  EXPECT_FALSE(config.rtc.advertise_internal_ip);
  EXPECT_TRUE(config.rtc.enable_loopback_candidate);
  EXPECT_THAT(config.rtc.ips.includes, ElementsAre("192.0.2.0/24"));
  EXPECT_THAT(config.rtc.ips.excludes, ElementsAre("192.0.2.9"));
  EXPECT_THAT(config.rtc.interfaces.excludes, ElementsAre("docker0"));
  EXPECT_EQ(config.rtc.workers, 3U);
  EXPECT_THAT(config.rtc.key_frame_intervals, ElementsAre(Millis(300), Seconds(1), Seconds(2)));
  ASSERT_EQ(config.server.ice_servers.size(), 2U);
  EXPECT_THAT(config.server.ice_servers[0].urls, ElementsAre("stun:stun.example.org:3478"));
  EXPECT_THAT(config.server.ice_servers[1].urls,
              ElementsAre("turns:turn.example.org:443?transport=tcp"));
  EXPECT_EQ(config.server.ice_servers[1].credential, "c");
}

TEST_F(ConfigYamlReads, RoomsLimitsAndMedia) {
  EXPECT_FALSE(config.server.room.auto_create);
  EXPECT_EQ(config.server.room.empty_timeout_s, 1U);
  EXPECT_EQ(config.server.room.departure_timeout_s, 2U);
  EXPECT_EQ(config.server.room.max_participants, 3U);
  EXPECT_TRUE(config.server.room.enable_remote_unmute);
  EXPECT_THAT(config.server.room.enabled_codecs, ElementsAre("video/VP8", "audio/opus"));
  EXPECT_EQ(config.server.metadata_bytes_max, 10U);
  EXPECT_EQ(config.server.attributes_bytes_max, 11U);
  EXPECT_EQ(config.server.room_name_chars_max, 12U);
  EXPECT_EQ(config.server.identity_chars_max, 13U);
  EXPECT_EQ(config.server.name_chars_max, 14U);
  EXPECT_EQ(config.server.speaker_interval, Millis(500));
  EXPECT_EQ(config.audio.active_level, 40);
  EXPECT_EQ(config.audio.min_percentile, 50);
  EXPECT_EQ(config.audio.smooth_intervals, 3U);
  EXPECT_EQ(config.server.dynacast_pause_delay, Millis(1500));
  EXPECT_EQ(config.server.codec_regression_threshold, 8U);
  const auto& presets = config.server.room.configurations;
  ASSERT_EQ(presets.size(), 2U);
  EXPECT_EQ(presets.at("meeting").max_participants(), 9U);
  EXPECT_EQ(presets.at("meeting").departure_timeout(), 40U);
  EXPECT_EQ(presets.at("meeting").metadata(), "quiet");
  EXPECT_EQ(presets.at("open: house").empty_timeout(), 7U);
  EXPECT_FALSE(config.server.enable_data_tracks);
}

TEST_F(ConfigYamlReads, WebhooksLogsAndMetrics) {
  EXPECT_EQ(config.webhook.api_key, "k1");
  ASSERT_EQ(config.webhook.targets.size(), 2U);
  EXPECT_THAT(config.webhook.targets[1].include_events, ElementsAre("room_started"));
  EXPECT_EQ(config.log.level, "warn");
  EXPECT_TRUE(config.log.json);
  EXPECT_EQ(config.prometheus.port, 6789);
  EXPECT_EQ(config.prometheus.password, "p");
}

TEST(ConfigYaml, WhatIsPrintedReadsBackTheSame) {
  const auto config = Load(R"(
keys: {k1: "s\"1", "on": "#2"}
bind_addresses: [""]
rtc: {udp_port: 0, node_ip: "192.0.2.7,2001:db8::7", stun_servers: [a, b], tcp_port: 0,
      turn_servers: [{host: "2001:db8::1", protocol: tcp, username: u, credential: c}]}
webhook: {api_key: "k1", urls: [{url: "https://example.org/", exclude_events: [track_published]}]}
video: {dynacast_pause_delay: 250ms}
room: {room_configurations: {"a: b": {max_participants: 2}}}
)");
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  const std::string printed = PrintConfig(*config, Secrets::kShown);
  const auto again = Load(printed);
  ASSERT_TRUE(again.ok()) << again.error().ToString() << "\n" << printed;
  EXPECT_EQ(PrintConfig(*again, Secrets::kShown), printed);
}

TEST(ConfigYaml, ATurnServerMayShareASecretInPlaceOfACredential) {
  const auto config = Load(R"(
rtc: {tcp_port: 0,
      turn_servers: [{host: h, secret: s, ttl: 60}, {host: h, secret_file: /f},
                     {host: h, username: u, credential: c, secret: wins, ttl: 0}]}
)");
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_THAT(config->notes, IsEmpty());
  const auto& servers = config->server.ice_servers;
  ASSERT_EQ(servers.size(), 3U);
  EXPECT_THAT(servers[0].urls, ElementsAre("turn:h:3478?transport=udp"));
  EXPECT_EQ(servers[0].secret, "s");
  EXPECT_EQ(servers[0].credential_ttl_s, 60);
  EXPECT_EQ(servers[1].secret_file, "/f");
  EXPECT_EQ(servers[1].credential_ttl_s, 14400);
  EXPECT_EQ(servers[2].secret, "wins");
  EXPECT_EQ(servers[2].credential_ttl_s, 14400);
  const std::string printed = PrintConfig(*config, Secrets::kShown);
  const auto again = Load(printed);
  ASSERT_TRUE(again.ok()) << again.error().ToString() << "\n" << printed;
  EXPECT_EQ(PrintConfig(*again, Secrets::kShown), printed);
}

TEST(ConfigYaml, SaysThatACredentialThatIsGivenHasNoEnd) {
  const auto config =
      Load("rtc:\n  turn_servers:\n    - {host: h, username: u, credential: c, ttl: 60}\n");
  ASSERT_TRUE(config.ok());
  EXPECT_THAT(config->notes, ElementsAre(HasSubstr("f.yaml:3:45: rtc.turn_servers[0].ttl is ")));
}

TEST(ConfigYaml, PrintsNoSecretsWhenTheyAreMasked) {
  const auto config = Load(R"(
keys: {k1: hidden1}
prometheus: {port: 1, password: hidden2}
rtc: {turn_servers: [{host: h, username: u, credential: hidden3}, {host: h, secret: hidden4}]}
)");
  ASSERT_TRUE(config.ok());
  EXPECT_THAT(PrintConfig(*config, Secrets::kMasked), Not(HasSubstr("hidden")));
}

struct Mistake {
  const char* yaml;
  const char* error;
};

class ConfigMistake : public testing::TestWithParam<Mistake> {};

TEST_P(ConfigMistake, IsNamedWithItsPlaceAndWhatIsAllowed) {
  EXPECT_EQ(ErrorOf(GetParam().yaml), GetParam().error);
}

constexpr Mistake kMistakes[] = {
    {"prot: 1\n", "f.yaml:1:1: unknown key \"prot\"; did you mean \"port\"?"},
    {"rtc:\n  upd_port: 1\n",
     "f.yaml:2:3: unknown key \"upd_port\" in rtc; did you mean \"udp_port\"?"},
    {"audio:\n  volume: 11\n",
     "f.yaml:2:3: unknown key \"volume\" in audio; allowed are: active_level, active_red_encoding, "
     "enable_loss_proxying, min_percentile, smooth_intervals, update_interval"},
    {"port: http\n", "f.yaml:1:7: port: expected a whole number from 0 to 65535, found \"http\""},
    {"port: 65536\n", "f.yaml:1:7: port: expected a whole number from 0 to 65535, found \"65536\""},
    {"port: \"80\"\n",
     "f.yaml:1:7: port: expected a whole number from 0 to 65535 without quotes, found \"80\""},
    {"port: [80]\n", "f.yaml:1:7: port: expected a whole number from 0 to 65535, found a list"},
    {"bind_addresses: [localhost]\n",
     "f.yaml:1:18: bind_addresses: expected IP addresses, or \"\" for all, found \"localhost\""},
    {"bind_addresses: 0.0.0.0\n",
     "f.yaml:1:17: bind_addresses: expected a list of texts, found \"0.0.0.0\""},
    {"development: maybe\n", "f.yaml:1:14: development: expected true or false, found \"maybe\""},
    {"keys: [k]\n", "f.yaml:1:7: keys: expected lines of \"API key: secret\""},
    {"keys:\n  k:\n", "f.yaml:2:3: keys: expected a secret after the API key \"k\""},
    {"rtc: 7882\n", "f.yaml:1:6: rtc: expected a map of settings, found \"7882\""},
    {"rtc:\n  udp_port: 7892-7882\n",
     "f.yaml:2:13: rtc.udp_port: expected a range whose end is not below its start, found "
     "\"7892-7882\""},
    {"rtc:\n  udp_port: {start: 5, end: 4}\n",
     "f.yaml:2:13: rtc.udp_port: expected an end that is not below a start of at least 1"},
    {"rtc:\n  port_range_start: 50000\n  port_range_end: 40000\n",
     "f.yaml:3:19: rtc.port_range_end: expected a port that is not below port_range_start"},
    {"rtc:\n  node_ip: example.org\n",
     "f.yaml:2:12: rtc.node_ip: expected the address that clients reach this machine at, such as "
     "192.0.2.7 or 192.0.2.7,2001:db8::7, found \"example.org\""},
    {"rtc:\n  ips: {excludes: [10.0.0.0/8, home]}\n",
     "f.yaml:2:32: rtc.ips.excludes: expected networks such as 10.0.0.0/8, found \"home\""},
    {"rtc:\n  workers: 99\n",
     "f.yaml:2:12: rtc.workers: expected a whole number from 0 to 16, found \"99\""},
    {"rtc:\n  turn_servers:\n    - host: h\n      protocol: sctp\n",
     "f.yaml:4:17: rtc.turn_servers[0].protocol: expected udp, tcp or tls, found \"sctp\""},
    {"rtc:\n  turn_servers:\n    - host: h\n",
     "f.yaml:3:7: rtc.turn_servers[0].username: expected a username and a credential, or a secret"},
    {"room:\n  enabled_codecs:\n    - mime: video/theora\n",
     "f.yaml:3:7: room.enabled_codecs: expected codecs of audio/opus, audio/red, audio/PCMU, "
     "audio/PCMA, video/VP8, video/H264, video/VP9, video/AV1, found \"video/theora\""},
    {"room:\n  enabled_codecs:\n    - mime: video/h265\n",
     "f.yaml:3:5: room.enabled_codecs: expected at least one of audio/opus, audio/red, audio/PCMU, "
     "audio/PCMA, video/VP8, video/H264, video/VP9, video/AV1"},
    {"video:\n  dynacast_pause_delay: 5\n",
     "f.yaml:2:25: video.dynacast_pause_delay: expected a duration from 0 to 1h with its unit (ms, "
     "s, "
     "m, h), found \"5\""},
    {"webhook:\n  urls: [ftp://example.org]\n",
     "f.yaml:2:10: webhook.urls[0]: expected a URL such as https://example.org/hook, found "
     "\"ftp://example.org\""},
    {"logging:\n  level: loud\n",
     "f.yaml:2:10: logging.level: expected debug, info, warn or error, found \"loud\""},
    {"limit:\n  max_metadata_size: -1\n",
     "f.yaml:2:22: limit.max_metadata_size: expected a whole number from 0 to 2097152, found "
     "\"-1\""},
    {"port: 1\nport: 2\n", "f.yaml:2:1: key \"port\" is given twice, first in line 1"},
    {"just text\n", "f.yaml:1:1: expected a map of settings, found \"just text\""},
};
INSTANTIATE_TEST_SUITE_P(All, ConfigMistake, testing::ValuesIn(kMistakes));

TEST(ConfigYaml, ReportsTheFirstOfSeveralMistakes) {
  EXPECT_THAT(ErrorOf("rtc:\n  workers: x\nport: y\nfoo: z\n"), HasSubstr("f.yaml:2:12"));
}

TEST(ConfigYaml, UnknownKeysAreNotesWhenNotStrict) {
  const auto config = LoadConfig("foo: 1\nport: 5\n", {.file_name = "f.yaml", .strict = false});
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->port, 5);
  EXPECT_THAT(config->notes, ElementsAre(HasSubstr("f.yaml:1:1: unknown key \"foo\"")));
}

TEST(ConfigYaml, TellsOfSoManyThingsAndNoMore) {
  std::string text;
  for (std::size_t i = 0; i <= limits::kConfigNotesMax; ++i)
    text += "x" + std::to_string(i) + ": 1\n";
  const auto config = LoadConfig(text, {.file_name = "f.yaml", .strict = false});
  ASSERT_TRUE(config.ok());
  ASSERT_EQ(config->notes.size(), limits::kConfigNotesMax);
  EXPECT_THAT(config->notes.back(),
              HasSubstr("key \"x" + std::to_string(limits::kConfigNotesMax - 1) + "\""));
}

TEST(ConfigYaml, WrongTypesStayErrorsWhenNotStrict) {
  EXPECT_FALSE(LoadConfig("port: x\n", {.file_name = "f.yaml", .strict = false}).ok());
}

TEST(ConfigYaml, SaysInOneLineWhichKeysItMakesNoUseOf) {
  const auto config =
      Load("redis:\n  address: localhost:6379\nrtc:\n  tcp_port: 7881\n  use_mdns: true\n");
  ASSERT_TRUE(config.ok());
  EXPECT_THAT(
      config->notes,
      ElementsAre("f.yaml:4:3: rtc.tcp_port is accepted, not used: ICE over TCP is not offered; "
                  "clients need UDP",
                  "f.yaml:5:3: rtc.use_mdns is accepted, not used: candidates carry addresses",
                  "f.yaml:1:1: redis is accepted, not used: Fovea runs as a single node"));
}

TEST(ConfigYaml, OffersTheOwnAddressesUnlessDenied) {
  EXPECT_TRUE(Load("rtc: {use_external_ip: true}\n")->rtc.advertise_internal_ip);
  EXPECT_FALSE(Load("rtc: {advertise_internal_ip: false}\n")->rtc.advertise_internal_ip);
  const auto config = Load("rtc: {external_ip_only: true}\n");
  EXPECT_FALSE(config->rtc.advertise_internal_ip);
  EXPECT_THAT(Load(PrintConfig(*config, Secrets::kShown))->notes,
              Not(Contains(HasSubstr("advertise_internal_ip"))));
}

TEST(ConfigYaml, KeepsQuietAboutUnusedKeysThatAskForNothing) {
  const auto config = Load(
      "redis: {address: \"\"}\nturn: {enabled: false, domain: \"\", tls_port: 0}\n"
      "limit: {num_tracks: -1}\nrtc: {use_external_ip: false, allow_tcp_fallback: false}\n");
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_THAT(config->notes, IsEmpty());
}

struct Unused {
  const char* yaml;
  const char* note;
};

class ConfigUnused : public testing::TestWithParam<Unused> {};

TEST_P(ConfigUnused, IsSaidInOneLineWithItsPlace) {
  const auto config = Load(GetParam().yaml);
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_THAT(config->notes, ElementsAre(GetParam().note));
}

constexpr Unused kUnused[] = {
    {"logging:\n  pion_level: error\n",
     "f.yaml:2:3: logging.pion_level is accepted, not used: it is of a library that is not here"},
    {"rtc:\n  allow_tcp_fallback: true\n",
     "f.yaml:2:3: rtc.allow_tcp_fallback is accepted, not used: ICE over TCP is not offered"},
    {"rtc:\n  external_ip_only: true\n  advertise_internal_ip: true\n",
     "f.yaml:3:3: rtc.advertise_internal_ip is accepted, not used: external_ip_only is on, and no "
     "other is offered"},
    {"room:\n  sync_streams: true\n",
     "f.yaml:2:3: room.sync_streams is accepted, not used: each track is in a stream of its own, "
     "and browsers do not lip-sync one stream with another"},
    {"room:\n  playout_delay: {enabled: true, min: 100, max: 2000}\n",
     "f.yaml:2:19: room.playout_delay.enabled is accepted, not used: no delay is asked of "
     "receivers; they choose their own"},
    {"room:\n  room_configurations:\n    a: {name: b}\n",
     "f.yaml:3:9: room.room_configurations.a.name is accepted, not used: a configuration goes by "
     "the key that it stands under"},
    {"room:\n  room_configurations:\n    a: {tags: {x: y}}\n",
     "f.yaml:3:9: room.room_configurations.a.tags is accepted, not used: rooms have no tags here"},
    {"turn:\n  enabled: false\n  udp_port: 3478\n  tls_port: 5349\n  domain: t.example.org\n",
     "f.yaml:3:3: turn.domain, turn.tls_port, turn.udp_port are accepted, not used: turn.enabled "
     "is "
     "false, and Fovea relays nothing"},
    {"turn:\n  ttl_seconds: 5\n",
     "f.yaml:2:3: turn.ttl_seconds is accepted, not used: turn.enabled is false, and Fovea relays "
     "nothing"},
    {"turn:\n  enabled: true\n  udp_port: 3478\n",
     "f.yaml:2:3: turn.enabled is accepted, not used: Fovea relays nothing; run a TURN server of "
     "its own and name it in rtc.turn_servers"},
};
INSTANTIATE_TEST_SUITE_P(All, ConfigUnused, testing::ValuesIn(kUnused));

TEST(ConfigYaml, EmptyValuesAreAsGoodAsAbsentOnes) {
  const auto config = Load("port:\nrtc:\nkeys:\nbind_addresses: []\nroom:\n  enabled_codecs:\n");
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->port, 7880);
  EXPECT_THAT(config->bind_addresses, ElementsAre(""));
}

TEST(ConfigYaml, TakesPortsForTheWorkersFromLiveKitsPortRange) {
  const auto config = Load("rtc: {port_range_start: 50000, port_range_end: 60000}\n");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->rtc.udp_ports.first, 50000);
  EXPECT_EQ(config->rtc.udp_ports.last, 50000 + limits::kWorkersMax - 1);
  EXPECT_THAT(config->notes, ElementsAre(HasSubstr("accepted as rtc.udp_port 50000-50015")));
}

TEST(ConfigYaml, UdpPortWinsOverThePortRange) {
  const auto config = Load("rtc: {port_range_start: 50000, port_range_end: 60000, udp_port: 7}\n");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->rtc.udp_ports.first, 7);
  EXPECT_THAT(config->notes, ElementsAre(HasSubstr("rtc.udp_port is set")));
}

TEST(ConfigYaml, ReadsUdpPortInEveryForm) {
  for (const char* text : {"7-8", "\"7-8\"", "{start: 7, end: 8}"}) {
    const auto config = Load(std::string("rtc: {udp_port: ") + text + "}\n");
    ASSERT_TRUE(config.ok()) << config.error().ToString();
    EXPECT_EQ(config->rtc.udp_ports.first, 7);
    EXPECT_EQ(config->rtc.udp_ports.last, 8);
  }
}

TEST(ConfigYaml, NoLimitMeansAsMuchAsTheTransportCarries) {
  const auto config = Load("limit: {max_metadata_size: 0}\n");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->server.metadata_bytes_max, limits::kSignalMessageBytesMax);
}

TEST(ConfigYaml, KnowsLiveKitsOldPlacesOfSettings) {
  const auto config =
      Load("prometheus_port: 6789\nlog_level: error\nroom: {max_metadata_size: 7}\n");
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->prometheus.port, 6789);
  EXPECT_EQ(config->log.level, "error");
  EXPECT_EQ(config->server.metadata_bytes_max, 7U);
}

TEST(ConfigYaml, DevelopmentListensOnLoopbackAndTalksMore) {
  const auto config = Load("development: true\n");
  ASSERT_TRUE(config.ok());
  EXPECT_TRUE(config->development);
  EXPECT_THAT(config->bind_addresses, ElementsAre("127.0.0.1", "::1"));
  EXPECT_EQ(config->log.level, "debug");
  EXPECT_TRUE(config->rtc.enable_loopback_candidate);
}

TEST(ConfigYaml, DevelopmentLeavesAloneWhatTheFileSays) {
  const auto config = LoadConfig("bind_addresses: [\"\"]\nlogging: {level: warn}\n",
                                 {.file_name = "f.yaml", .development = true});
  ASSERT_TRUE(config.ok());
  EXPECT_THAT(config->bind_addresses, ElementsAre(""));
  EXPECT_EQ(config->log.level, "warn");
}

TEST(ConfigYaml, ACommonWebhookFilterServesUrlsWithoutTheirOwn) {
  const auto config = Load(R"(
webhook:
  api_key: k
  filter_params: {exclude_events: [track_published]}
  urls: ["http://a/", {url: "http://b/", exclude_events: [room_started]}]
)");
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_THAT(config->webhook.targets[0].exclude_events, ElementsAre("track_published"));
  EXPECT_THAT(config->webhook.targets[1].exclude_events, ElementsAre("room_started"));
}

// The numbers from 1 on, each with these texts around it, and commas between them.
std::string Many(std::size_t count, const std::string& before, const std::string& behind = "") {
  std::string out;
  for (std::size_t i = 1; i <= count; ++i) {
    out += (i == 1 ? "" : ", ") + before + std::to_string(i) + behind;
  }
  return out;
}

TEST(ConfigYaml, BoundsTheAddressesItListensAt) {
  const auto error = [](std::size_t count) {
    return ErrorOf("bind_addresses: [" + Many(count, "192.0.2.") + "]\n");
  };
  EXPECT_EQ(error(limits::kListenersMax), "");
  EXPECT_EQ(error(limits::kListenersMax + 1), "f.yaml:1:17: bind_addresses: expected at most " +
                                                  std::to_string(limits::kListenersMax) +
                                                  " addresses");
}

TEST(ConfigYaml, BoundsTheNetworksOfMedia) {
  constexpr std::size_t kMost = limits::kConfigNetworksMax;
  for (const std::string key : {"includes", "excludes"}) {
    const auto error = [&](std::size_t count) {
      return ErrorOf("rtc: {ips: {" + key + ": [" + Many(count, "192.0.2.") + "]}}\n");
    };
    EXPECT_EQ(error(kMost), "");
    EXPECT_EQ(error(kMost + 1), "f.yaml:1:23: rtc.ips." + key + ": expected at most " +
                                    std::to_string(kMost) + " networks");
  }
}

TEST(ConfigYaml, BoundsTheWorkers) {
  const auto error = [](std::size_t count) {
    return ErrorOf("rtc: {workers: " + std::to_string(count) + "}\n");
  };
  EXPECT_EQ(error(limits::kWorkersMax), "");
  EXPECT_THAT(error(limits::kWorkersMax + 1),
              HasSubstr("from 0 to " + std::to_string(limits::kWorkersMax)));
}

TEST(ConfigYaml, BoundsTheUrlsOfWebhooks) {
  const auto error = [](std::size_t count) {
    return ErrorOf("webhook: {api_key: k, urls: [" + Many(count, "'http://h/", "'") + "]}\n");
  };
  EXPECT_EQ(error(limits::kWebhookTargetsMax), "");
  EXPECT_EQ(error(limits::kWebhookTargetsMax + 1), "f.yaml:1:29: webhook.urls: expected at most " +
                                                       std::to_string(limits::kWebhookTargetsMax) +
                                                       " URLs");
}

TEST(ConfigYaml, BoundsStunAndTurnServersTogether) {
  const auto error = [](std::size_t stun, const std::string& turn) {
    return ErrorOf("rtc: {stun_servers: [" + Many(stun, "s") + "]" + turn + "}\n");
  };
  const std::string one = ", turn_servers: [{host: h, username: u, credential: c}]";
  EXPECT_EQ(error(limits::kIceServersMax, ""), "");
  EXPECT_EQ(error(limits::kIceServersMax - 1, one), "");
  const std::string why = "expected at most " + std::to_string(limits::kIceServersMax) + " STUN";
  EXPECT_THAT(error(limits::kIceServersMax + 1, ""), HasSubstr("f.yaml:1:21: rtc"));
  EXPECT_THAT(error(limits::kIceServersMax + 1, ""), HasSubstr(why));
  EXPECT_THAT(error(limits::kIceServersMax, one), HasSubstr(why));
}

TEST(ConfigYaml, SurvivesEveryTruncation) {
  const std::string text =
      "port: 1234\nkeys: {k: s}\nrtc:\n  udp_port: {start: 7, end: 8}\n  node_ip: 192.0.2.7\n"
      "room:\n  enabled_codecs: [{mime: video/vp8}]\nvideo: {dynacast_pause_delay: 1s}\n";
  for (std::size_t size = 0; size <= text.size(); ++size) (void)Load(text.substr(0, size));
}

TEST(ConfigKeys, ReadsLinesOfKeyAndSecret) {
  ConfigPlaces places = {{"keys.older", {}}, {"rtc.workers", {}}};
  const auto keys = LoadKeys("k1: s1\nk2: s2\n", "keys.yaml", places);
  ASSERT_TRUE(keys.ok());
  EXPECT_THAT(*keys, ElementsAre(Pair("k1", "s1"), Pair("k2", "s2")));
  EXPECT_EQ(places.at("keys.k2").line, 2);
  EXPECT_EQ(places.at("keys.k2").file, "keys.yaml");
  EXPECT_FALSE(places.contains("keys.older"));
  EXPECT_TRUE(places.contains("rtc.workers"));
}

TEST(ConfigKeys, NeverRepeatsWhatMayBeASecret) {
  ConfigPlaces places;
  const auto keys = LoadKeys("k1=mysecret", "--keys", places);
  ASSERT_FALSE(keys.ok());
  EXPECT_EQ(keys.error().ToString(), "--keys:1:1: keys: expected lines of \"API key: secret\"");
}

}  // namespace
}  // namespace fovea::app
