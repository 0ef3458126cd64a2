#include "sfu/core/drop_reason.h"

namespace fovea {
namespace {

// In the order of the enumeration; DropReason.EveryReasonHasItsOwnName counts them.
constexpr std::array kNames = {
    std::string_view("unknown_peer"),
    std::string_view("unknown_ufrag"),
    std::string_view("stun_malformed"),
    std::string_view("stun_bad_integrity"),
    std::string_view("stun_unsupported"),
    std::string_view("not_demultiplexable"),
    std::string_view("too_many_tuples"),
    std::string_view("dtls_malformed"),
    std::string_view("dtls_not_ready"),
    std::string_view("srtp_auth"),
    std::string_view("srtp_replay"),
    std::string_view("srtp_other"),
    std::string_view("rtp_too_short"),
    std::string_view("rtp_bad_version"),
    std::string_view("rtp_bad_extension"),
    std::string_view("rtp_bad_padding"),
    std::string_view("rtcp_malformed"),
    std::string_view("unknown_ssrc"),
    std::string_view("unknown_payload_type"),
    std::string_view("descriptor_malformed"),
    std::string_view("duplicate"),
    std::string_view("too_old"),
    std::string_view("rtx_malformed"),
    std::string_view("padding_only"),
    std::string_view("layer_not_wanted"),
    std::string_view("waiting_for_key_frame"),
    std::string_view("muted"),
    std::string_view("no_subscriber"),
    std::string_view("stale_epoch"),
    std::string_view("lane_full"),
    std::string_view("rtx_not_in_history"),
    std::string_view("rtx_throttled"),
    std::string_view("tx_not_connected"),
    std::string_view("tx_socket_full"),
    std::string_view("tx_error"),
    std::string_view("sctp_malformed"),
    std::string_view("sctp_queue_full"),
    std::string_view("app_data_ring_full"),
    std::string_view("sctp_unknown_association"),
    std::string_view("rtp_too_long"),
};
static_assert(kNames.size() == kDropReasonCount, "a reason has no name, or a name no reason");

}  // namespace

std::string_view ToString(DropReason reason) {
  const auto index = static_cast<std::size_t>(reason);
  return index < kNames.size() ? kNames[index] : "invalid";
}

}  // namespace fovea
