#include "signaling/livekit/server_calls.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "sfu/core/check.h"

namespace fovea::livekit {
namespace {

constexpr std::uint32_t kConnectionTimeout = 1501;
constexpr std::uint32_t kResponseTimedOut = 1502;
constexpr std::uint32_t kRecipientDisconnected = 1503;

TwirpCode CodeOf(std::uint32_t rpc_code) {
  switch (rpc_code) {
    case kConnectionTimeout:
    case kResponseTimedOut:
      return TwirpCode::kCanceled;
    case kRecipientDisconnected:
      return TwirpCode::kUnavailable;
    case 1504:  // response payload too large
      return TwirpCode::kMalformed;
    case 1400:  // unsupported method
    case 1402:  // request payload too large
      return TwirpCode::kInvalidArgument;
    case 1401:  // recipient not found
      return TwirpCode::kNotFound;
    case 1403:  // unsupported server
    case 1404:  // unsupported version
      return TwirpCode::kUnimplemented;
    default:  // an application's own code, or that its handler failed
      return TwirpCode::kInternal;
  }
}

}  // namespace

TwirpError RpcFailure(std::uint32_t code, std::string_view message, std::string_view data) {
  std::string text = "RpcError " + std::to_string(code) + ": " + std::string(message);
  if (!data.empty()) text += ": " + std::string(data);
  return {CodeOf(code), std::move(text)};
}

void ServerCalls::Start(Instant now, Call call) {
  FOVEA_CHECK(!IsFull());
  Pending pending;
  pending.identity = std::move(call.identity);
  pending.reply = std::move(call.reply);
  pending.ack_by = now + kAckTimeout;
  pending.respond_by = now + call.response_timeout;
  const bool is_new = pending_.emplace(std::move(call.id), std::move(pending)).second;
  FOVEA_CHECK(is_new);
}

bool ServerCalls::HandlePacket(const std::string& identity, const pb::DataPacket& packet) {
  const bool is_ack = packet.has_rpc_ack();
  if (!is_ack && !packet.has_rpc_response()) return false;
  const std::string& id =
      is_ack ? packet.rpc_ack().request_id() : packet.rpc_response().request_id();
  const auto it = pending_.find(id);
  // Only the destination may answer.
  if (it == pending_.end() || it->second.identity != identity) return false;
  if (is_ack) {
    it->second.ack_by = kNever;
    return true;
  }
  const pb::RpcResponse& response = packet.rpc_response();
  if (response.has_error()) {
    const pb::RpcError& error = response.error();
    Finish(id, Failure{RpcFailure(error.code(), error.message(), error.data())});
  } else {
    Finish(id, response.payload());
  }
  return true;
}

void ServerCalls::Fail(const std::string& identity) {
  std::vector<std::string> ids;
  for (const auto& [id, pending] : pending_) {
    if (pending.identity == identity) ids.push_back(id);
  }
  for (const std::string& id : ids)
    Finish(id, Failure{RpcFailure(kRecipientDisconnected, "Recipient disconnected")});
}

void ServerCalls::HandleTimeout(Instant now) {
  std::vector<std::pair<std::string, TwirpError>> late;
  for (const auto& [id, pending] : pending_) {
    if (now >= pending.respond_by) {
      late.emplace_back(id, RpcFailure(kResponseTimedOut, "Response timeout"));
    } else if (now >= pending.ack_by) {
      late.emplace_back(id, RpcFailure(kConnectionTimeout, "Connection timeout"));
    }
  }
  for (const auto& [id, error] : late) Finish(id, Failure{error});
}

Instant ServerCalls::NextDeadline() const {
  Instant at = kNever;
  for (const auto& [id, pending] : pending_)
    at = std::min({at, pending.ack_by, pending.respond_by});
  return at;
}

void ServerCalls::Finish(const std::string& id, const Result<std::string, TwirpError>& result) {
  const auto it = pending_.find(id);
  if (it == pending_.end()) return;
  const Reply reply = std::move(it->second.reply);
  pending_.erase(it);
  reply(result);
}

}  // namespace fovea::livekit
