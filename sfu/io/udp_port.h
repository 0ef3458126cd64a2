// One UDP socket of one worker: recvmmsg into slab slots, sendmmsg with UDP segmentation (GSO) for
// runs to one destination. Linux. Thread: the owning worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sfu/core/drop_reason.h"
#include "sfu/core/net_address.h"
#include "sfu/core/result.h"
#include "sfu/worker/batches.h"

namespace fovea::io {

struct UdpOptions {
  NetAddress bind;  // port 0: the kernel picks
  int receive_buffer_bytes =
      4 * 1024 * 1024;  // larger: rides out longer stalls; the kernel may give less
  int send_buffer_bytes = 4 * 1024 * 1024;
};

class UdpPort : public worker::PacketSender {
 public:
  // The error is a sentence for the operator ("UDP port 7882 is taken by another process").
  [[nodiscard]] static Result<std::unique_ptr<UdpPort>, std::string> Open(
      const UdpOptions& options);
  ~UdpPort() override;
  UdpPort(const UdpPort&) = delete;
  UdpPort& operator=(const UdpPort&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const NetAddress& local() const { return local_; }

  // Fills lent entries from the front; returns how many. Never blocks.
  [[nodiscard]] std::size_t Receive(worker::RxBatch& batch);
  // What the socket refuses is counted and dropped: media does not wait.
  void Send(worker::TxBatch& batch) override;

  [[nodiscard]] const DropCounters& drops() const { return drops_; }
  [[nodiscard]] std::uint64_t packets_sent() const { return packets_sent_; }
  [[nodiscard]] std::uint64_t send_calls() const { return send_calls_; }
  [[nodiscard]] bool segmentation_enabled() const { return segmentation_; }

 private:
  struct Scratch;
  UdpPort(int fd, bool v6, NetAddress local);
  [[nodiscard]] worker::LocalAddressId IdOf(const NetAddress& local);
  // Returns how many bytes of `control` the entry's message needs.
  [[nodiscard]] std::size_t WriteControl(const worker::TxBatch::Entry& entry, bool segmented,
                                         char* control) const;
  std::size_t BuildMessages(const worker::TxBatch& batch);
  void SendMessages(const worker::TxBatch& batch, std::size_t messages);
  // `count` packets from place `from` of the order.
  void SendUnsegmented(const worker::TxBatch& batch, std::size_t from, std::size_t count);

  const int fd_;
  const bool v6_;
  const NetAddress local_;
  // Bound to a wildcard: answers must leave from the address that was asked, or a peer that asked
  // another one than the routing table prefers never hears them.
  const bool tells_local_address_;
  bool segmentation_ = true;  // switched off for good when the kernel or the device refuses it
  std::vector<NetAddress> local_addresses_;  // by LocalAddressId minus one; seen so far
  std::unique_ptr<Scratch> scratch_;
  DropCounters drops_;
  std::uint64_t packets_sent_ = 0;
  std::uint64_t send_calls_ = 0;
};

}  // namespace fovea::io
