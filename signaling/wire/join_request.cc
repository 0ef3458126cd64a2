#include "signaling/wire/join_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/wire/base64.h"
#include "signaling/wire/gzip.h"
#include "signaling/wire/json.h"

namespace fovea::wire {
namespace {

using ::livekit::ClientInfo;

constexpr std::array<std::pair<std::string_view, ClientInfo::SDK>, 15> kSdks{{
    {"js", ClientInfo::JS},
    {"swift", ClientInfo::SWIFT},
    {"android", ClientInfo::ANDROID},
    {"flutter", ClientInfo::FLUTTER},
    {"go", ClientInfo::GO},
    {"unity", ClientInfo::UNITY},
    {"reactnative", ClientInfo::REACT_NATIVE},
    {"rust", ClientInfo::RUST},
    {"python", ClientInfo::PYTHON},
    {"cpp", ClientInfo::CPP},
    {"unityweb", ClientInfo::UNITY_WEB},
    {"node", ClientInfo::NODE},
    {"unreal", ClientInfo::UNREAL},
    {"esp32", ClientInfo::ESP32},
    {"dotnet", ClientInfo::DOTNET},
}};

Failure<JoinRequestError> Fail(std::string message) {
  return Failure{JoinRequestError{std::move(message)}};
}

Result<std::string, JoinRequestError> Unpack(::livekit::WrappedJoinRequest& wrapped) {
  switch (wrapped.compression()) {
    case ::livekit::WrappedJoinRequest::NONE:
      return std::move(*wrapped.mutable_join_request());
    case ::livekit::WrappedJoinRequest::GZIP: {
      auto plain = GzipDecompress(wrapped.join_request(), limits::kJoinRequestBytesMax);
      if (plain) return *std::move(plain);
      return Fail(plain.error() == GzipError::kTooLarge ? "join_request is too large"
                                                        : "join_request is no valid gzip");
    }
    default:
      return Fail("join_request has an unknown compression");
  }
}

Result<JoinParameters, JoinRequestError> ParseWrapped(std::string_view text) {
  const auto bytes = Base64UrlDecode(text);
  if (!bytes) return Fail("join_request is no valid base64url");
  ::livekit::WrappedJoinRequest wrapped;
  if (!wrapped.ParseFromString(*bytes)) return Fail("join_request is no WrappedJoinRequest");
  const auto plain = Unpack(wrapped);
  if (!plain) return Failure{plain.error()};
  JoinParameters out;
  out.single_peer_connection = true;
  if (!out.request.ParseFromString(*plain)) return Fail("join_request is no JoinRequest");
  return out;
}

// Reads v0 parameters. A value that cannot be understood counts as absent, as upstream has it.
class V0Reader {
 public:
  explicit V0Reader(const RequestTarget& target) : target_(target) {}

  [[nodiscard]] std::string String(std::string_view name) const {
    return std::string(target_.Query(name).value_or(""));
  }
  [[nodiscard]] int Int(std::string_view name) const {
    const std::string_view text = target_.Query(name).value_or("");
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : 0;
  }
  [[nodiscard]] std::optional<bool> Bool(std::string_view name) const {
    const auto text = target_.Query(name);
    if (!text || text->empty()) return std::nullopt;
    return *text == "1" || *text == "true";
  }

 private:
  const RequestTarget& target_;
};

void ReadClientInfo(const V0Reader& query, ClientInfo& out) {
  const std::string sdk = query.String("sdk");
  for (const auto& [name, value] : kSdks) {
    if (name == sdk) out.set_sdk(value);
  }
  out.set_version(query.String("version"));
  out.set_protocol(query.Int("protocol"));
  out.set_client_protocol(query.Int("client_protocol"));
  out.set_os(query.String("os"));
  out.set_os_version(query.String("os_version"));
  out.set_device_model(query.String("device_model"));
  out.set_browser(query.String("browser"));
  out.set_browser_version(query.String("browser_version"));
  out.set_network(query.String("network"));
  out.set_other_sdks(query.String("other_sdks"));

  const std::string capabilities = query.String("capabilities");
  std::string_view rest = capabilities;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    ClientInfo::Capability value{};
    if (ClientInfo::Capability_Parse(std::string(rest.substr(0, end)), &value)) {
      out.add_capabilities(value);
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

void ReadConnectionSettings(const V0Reader& query, ::livekit::ConnectionSettings& out) {
  out.set_auto_subscribe(query.Bool("auto_subscribe").value_or(true));
  out.set_adaptive_stream(query.Bool("adaptive_stream").value_or(false));
  out.set_disable_ice_lite(query.Bool("disable_ice_lite").value_or(false));
  if (const auto allow = query.Bool("subscriber_allow_pause")) {
    out.set_subscriber_allow_pause(*allow);
  }
  if (const auto subscribe = query.Bool("auto_subscribe_data_track")) {
    out.set_auto_subscribe_data_track(*subscribe);
  }
}

bool ReadAttributes(const V0Reader& query, ::livekit::JoinRequest& out) {
  const std::string text = query.String("attributes");
  if (text.empty()) return true;
  const auto bytes = Base64UrlDecode(text);
  const auto attributes = bytes ? ParseJson(*bytes) : std::nullopt;
  if (!attributes || !attributes->is_object()) return false;
  for (const auto& [key, value] : attributes->items()) {
    if (!value.is_string()) return false;
    (*out.mutable_participant_attributes())[key] = value.get<std::string>();
  }
  return true;
}

Result<JoinParameters, JoinRequestError> ParseV0(const RequestTarget& target) {
  const V0Reader query(target);
  JoinParameters out;
  ReadClientInfo(query, *out.request.mutable_client_info());
  ReadConnectionSettings(query, *out.request.mutable_connection_settings());
  if (!ReadAttributes(query, out.request)) {
    return Fail("attributes is no base64url of a JSON object of strings");
  }
  out.request.set_reconnect(query.Bool("reconnect").value_or(false));
  out.request.set_participant_sid(query.String("sid"));
  const int reason = query.Int("reconnect_reason");
  if (::livekit::ReconnectReason_IsValid(reason)) {
    out.request.set_reconnect_reason(static_cast<::livekit::ReconnectReason>(reason));
  }
  out.publish_suffix = query.String("publish");
  return out;
}

}  // namespace

Result<JoinParameters, JoinRequestError> ParseJoinParameters(SignalPath path,
                                                             const RequestTarget& target) {
  const auto wrapped = target.Query("join_request");
  if (wrapped && !wrapped->empty()) return ParseWrapped(*wrapped);
  if (path == SignalPath::kV1) return Fail("join_request is missing");
  return ParseV0(target);
}

}  // namespace fovea::wire
