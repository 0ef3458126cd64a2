// Counters of one worker, single writer. Published to other threads by stats snapshots only.
#pragma once

#include <cstdint>

namespace fovea::worker {

struct WorkerStats {
  std::uint64_t datagrams_received = 0;
  std::uint64_t receive_stalls = 0;      // turns without a slot: never, unless some got lost
  std::uint64_t datagrams_consumed = 0;  // the others have a drop reason
  std::uint64_t bytes_received = 0;
  std::uint64_t rtp_received = 0;        // with retransmissions
  std::uint64_t rtp_bytes_received = 0;  // decrypted: header and payload; so are the others below
  std::uint64_t rtx_received = 0;
  std::uint64_t rtx_bytes_received = 0;
  std::uint64_t rtcp_received = 0;
  std::uint64_t rtp_forwarded = 0;  // packets sent to subscribers, first time
  std::uint64_t rtp_bytes_forwarded = 0;
  std::uint64_t rtp_retransmitted = 0;
  std::uint64_t rtp_bytes_retransmitted = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t lane_packets_out = 0;  // pushed to other workers
  std::uint64_t lane_packets_in = 0;
  std::uint64_t stale_commands = 0;  // named something that is gone
  std::uint64_t nacks_received = 0;  // numbers asked for by subscribers
  std::uint64_t nacks_sent = 0;      // numbers asked of publishers
  std::uint64_t key_frame_requests_received = 0;
  std::uint64_t key_frame_requests_sent = 0;
  std::uint64_t samples_dropped = 0;  // the event ring was full
  std::uint64_t polls = 0;
};

}  // namespace fovea::worker
