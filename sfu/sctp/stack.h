// The fence around usrsctp: the only file that includes its header. RFC 9260, RFC 8831.
// Thread: usrsctp's state is process-global, so one thread owns the one Stack.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "sfu/core/bytes.h"
#include "sfu/core/limits.h"
#include "sfu/core/strong_id.h"
#include "sfu/core/time.h"
#include "sfu/sctp/dcep.h"

struct socket;  // usrsctp's

namespace fovea::sctp {

// Spelled out once, because POSIX has a function of the same name.
using UsrsctpSocket = struct ::socket;

// What usrsctp holds instead of a pointer to us. A late callback may name a closed connection, so
// it is looked up each time. Never reused.
using ConnectionId = StrongId<struct SctpConnectionIdTag, std::uint64_t>;
using StreamId = StrongId<struct SctpStreamIdTag, std::uint16_t>;

// Our packets. A DTLS record adds at most 37 bytes and must still fit into kPathMtuBytes.
inline constexpr std::size_t kSctpPacketBytesMax = limits::kPathMtuBytes - 40;
// Per direction. Larger: about 100 bytes per stream and association. Smaller: peers that number
// their channels sparsely are refused. Browsers take the lowest number of their parity that is
// free.
inline constexpr std::uint16_t kSctpStreams = 64;
static_assert(kSctpStreams >= 2 * limits::kDataChannelsPerSessionMax);  // all of one parity

// A whole message of at most kDataMessageBytesMax.
struct Delivery {
  StreamId stream;
  std::uint32_t payload_protocol = 0;
  ByteSpan bytes;
};

// Called from inside Stack's functions. An implementation takes notes and must not call the Stack.
class StackListener {
 public:
  virtual ~StackListener() = default;
  virtual void OnOutput(ConnectionId connection, ByteSpan packet) = 0;
  virtual void OnDelivery(ConnectionId connection, const Delivery& delivery) = 0;
  virtual void OnUp(ConnectionId connection) = 0;
  virtual void OnDown(ConnectionId connection) = 0;
  // The peer reset its outgoing streams; an empty list means all of them.
  virtual void OnIncomingReset(ConnectionId connection, std::span<const StreamId> streams) = 0;
  // A reset that we asked for was answered, so another may be tried.
  virtual void OnResetAnswered(ConnectionId connection) = 0;
};

enum class StackSend : std::uint8_t { kOk, kFull, kFailed };

// Allocates: usrsctp has its own buffers on the heap. One instance at a time, else the process
// stops.
class Stack {
 public:
  explicit Stack(StackListener& listener);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  // A name for Connect. Separate, because Connect already sends under it.
  [[nodiscard]] ConnectionId NewConnectionId() { return ConnectionId(++last_connection_); }
  // Both peers call this: simultaneous open, RFC 8831 section 6.1. False without memory.
  [[nodiscard]] bool TryConnect(ConnectionId connection);
  // Aborts. No callback names the connection afterwards.
  void Close(ConnectionId connection);
  void Input(ConnectionId connection, ByteSpan packet);
  struct Outgoing {
    StreamId stream;
    PayloadProtocol payload_protocol = PayloadProtocol::kBinary;
    Reliability reliability;
    ByteSpan bytes;
  };
  [[nodiscard]] StackSend Send(ConnectionId connection, const Outgoing& message);
  // False while an earlier reset is unanswered: try again after OnResetAnswered.
  [[nodiscard]] bool TryResetOutgoing(ConnectionId connection, std::span<const StreamId> streams);
  // Runs the timers that fall into the next `elapsed`, rounded down to milliseconds.
  void Advance(Duration elapsed);
  // Messages longer than kDataMessageBytesMax, thrown away.
  [[nodiscard]] std::uint64_t oversized_total() const { return oversized_total_; }

 private:
  friend struct StackCallbacks;
  // Stands for the address of a connection: an index into slots_ plus one. It travels to the peer
  // inside the state cookie, where a pointer would show him our memory. Reused, because usrsctp
  // without threads never frees what it keeps for an address that is deregistered.
  using Slot = std::uint32_t;
  struct Connection {
    UsrsctpSocket* so = nullptr;
    Slot slot = 0;
    // Streams in the middle of an oversized message, of which the rest is still to come.
    std::vector<StreamId> discarding;
  };

  [[nodiscard]] Connection* Find(ConnectionId connection);
  [[nodiscard]] Slot TakeSlot(ConnectionId connection);
  void FreeSlot(Slot slot);
  void HandleData(ConnectionId id, Connection& connection, const Delivery& part, bool is_end);
  void HandleNotification(ConnectionId id, Connection& connection, ByteSpan bytes);

  // Constant after construction.
  StackListener& listener_;

  std::uint64_t last_connection_ = 0;
  std::unordered_map<ConnectionId, Connection> connections_;
  std::vector<ConnectionId> slots_;  // who has it; ConnectionId{} for nobody
  std::deque<Slot> free_slots_;      // longest unused first
  std::uint64_t oversized_total_ = 0;
};

}  // namespace fovea::sctp
