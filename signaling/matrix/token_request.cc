#include "signaling/matrix/token_request.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/matrix/derive.h"
#include "signaling/matrix/ids.h"
#include "signaling/wire/json.h"

namespace fovea::matrix {
namespace {

using nlohmann::json;

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f;
  });
}

// Reads a JSON object field by field. The first mistake in type decides (M_NOT_JSON); what is
// missing is looked at afterwards (M_BAD_JSON), as the reference service does it.
class Fields {
 public:
  explicit Fields(const json& object) : object_(object) {}

  void Text(const char* key, std::string& out) {
    const json* value = Find(key);
    if (value == nullptr) return;
    if (value->is_string()) {
      out = value->get<std::string>();
    } else {
      well_typed_ = false;
    }
  }
  void Integer(const char* key, std::optional<std::int64_t>& out) {
    const json* value = Find(key);
    if (value == nullptr) return;
    if (value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX) {
      well_typed_ = false;
    } else if (value->is_number_integer()) {
      out = value->get<std::int64_t>();
    } else {
      well_typed_ = false;
    }
  }
  // The object under `key`; an absent one reads like an empty one.
  [[nodiscard]] const json& Object(const char* key) {
    static const json kEmpty = json::object();
    const json* value = Find(key);
    if (value == nullptr) return kEmpty;
    if (value->is_object()) return *value;
    well_typed_ = false;
    return kEmpty;
  }
  [[nodiscard]] bool well_typed() const { return well_typed_; }

 private:
  [[nodiscard]] const json* Find(const char* key) const {
    const auto it = object_.find(key);
    return it == object_.end() || it->is_null() ? nullptr : &*it;
  }
  const json& object_;
  bool well_typed_ = true;
};

std::optional<json> ParseBody(std::string_view body) {
  if (body.size() > limits::kHttpBodyBytesMax) return std::nullopt;
  std::optional<json> value = wire::ParseJson(body);
  if (!value || !value->is_object()) return std::nullopt;
  return value;
}

struct RawDelay {
  std::string id;
  std::optional<std::int64_t> timeout_ms;
};

bool ReadDelay(Fields& fields, RawDelay& out) {
  std::string ignored_url;  // a client may not say where we send requests
  fields.Text("delay_id", out.id);
  fields.Integer("delay_timeout", out.timeout_ms);
  fields.Text("delay_cs_api_url", ignored_url);
  return fields.well_typed();
}

bool ReadOpenId(Fields& fields, OpenIdToken& out) {
  Fields token(fields.Object("openid_token"));
  std::string token_type;
  std::optional<std::int64_t> expires_in;
  token.Text("access_token", out.access_token);
  token.Text("token_type", token_type);
  token.Text("matrix_server_name", out.matrix_server_name);
  token.Integer("expires_in", expires_in);
  return fields.well_typed() && token.well_typed();
}

// "" where the field is in order, else what to tell the developer.
std::string_view CheckOpenId(const OpenIdToken& token) {
  if (token.access_token.empty()) return "openid_token.access_token is missing.";
  if (token.access_token.size() > limits::kAccessTokenBytesMax ||
      !IsPrintable(token.access_token)) {
    return "openid_token.access_token is not acceptable.";
  }
  if (token.matrix_server_name.empty()) return "openid_token.matrix_server_name is missing.";
  return {};
}

std::optional<MatrixError> ApplyDelay(const RawDelay& raw, TokenRequest& out) {
  const bool has_timeout = raw.timeout_ms.has_value() && *raw.timeout_ms != 0;
  if (raw.id.empty() && !has_timeout) return std::nullopt;
  if (raw.id.empty()) return BadJson("delay_timeout needs a delay_id beside it.");
  if (!has_timeout) return BadJson("delay_id needs a delay_timeout beside it.");
  if (!IsOpaqueId(raw.id)) return BadJson("delay_id is not acceptable.");
  if (*raw.timeout_ms < 0) return BadJson("delay_timeout has to be positive.");
  const std::int64_t bounded = std::min(*raw.timeout_ms, ToMillis(limits::kDelayTimeoutMax));
  out.delay = DelayParams{raw.id, Millis(bounded)};
  return std::nullopt;
}

struct Required {
  const std::string& value;
  std::string_view name;
};

// Every identifier that an identity or a room name is made of.
template <std::size_t N>
std::optional<MatrixError> CheckIds(const std::array<Required, N>& ids) {
  for (const Required& id : ids) {
    if (id.value.empty()) return BadJson(std::string(id.name) + " is missing.");
    if (!IsOpaqueId(id.value)) return BadJson(std::string(id.name) + " is not acceptable.");
  }
  return std::nullopt;
}

Result<TokenRequest, MatrixError> ParseMemberBody(std::string_view body) {
  const std::optional<json> document = ParseBody(body);
  if (!document) return Failure{NotJson()};
  Fields fields(*document);
  TokenRequest out;
  out.route = TokenRoute::kOpenId;
  fields.Text("room_id", out.room_id);
  fields.Text("slot_id", out.slot_id);
  Fields member(fields.Object("member"));
  member.Text("id", out.member_id);
  member.Text("claimed_user_id", out.claimed_user_id);
  member.Text("claimed_device_id", out.device_id);
  RawDelay delay;
  if (!ReadOpenId(fields, out.openid) || !ReadDelay(fields, delay) || !member.well_typed()) {
    return Failure{NotJson()};
  }
  const std::array<Required, 5> ids{{{out.room_id, "room_id"},
                                     {out.slot_id, "slot_id"},
                                     {out.member_id, "member.id"},
                                     {out.claimed_user_id, "member.claimed_user_id"},
                                     {out.device_id, "member.claimed_device_id"}}};
  if (auto error = CheckIds(ids)) return Failure{*std::move(error)};
  if (const auto wrong = CheckOpenId(out.openid); !wrong.empty()) return Failure{BadJson(wrong)};
  if (auto error = ApplyDelay(delay, out)) return Failure{*std::move(error)};
  return out;
}

std::optional<MatrixError> CheckProxied(ProxiedRoute route, const ProxiedRequest& request) {
  const std::array<Required, 3> ids{{{request.room_id, "room_id"},
                                     {request.slot_id, "slot_id"},
                                     {request.member_id, "member_id"}}};
  if (auto error = CheckIds(ids)) return error;
  if (request.url.size() > limits::kDelegationUrlBytesMax) return BadJson("url is too long.");
  if (!request.device_id.empty() && !IsOpaqueId(request.device_id)) {
    return BadJson("member.claimed_device_id is not acceptable.");
  }
  if (route == ProxiedRoute::kFederationGetToken && request.user_id.empty()) {
    return BadJson("user_id is missing.");
  }
  if (route != ProxiedRoute::kDelegate) return std::nullopt;
  if (request.delay_id.empty()) return BadJson("delay_id is missing.");
  if (!IsOpaqueId(request.delay_id)) return BadJson("delay_id is not acceptable.");
  return std::nullopt;
}

}  // namespace

Result<TokenRequest, MatrixError> ParseSfuGet(std::string_view body) {
  const std::optional<json> document = ParseBody(body);
  if (!document) return Failure{NotJson()};
  Fields fields(*document);
  TokenRequest out;
  out.route = TokenRoute::kLegacy;
  out.slot_id = kCallSlot;
  fields.Text("room", out.room_id);
  fields.Text("device_id", out.device_id);
  RawDelay delay;
  if (!ReadOpenId(fields, out.openid) || !ReadDelay(fields, delay)) return Failure{NotJson()};
  if (auto error = CheckIds(std::array<Required, 1>{{{out.room_id, "room"}}})) {
    return Failure{*std::move(error)};
  }
  if (out.device_id.size() > kIdBytesMax || !IsPrintable(out.device_id) ||
      out.device_id.find(':') != std::string::npos) {
    return Failure{BadJson("device_id is not acceptable.")};
  }
  if (const auto wrong = CheckOpenId(out.openid); !wrong.empty()) return Failure{BadJson(wrong)};
  if (auto error = ApplyDelay(delay, out)) return Failure{*std::move(error)};
  return out;
}

Result<TokenRequest, MatrixError> ParseGetToken(std::string_view body) {
  return ParseMemberBody(body);
}

Result<TokenRequest, MatrixError> ParseDelegate(std::string_view body) {
  Result<TokenRequest, MatrixError> request = ParseMemberBody(body);
  if (request.ok() && !request->delay) {
    return Failure{BadJson("delay_id and delay_timeout are missing.")};
  }
  return request;
}

Result<ProxiedRequest, MatrixError> ParseProxied(ProxiedRoute route, std::string_view body) {
  const std::optional<json> document = ParseBody(body);
  if (!document) return Failure{NotJson()};
  Fields fields(*document);
  ProxiedRequest out;
  fields.Text("url", out.url);
  fields.Text("server_name", out.server_name);
  fields.Text("user_id", out.user_id);
  fields.Text("room_id", out.room_id);
  fields.Text("slot_id", out.slot_id);
  fields.Text("delay_id", out.delay_id);
  // The proposal's text names the member by `member_id`; the released SDK sends `member`.
  Fields member(fields.Object("member"));
  member.Text("id", out.member_id);
  member.Text("claimed_device_id", out.device_id);
  fields.Text("member_id", out.member_id);
  if (!fields.well_typed() || !member.well_typed()) return Failure{NotJson()};
  if (auto error = CheckProxied(route, out)) return Failure{*std::move(error)};
  return out;
}

}  // namespace fovea::matrix
