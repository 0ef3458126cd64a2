#include "signaling/app/config_yaml_rtc.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "sfu/core/limits.h"
#include "signaling/app/config_values.h"
#include "signaling/matrix/egress_policy.h"

namespace fovea::app {
namespace {

constexpr std::int64_t kTurnTtlSecondsMax = 366L * 24 * 3600;

// Not constexpr: GCC 12 takes the array behind it for a temporary.
const std::initializer_list<std::string_view> kTurnKeys = {"domain",
                                                           "cert_file",
                                                           "key_file",
                                                           "tls_port",
                                                           "udp_port",
                                                           "external_tls",
                                                           "relay_range_start",
                                                           "relay_range_end",
                                                           "ttl_seconds",
                                                           "bind_addresses",
                                                           "per_user_relay_allocation_limit",
                                                           "allow_restricted_peer_cidrs",
                                                           "deny_peer_cidrs"};

// udp_port: 7882, "7882-7892" or {start: 7882, end: 7892}.
void ReadUdpPort(Section& rtc, Config& config) {
  const YamlNode* value = rtc.Any("udp_port");
  if (value == nullptr) return;
  if (value->kind == YamlNode::Kind::kMap) {
    Section range(value, rtc.PathOf("udp_port"), rtc.findings());
    PortRange ports;
    range.Integer("start", ports.first, kPortRange);
    ports.last = ports.first;
    range.Integer("end", ports.last, kPortRange);
    range.Finish();
    if (ports.last < ports.first || (ports.first == 0 && ports.last != 0)) {
      rtc.Error(*value, "udp_port", "an end that is not below a start of at least 1");
      return;
    }
    config.rtc.udp_ports = ports;
    return;
  }
  if (value->kind == YamlNode::Kind::kScalar) {
    if (value->text.empty()) return;
    const Result<PortRange, std::string> ports = ParsePortRange(value->text);
    if (ports.ok()) {
      config.rtc.udp_ports = *ports;
    } else {
      rtc.Error(*value, "udp_port", ports.error());
    }
    return;
  }
  rtc.Error(*value, "udp_port", "a port or a range such as 7882-7892, found " + Describe(*value));
}

// LiveKit's older way: one port per client connection. Fovea takes a port per worker from the
// range.
void ReadPortRange(Section& rtc, Config& config) {
  PortRange ports;
  rtc.Integer("port_range_start", ports.first, {1, kPortRange.max});
  ports.last = std::max<std::uint16_t>(ports.first, ports.last);
  const YamlNode* end = rtc.Any("port_range_end");
  if (end != nullptr) rtc.Integer("port_range_end", ports.last, {1, kPortRange.max});
  if (ports.first == 0) return;
  if (ports.last < ports.first) {
    rtc.Error(end == nullptr ? *rtc.Any("port_range_start") : *end, "port_range_end",
              "a port that is not below port_range_start");
    return;
  }
  if (rtc.Any("udp_port") != nullptr) {
    rtc.findings().Note(rtc.Any("port_range_start")->place,
                        "rtc.port_range_start is accepted, not used: rtc.udp_port is set");
    return;
  }
  const auto used = static_cast<std::uint16_t>(
      std::min<std::size_t>(ports.last, std::size_t{ports.first} + limits::kWorkersMax - 1));
  config.rtc.udp_ports = {ports.first, used};
  rtc.findings().Note(rtc.Any("port_range_start")->place,
                      "rtc.port_range_start is accepted as rtc.udp_port " +
                          FormatPortRange(config.rtc.udp_ports) +
                          ": each worker serves everybody on one port, further ports stay unused");
}

// node_ip: 192.0.2.7, "192.0.2.7,2001:db8::7" or {ipv4: ..., ipv6: ...}.
void ReadNodeIp(Section& rtc, Config& config) {
  const YamlNode* value = rtc.Any("node_ip");
  if (value == nullptr) return;
  std::string text;
  if (value->kind == YamlNode::Kind::kMap) {
    Section map(value, rtc.PathOf("node_ip"), rtc.findings());
    std::string v4;
    std::string v6;
    map.Text("ipv4", v4);
    map.Text("ipv6", v6);
    map.Finish();
    text = v4.empty() || v6.empty() ? v4 + v6 : v4 + "," + v6;
  } else if (value->kind == YamlNode::Kind::kScalar) {
    text = value->text;
  } else {
    rtc.Error(*value, "node_ip", "an IP address, found " + Describe(*value));
    return;
  }
  if (text.empty()) return;
  Result<std::vector<std::string>, std::string> ips = ParseNodeIps(text);
  if (ips.ok()) {
    config.rtc.node_ips = std::move(*ips);
  } else {
    rtc.Error(*value, "node_ip", ips.error());
  }
}

std::string HostPort(const std::string& host, int port) {
  const bool bare_v6 = host.find(':') != std::string::npos && !host.starts_with('[');
  return (bare_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

void ReadTurnServer(const YamlNode& node, const std::string& path, ConfigFindings& findings,
                    std::vector<livekit::IceServer>& out) {
  Section turn(&node, path, findings);
  std::string host;
  std::string protocol = "udp";
  int port = 3478;
  livekit::IceServer server;
  turn.Text("host", host);
  turn.Integer("port", port, {1, kPortRange.max});
  turn.Text("protocol", protocol);
  turn.Text("username", server.username);
  turn.Text("credential", server.credential);
  turn.Text("secret", server.secret);
  turn.Text("secret_file", server.secret_file);
  std::int64_t ttl_s = 0;
  turn.Integer("ttl", ttl_s, {0, kTurnTtlSecondsMax});
  if (ttl_s > 0) server.credential_ttl_s = ttl_s;
  const bool is_shared = !server.secret.empty() || !server.secret_file.empty();
  if (!is_shared) turn.Unused({"ttl"}, "a credential that is given does not end; a secret's does");
  turn.Finish();
  if (host.empty()) {
    turn.Error(node, "host", "the name of the TURN server");
  } else if (protocol != "udp" && protocol != "tcp" && protocol != "tls") {
    turn.Error(*turn.Any("protocol"), "protocol", "udp, tcp or tls, found " + Quoted(protocol));
  } else if (!is_shared && (server.username.empty() || server.credential.empty())) {
    turn.Error(node, "username", "a username and a credential, or a secret");
  } else {
    const std::string transport = protocol == "udp" ? "udp" : "tcp";
    server.urls = {(protocol == "tls" ? "turns:" : "turn:") + HostPort(host, port) +
                   "?transport=" + transport};
    out.push_back(std::move(server));
  }
}

void ReadIceServers(Section& rtc, Config& config) {
  std::vector<livekit::IceServer>& servers = config.server.ice_servers;
  std::vector<std::string> stun;
  rtc.TextList("stun_servers", stun);
  for (const std::string& name : stun) {
    if (!name.empty())
      servers.push_back({{name.starts_with("stun:") ? name : "stun:" + name}, "", ""});
  }
  const YamlNode* turn = rtc.Any("turn_servers");
  if (turn != nullptr && turn->kind != YamlNode::Kind::kList) {
    rtc.Error(*turn, "turn_servers", "a list of servers, found " + Describe(*turn));
  } else if (turn != nullptr) {
    for (std::size_t i = 0; i < turn->items.size(); ++i) {
      const std::string path = rtc.PathOf("turn_servers") + "[" + std::to_string(i) + "]";
      ReadTurnServer(turn->items[i], path, rtc.findings(), servers);
    }
  }
  if (servers.size() > limits::kIceServersMax) {
    const YamlNode* at = turn != nullptr ? turn : rtc.Any("stun_servers");
    rtc.Error(
        *at, "turn_servers",
        "at most " + std::to_string(limits::kIceServersMax) + " STUN and TURN servers together");
  }
}

void ReadFilters(Section& rtc, RtcConfig& out) {
  Section ips = rtc.Map("ips");
  const auto read_networks = [&](std::string_view key, std::vector<std::string>& ranges) {
    ips.TextList(key, ranges);
    if (ranges.size() > limits::kConfigNetworksMax) {
      ips.Error(*ips.Any(key), key,
                "at most " + std::to_string(limits::kConfigNetworksMax) + " networks");
    }
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      if (matrix::Cidr::Parse(ranges[i])) continue;
      ips.Error(ips.Any(key)->items[i], key,
                "networks such as 10.0.0.0/8, found " + Quoted(ranges[i]));
    }
  };
  read_networks("includes", out.ips.includes);
  read_networks("excludes", out.ips.excludes);
  ips.Finish();
  Section interfaces = rtc.Map("interfaces");
  interfaces.TextList("includes", out.interfaces.includes);
  interfaces.TextList("excludes", out.interfaces.excludes);
  interfaces.Finish();
}

void ReadKeyFrames(Section throttle, RtcConfig& out) {
  constexpr std::array<std::string_view, limits::kSpatialLayersMax> kKeys = {
      "low_quality", "mid_quality", "high_quality"};
  for (std::size_t layer = 0; layer < kKeys.size(); ++layer) {
    throttle.Time(kKeys[layer], out.key_frame_intervals[layer], Duration(0), Seconds(60));
  }
  throttle.Finish();
}

// Without advertise_internal_ip LiveKit hides the own addresses that an external one stands for.
// Not so here: who shares the network with the server may have no other way.
void ReadExternalAddress(Section& rtc, RtcConfig& out) {
  rtc.Bool("use_external_ip", out.use_external_ip);
  rtc.Bool("external_ip_only", out.external_ip_only);
  rtc.Bool("advertise_internal_ip", out.advertise_internal_ip);
  if (out.external_ip_only) {
    rtc.Unused({"advertise_internal_ip"}, "external_ip_only is on, and no other is offered");
    out.advertise_internal_ip = false;
  }
}

void AcceptUnused(Section& rtc) {
  rtc.Unused({"skip_external_ip_validation"}, "the external address is offered without a trial");
  rtc.Unused({"use_stun_port_as_ice"}, "media has the ports of udp_port and no others");
  rtc.Unused({"force_tcp", "allow_tcp_fallback", "tcp_fallback_rtt_threshold",
              "allow_udp_unstable_fallback"},
             "ICE over TCP is not offered");
  rtc.Unused({"congestion_control"}, "congestion control has no settings");
  rtc.Unused({"packet_buffer_size", "packet_buffer_size_video", "packet_buffer_size_audio"},
             "the history for retransmissions has a fixed size in bytes");
  rtc.Unused({"batch_io"}, "packets are always sent in batches");
  rtc.Unused({"strict_acks"}, "data channels follow RFC 8832");
  rtc.Unused({"data_channel_max_buffered_amount", "datachannel_slow_threshold",
              "datachannel_lossy_target_latency", "datachannel_data_track_target_latency",
              "sctp_min_cwnd", "sctp_fast_rtx_wnd", "sctp_cwnd_ca_step"},
             "data channels have fixed buffers");
  rtc.Unused({"reconnect_on_publication_error", "reconnect_on_subscription_error",
              "reconnect_on_data_channel_error", "enable_rtp_stream_restart_detection"},
             "recovery is not configurable");
  rtc.Unused({"enable_warp", "forward_stats"}, "Fovea has no such feature");
}

}  // namespace

void ReadRtc(Section rtc, Config& config) {
  ReadUdpPort(rtc, config);
  ReadPortRange(rtc, config);
  ReadNodeIp(rtc, config);
  ReadIceServers(rtc, config);
  rtc.Integer("workers", config.rtc.workers, {0, static_cast<std::int64_t>(limits::kWorkersMax)});
  rtc.Locate("workers", config.places);
  rtc.Integer("tcp_port", config.rtc.tcp_port, kPortRange);
  rtc.Unused({"tcp_port"}, "ICE over TCP is not offered; clients need UDP");
  ReadExternalAddress(rtc, config.rtc);
  rtc.Bool("enable_loopback_candidate", config.rtc.enable_loopback_candidate);
  ReadFilters(rtc, config.rtc);
  ReadKeyFrames(rtc.Map("pli_throttle"), config.rtc);
  rtc.Always("use_ice_lite", true, "Fovea is always ICE-lite");
  rtc.Always("use_mdns", false, "candidates carry addresses");
  AcceptUnused(rtc);
  rtc.Finish();
}

void ReadTurn(Section turn) {
  bool enabled = false;
  turn.Bool("enabled", enabled);
  if (enabled) {
    turn.Unused(
        {"enabled"},
        "Fovea relays nothing; run a TURN server of its own and name it in rtc.turn_servers");
    // All of them belong to `enabled`, whose note covers them.
    turn.Ignored(kTurnKeys);
  } else {
    turn.UnusedTogether(kTurnKeys, "turn.enabled is false, and Fovea relays nothing");
  }
  turn.Finish();
}

}  // namespace fovea::app
