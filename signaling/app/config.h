// Everything an operator can set, with its default. One struct; config_yaml.{h,cc} reads it from
// LiveKit-style YAML, flags and environment. Thread: plain value, read-only after start.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/core/time.h"
#include "signaling/app/config_error.h"
#include "signaling/app/config_matrix.h"
#include "signaling/livekit/options.h"

namespace fovea::app {

struct PortRange {
  std::uint16_t first = 0;  // 0: the kernel picks free ones
  std::uint16_t last = 0;
};

// An empty list says nothing.
struct AddressFilter {
  std::vector<std::string> includes{};
  std::vector<std::string> excludes{};
};

struct RtcConfig {
  PortRange udp_ports{7882, 7889};  // rtc.udp_port: "7882" or "7882-7889"; worker i takes first + i
  std::uint16_t tcp_port = 7881;    // accepted; ICE-TCP is a later feature, see notes
  std::vector<std::string> node_ips{};  // rtc.node_ip; empty: addresses of the interfaces
  AddressFilter ips{};                  // networks, of the interfaces' addresses
  AddressFilter interfaces{};           // names
  bool use_external_ip = false;         // where node_ip is not set: STUN servers are asked at start
  bool external_ip_only = false;        // and no other address is offered
  bool advertise_internal_ip = true;    // false, with use_external_ip: as external_ip_only
  bool enable_loopback_candidate = false;
  std::uint32_t workers = 0;  // rtc.workers (ours): 0 = one per core but one, at least one
  // rtc.pli_throttle: from the lowest layer up; as router::KeyFrameIntervals.
  std::array<Duration, limits::kSpatialLayersMax> key_frame_intervals{Millis(500), Seconds(1),
                                                                      Seconds(1)};
};

// audio.*: what counts as speaking; as router::SpeakerTuning.
struct AudioConfig {
  std::uint8_t active_level = 35;
  std::uint8_t min_percentile = 40;
  std::uint32_t smooth_intervals = 2;
};

struct TlsConfig {
  std::string cert_file;   // PEM with the chain; empty: no TLS here, a proxy does it
  std::string key_file;    // PEM
  std::uint16_t port = 0;  // beside a plain `port`; 0: `port` itself speaks TLS
};

// One more place to listen at.
struct ListenerConfig {
  std::string address;  // empty: all, IPv6 and IPv4
  std::uint16_t port = 0;
};

struct WebhookTarget {
  std::string url;
  std::vector<std::string> include_events;
  std::vector<std::string> exclude_events;
};

struct WebhookConfig {
  std::string api_key;
  std::vector<WebhookTarget> targets;
};

struct LogConfig {
  std::string level = "info";  // debug, info, warn, error
  bool json = false;
};

struct PrometheusConfig {
  std::uint16_t port = 0;  // 0: no separate listener
  std::string username;
  std::string password;
};

struct Config {
  std::uint16_t port = 7880;                             // 0: the kernel picks
  std::vector<std::string> bind_addresses = {""};        // "" = all, IPv6 and IPv4
  std::map<std::string, std::string, std::less<>> keys;  // API key to secret
  TlsConfig tls;
  std::vector<ListenerConfig> extra_listeners;  // LIVEKIT_JWT_BIND; the same routes
  RtcConfig rtc;
  AudioConfig audio;
  HomeserverConfig homeserver;
  AppserviceConfig appservice;
  AccessConfig access;
  FederationConfig federation;
  StateConfig state;
  ExternalConfig external;
  WebhookConfig webhook;
  LogConfig log;
  PrometheusConfig prometheus;
  livekit::ServerOptions server;   // room.*, limit.*, audio.*, video.*
  bool development = false;        // --dev: page, /dev/token, loopback
  std::string key_file;            // more keys; the caller of LoadConfig reads it
  std::string page_dir;            // --page: files served to browsers in dev mode
  std::vector<std::string> notes;  // one line per accepted but unused key; logged once
  ConfigPlaces places;             // of what config_rules.h judges, where a file has it
};

}  // namespace fovea::app
