#include "sfu/core/drop_reason.h"

namespace fovea {

std::string_view ToString(DropReason reason) {
  switch (reason) {
    case DropReason::kUnknownPeer: return "unknown_peer";
    case DropReason::kUnknownUfrag: return "unknown_ufrag";
    case DropReason::kStunMalformed: return "stun_malformed";
    case DropReason::kStunBadIntegrity: return "stun_bad_integrity";
    case DropReason::kStunUnsupported: return "stun_unsupported";
    case DropReason::kNotDemultiplexable: return "not_demultiplexable";
    case DropReason::kTooManyTuples: return "too_many_tuples";
    case DropReason::kDtlsMalformed: return "dtls_malformed";
    case DropReason::kDtlsNotReady: return "dtls_not_ready";
    case DropReason::kSrtpAuth: return "srtp_auth";
    case DropReason::kSrtpReplay: return "srtp_replay";
    case DropReason::kSrtpOther: return "srtp_other";
    case DropReason::kRtpTooShort: return "rtp_too_short";
    case DropReason::kRtpBadVersion: return "rtp_bad_version";
    case DropReason::kRtpBadExtension: return "rtp_bad_extension";
    case DropReason::kRtpBadPadding: return "rtp_bad_padding";
    case DropReason::kRtcpMalformed: return "rtcp_malformed";
    case DropReason::kUnknownSsrc: return "unknown_ssrc";
    case DropReason::kUnknownPayloadType: return "unknown_payload_type";
    case DropReason::kDescriptorMalformed: return "descriptor_malformed";
    case DropReason::kDuplicate: return "duplicate";
    case DropReason::kTooOld: return "too_old";
    case DropReason::kRtxMalformed: return "rtx_malformed";
    case DropReason::kPaddingOnly: return "padding_only";
    case DropReason::kLayerNotWanted: return "layer_not_wanted";
    case DropReason::kWaitingForKeyFrame: return "waiting_for_key_frame";
    case DropReason::kMuted: return "muted";
    case DropReason::kNoSubscriber: return "no_subscriber";
    case DropReason::kStaleEpoch: return "stale_epoch";
    case DropReason::kLaneFull: return "lane_full";
    case DropReason::kSlabEmpty: return "slab_empty";
    case DropReason::kRtxNotInHistory: return "rtx_not_in_history";
    case DropReason::kRtxThrottled: return "rtx_throttled";
    case DropReason::kTxBatchFull: return "tx_batch_full";
    case DropReason::kTxNotConnected: return "tx_not_connected";
    case DropReason::kTxSocketFull: return "tx_socket_full";
    case DropReason::kTxError: return "tx_error";
    case DropReason::kSctpMalformed: return "sctp_malformed";
    case DropReason::kSctpQueueFull: return "sctp_queue_full";
    case DropReason::kAppDataRingFull: return "app_data_ring_full";
    case DropReason::kSctpUnknownAssociation: return "sctp_unknown_association";
    case DropReason::kRtpTooLong: return "rtp_too_long";
    case DropReason::kCount: break;
  }
  return "invalid";
}

}  // namespace fovea
