// What crosses between a worker and its socket: received datagrams in slab slots, and packets to
// send in one contiguous arena. Thread: the owning worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "sfu/core/bytes.h"
#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "sfu/core/net_address.h"
#include "sfu/ring/packet_slab.h"

namespace fovea::worker {

// Which of the machine's addresses a datagram came to, or shall leave from: a name that the socket
// gives, meaningful to it alone. Zero leaves the choice to the kernel.
enum class LocalAddressId : std::uint8_t { kAny = 0 };

// Slots lent to the socket for one receive call. `slot` is set by the worker, the rest by the
// socket.
struct RxBatch {
  struct Entry {
    ring::SlotIndex slot = ring::kNoSlot;
    std::uint8_t* data = nullptr;  // limits::kDatagramBytesMax bytes of the slot
    NetAddress remote;
    std::uint16_t size = 0;
    LocalAddressId local = LocalAddressId::kAny;
  };
  std::array<Entry, limits::kRxBatchPackets> entries;
  std::size_t lent = 0;  // entries with a slot
};

// Packets of one Poll. Reserve, write, then Commit; a reservation that is not committed is dropped.
class TxBatch {
 public:
  static constexpr std::size_t kSlotBytes =
      limits::kDatagramBytesMax + limits::kSrtpTrailerBytesMax;
  struct Entry {
    NetAddress remote;
    std::uint16_t size = 0;
    LocalAddressId local = LocalAddressId::kAny;

    [[nodiscard]] bool SamePath(const Entry& other) const {
      return remote == other.remote && local == other.local;
    }
  };

  TxBatch()
      : arena_(
            std::make_unique_for_overwrite<std::uint8_t[]>(kSlotBytes * limits::kTxBatchPackets)) {}

  [[nodiscard]] bool full() const { return count_ == limits::kTxBatchPackets; }
  [[nodiscard]] std::size_t size() const { return count_; }
  // REQUIRES: !full().
  [[nodiscard]] MutableByteSpan Reserve() {
    FOVEA_CHECK(!full());
    return {&arena_[count_ * kSlotBytes], kSlotBytes};
  }
  void Commit(const NetAddress& remote, std::size_t size,
              LocalAddressId local = LocalAddressId::kAny) {
    FOVEA_CHECK(!full() && size <= kSlotBytes);
    entries_[count_++] = Entry{remote, static_cast<std::uint16_t>(size), local};
  }
  [[nodiscard]] const Entry& entry(std::size_t i) const { return entries_[i]; }
  [[nodiscard]] const std::uint8_t* data(std::size_t i) const { return &arena_[i * kSlotBytes]; }
  void Clear() { count_ = 0; }

 private:
  const std::unique_ptr<std::uint8_t[]> arena_;
  std::array<Entry, limits::kTxBatchPackets> entries_;
  std::size_t count_ = 0;
};

// The way out of a worker: the UDP port, or the simulator's network. Sends everything, then clears.
class PacketSender {
 public:
  virtual ~PacketSender() = default;
  virtual void Send(TxBatch& batch) = 0;
};

}  // namespace fovea::worker
