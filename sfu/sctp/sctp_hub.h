// Data channels of every session in the process. RFC 8831, RFC 8832.
// Thread: owned by the signaling thread (ADR 0004); usrsctp is process-global, so there is one hub.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "sfu/core/bytes.h"
#include "sfu/core/deadline.h"
#include "sfu/core/drop_reason.h"
#include "sfu/core/inline_vector.h"
#include "sfu/core/limits.h"
#include "sfu/core/result.h"
#include "sfu/core/strong_id.h"
#include "sfu/core/time.h"
#include "sfu/sctp/dcep.h"
#include "sfu/sctp/stack.h"

namespace fovea::sctp {

// The owner's name for an association, any value it likes.
using AssocId = StrongId<struct SctpAssocIdTag, std::uint64_t>;

// RFC 8832 section 6: who was the DTLS client opens even streams, the server odd ones.
enum class DtlsRole : std::uint8_t { kClient, kServer };
enum class DataKind : std::uint8_t { kString, kBinary };
enum class Opener : std::uint8_t { kPeer, kUs };

struct ChannelOptions {
  std::string label;
  std::string protocol;
  Reliability reliability;
};

struct AssociationUp {
  AssocId assoc;
};
// The association and its channels are gone; no ChannelClosed follows. It may be created again.
struct AssociationDown {
  AssocId assoc;
};
struct ChannelOpen {
  AssocId assoc;
  StreamId stream;
  Opener opener = Opener::kPeer;
  ChannelOptions options;
};
struct ChannelClosed {
  AssocId assoc;
  StreamId stream;
};
struct Message {
  AssocId assoc;
  StreamId stream;
  DataKind kind = DataKind::kBinary;
  std::vector<std::uint8_t> bytes;
};
using SctpEvent = std::variant<AssociationUp, AssociationDown, ChannelOpen, ChannelClosed, Message>;

// `bytes` are valid until the next call on the hub.
struct TransmitItem {
  AssocId assoc;
  ByteSpan bytes;
};

enum class SendResult : std::uint8_t { kOk, kFull, kTooLarge, kNoChannel };
enum class OpenError : std::uint8_t { kNotUp, kTooManyChannels, kLabelTooLong, kFull };

struct SctpCounters {
  std::uint64_t packets_unknown_association = 0;
  std::uint64_t packets_unacceptable = 0;
  std::uint64_t transmit_queue_full = 0;
  std::uint64_t event_queue_full = 0;
  std::uint64_t send_buffer_full = 0;
  std::uint64_t messages_without_channel = 0;
  std::uint64_t messages_oversized = 0;  // longer than kDataMessageBytesMax
  std::uint64_t dcep_malformed = 0;
  std::uint64_t channels_refused = 0;
  std::uint64_t associations_refused = 0;
};

// Not on the media path: packets here may allocate, within the bounds below.
//
// Invariants:
//  (1) At most kSctpAssociationsMax associations, of kDataChannelsPerSessionMax channels each.
//  (2) Per association: kSctpSendBufferBytesMax waiting to be sent, kSctpReceiveWindowBytes waiting
//      to be complete. Per hub: kSctpTransmitQueue packets and kSctpEventBytesMax of messages not
//      yet polled. What exceeds is refused or dropped, and counted.
//  (3) usrsctp is never entered from its own callbacks: those only fill inbox_ and outbox_.
// The owner polls events and packets after every call that can make them.
class SctpHub : private StackListener {
 public:
  // usrsctp's clock moves in these steps while an association exists. Larger: later retransmission.
  // Smaller: more wakeups.
  static constexpr Duration kTimerStep = Millis(20);

  SctpHub();
  ~SctpHub() override = default;

  // Begins to connect at once. False (counted) when `assoc` exists or the table is full.
  [[nodiscard]] bool CreateAssociation(Instant now, AssocId assoc, DtlsRole our_role);
  // Aborts without an event; an unknown one is ignored.
  void Close(AssocId assoc);

  // A decrypted packet from the peer of `assoc`.
  [[nodiscard]] std::optional<DropReason> HandlePacket(AssocId assoc, ByteSpan packet);
  void HandleTimeout(Instant now);
  [[nodiscard]] Deadline NextDeadline() const;

  [[nodiscard]] std::optional<TransmitItem> PollTransmit();
  [[nodiscard]] std::optional<SctpEvent> PollEvent();

  // Sends DATA_CHANNEL_OPEN. The channel takes messages at once; ChannelOpen follows when the peer
  // acknowledges.
  [[nodiscard]] Result<StreamId, OpenError> OpenChannel(AssocId assoc,
                                                        const ChannelOptions& options);
  // kFull: nothing was taken; a lossy channel forgets the message, a reliable one tries later.
  [[nodiscard]] SendResult Send(AssocId assoc, StreamId stream, DataKind kind, ByteSpan bytes);
  // ChannelClosed follows when the peer has closed its side too.
  void CloseChannel(AssocId assoc, StreamId stream);

  [[nodiscard]] std::size_t association_count() const { return associations_.size(); }
  [[nodiscard]] SctpCounters counters() const;
  [[nodiscard]] bool IsConsistent() const;
  [[nodiscard]] std::string DebugString() const;

 private:
  enum class ChannelState : std::uint8_t { kOpening, kOpen, kClosing };
  struct Channel {
    StreamId stream;
    ChannelState state = ChannelState::kOpen;
    Opener opener = Opener::kPeer;
    bool peer_has_reset = false;
    ChannelOptions options;
  };
  struct Association {
    ConnectionId connection;
    DtlsRole our_role = DtlsRole::kServer;
    bool is_up = false;
    std::vector<Channel> channels;
    // Outgoing streams to reset once usrsctp takes another request.
    std::vector<StreamId> resets;
  };
  struct Up {};
  struct Down {};
  struct ResetAnswered {};
  struct IncomingReset {
    std::vector<StreamId> streams;  // empty: all
  };
  struct Data {
    StreamId stream;
    std::uint32_t payload_protocol = 0;
    std::vector<std::uint8_t> bytes;
  };
  struct Note {
    ConnectionId connection;
    std::variant<Up, Down, ResetAnswered, IncomingReset, Data> what;
  };
  struct Packet {
    AssocId assoc;
    std::uint16_t size = 0;
    std::array<std::uint8_t, limits::kPathMtuBytes> bytes;
  };

  // StackListener: called from inside stack_'s functions, see (3).
  void OnOutput(ConnectionId connection, ByteSpan packet) override;
  void OnDelivery(ConnectionId connection, const Delivery& delivery) override;
  void OnUp(ConnectionId connection) override;
  void OnDown(ConnectionId connection) override;
  void OnIncomingReset(ConnectionId connection, std::span<const StreamId> streams) override;
  void OnResetAnswered(ConnectionId connection) override;

  // Works through inbox_ until it is empty. Last step of every call that enters stack_.
  void HandleNotes();
  void HandleNote(AssocId assoc, Note& note);
  void HandleData(AssocId assoc, Association& association, Data& data);
  void HandleDcep(AssocId assoc, Association& association, const Data& data);
  void HandleOpen(AssocId assoc, Association& association, StreamId stream,
                  const OpenMessage& open);
  void HandleIncomingReset(AssocId assoc, Association& association, const IncomingReset& reset);
  void Drop(AssocId assoc);
  void TryResets(Association& association);
  void PushMessage(Message message);

  [[nodiscard]] Association* Find(AssocId assoc);
  [[nodiscard]] static Channel* FindChannel(Association& association, StreamId stream);
  [[nodiscard]] static std::optional<StreamId> FreeStream(const Association& association);

  std::unordered_map<AssocId, Association> associations_;
  std::unordered_map<ConnectionId, AssocId> by_connection_;
  std::vector<Note> inbox_;
  std::deque<Packet> outbox_;
  bool outbox_front_is_lent_ = false;
  std::deque<SctpEvent> events_;
  std::size_t event_bytes_ = 0;
  Instant last_step_;
  SctpCounters counters_;
  // Last, so that its closing callbacks find the rest alive.
  Stack stack_;
};

}  // namespace fovea::sctp
