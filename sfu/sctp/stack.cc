#include "sfu/sctp/stack.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <usrsctp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "sfu/sctp/packet_filter.h"

namespace fovea::sctp {
namespace {

// usrsctp's output callback carries no context of ours, and usrsctp itself exists once per process:
// this is the one place where a global cannot be avoided. Owned by the thread of the one Stack.
Stack* the_stack = nullptr;

// usrsctp counts its path MTU without the common header.
constexpr std::uint32_t kCommonHeaderBytes = 12;

// The pointer is never followed: usrsctp hands it back.
void* AsKey(std::uint64_t number) {
  return reinterpret_cast<void*>(number);  // NOLINT(performance-no-int-to-ptr)
}
std::uint64_t FromKey(void* key) { return reinterpret_cast<std::uint64_t>(key); }

sockaddr_conn AddressOf(std::uint32_t slot) {
  sockaddr_conn address{};
  address.sconn_family = AF_CONN;
  address.sconn_port = htons(kSctpPort);
  address.sconn_addr = AsKey(slot);
  return address;
}

template <class T>
bool SetOption(UsrsctpSocket* so, int level, int name, const T& value) {
  return usrsctp_setsockopt(so, level, name, &value, sizeof(value)) == 0;
}

// Everything WebRTC does not use is off: published holes in usrsctp were there.
void Configure() {
  usrsctp_sysctl_set_sctp_asconf_enable(0);
  usrsctp_sysctl_set_sctp_auto_asconf(0);
  usrsctp_sysctl_set_sctp_auth_enable(0);
  usrsctp_sysctl_set_sctp_ecn_enable(0);
  usrsctp_sysctl_set_sctp_nrsack_enable(0);
  usrsctp_sysctl_set_sctp_pktdrop_enable(0);
  usrsctp_sysctl_set_sctp_reconfig_enable(1);  // closing channels, RFC 8831 section 6.7
  usrsctp_sysctl_set_sctp_pr_enable(1);        // unreliable channels, RFC 3758
  usrsctp_sysctl_set_sctp_blackhole(2);        // no ABORT for packets of no association
  usrsctp_sysctl_set_sctp_no_csum_on_loopback(0);
  // Tags need not rest: over DTLS no packet of an old association can arrive.
  usrsctp_sysctl_set_sctp_vtag_time_wait(0);
  usrsctp_sysctl_set_sctp_recvspace(limits::kSctpReceiveWindowBytes);
  usrsctp_sysctl_set_sctp_sendspace(limits::kSctpSendBufferBytesMax);
  usrsctp_sysctl_set_sctp_nr_outgoing_streams_default(kSctpStreams);
  usrsctp_sysctl_set_sctp_nr_incoming_streams_default(kSctpStreams);
  // Defaults are for the open Internet of 2000: 1 s at least and 60 s at most between attempts.
  // Ours keep a lost packet from stalling a call; smaller minima would race delayed
  // acknowledgements.
  usrsctp_sysctl_set_sctp_rto_initial_default(500);
  usrsctp_sysctl_set_sctp_rto_min_default(400);
  usrsctp_sysctl_set_sctp_rto_max_default(10'000);
  usrsctp_sysctl_set_sctp_init_rto_max_default(3'000);
  usrsctp_sysctl_set_sctp_initial_cwnd(10);
}

bool Subscribe(UsrsctpSocket* so) {
  const std::array<std::uint16_t, 3> types{SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT,
                                           SCTP_PARTIAL_DELIVERY_EVENT};
  return std::all_of(types.begin(), types.end(), [so](std::uint16_t type) {
    sctp_event event{};
    event.se_assoc_id = SCTP_ALL_ASSOC;
    event.se_type = type;
    event.se_on = 1;
    return SetOption(so, IPPROTO_SCTP, SCTP_EVENT, event);
  });
}

bool SetBuffers(UsrsctpSocket* so) {
  return SetOption(so, SOL_SOCKET, SO_SNDBUF, static_cast<int>(limits::kSctpSendBufferBytesMax)) &&
         SetOption(so, SOL_SOCKET, SO_RCVBUF, static_cast<int>(limits::kSctpReceiveWindowBytes));
}

bool SetProtocol(UsrsctpSocket* so) {
  sctp_initmsg init{};
  init.sinit_num_ostreams = kSctpStreams;
  init.sinit_max_instreams = kSctpStreams;
  // RFC 6525: streams may be reset, nothing may be added.
  sctp_assoc_value resets{};
  resets.assoc_id = SCTP_ALL_ASSOC;
  resets.assoc_value = SCTP_ENABLE_RESET_STREAM_REQ;
  sctp_paddrparams path{};
  path.spp_flags = SPP_PMTUD_DISABLE;
  path.spp_pathmtu = kSctpPacketBytesMax - kCommonHeaderBytes;
  return SetOption(so, IPPROTO_SCTP, SCTP_INITMSG, init) &&
         SetOption(so, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, resets) &&
         SetOption(so, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, path) &&
         SetOption(so, IPPROTO_SCTP, SCTP_NODELAY, 1);
}

bool Prepare(UsrsctpSocket* so) {
  const linger abort_on_close{.l_onoff = 1, .l_linger = 0};
  return usrsctp_set_non_blocking(so, 1) == 0 &&
         SetOption(so, SOL_SOCKET, SO_LINGER, abort_on_close) && SetBuffers(so) &&
         SetProtocol(so) && Subscribe(so);
}

bool BindAndConnect(UsrsctpSocket* so, std::uint32_t slot) {
  sockaddr_conn address = AddressOf(slot);
  sockaddr* const generic = reinterpret_cast<sockaddr*>(&address);
  if (usrsctp_bind(so, generic, sizeof(address)) != 0) return false;
  return usrsctp_connect(so, generic, sizeof(address)) == 0 || errno == EINPROGRESS;
}

}  // namespace

// usrsctp calls these from inside its functions. Every id is looked up before it is believed.
struct StackCallbacks {
  static int Output(void* key, void* buffer, std::size_t length, std::uint8_t /*tos*/,
                    std::uint8_t /*set_df*/) {
    const std::uint64_t slot = FromKey(key);
    if (the_stack == nullptr || slot == 0 || slot > the_stack->slots_.size()) return 0;
    const ConnectionId owner = the_stack->slots_[slot - 1];
    if (the_stack->Find(owner) == nullptr) return 0;
    the_stack->listener_.OnOutput(owner, {static_cast<const std::uint8_t*>(buffer), length});
    return 0;
  }

  // `data` is ours to free. Returns 1: usrsctp keeps nothing.
  // NOLINTNEXTLINE(readability-function-size): usrsctp's signature.
  static int Receive(UsrsctpSocket* /*so*/, sctp_sockstore /*from*/, void* data, std::size_t length,
                     sctp_rcvinfo info, int flags, void* key) {
    const ConnectionId id(FromKey(key));
    Stack::Connection* const connection = the_stack != nullptr ? the_stack->Find(id) : nullptr;
    if (connection != nullptr) {
      const ByteSpan bytes(static_cast<const std::uint8_t*>(data), data != nullptr ? length : 0);
      if (data == nullptr) {
        the_stack->listener_.OnDown(id);
      } else if ((flags & MSG_NOTIFICATION) != 0) {
        the_stack->HandleNotification(id, *connection, bytes);
      } else {
        const Delivery part{.stream = StreamId(info.rcv_sid),
                            .payload_protocol = ntohl(info.rcv_ppid),
                            .bytes = bytes};
        the_stack->HandleData(id, *connection, part, (flags & MSG_EOR) != 0);
      }
    }
    std::free(data);  // NOLINT(cppcoreguidelines-no-malloc): usrsctp's malloc made it.
    return 1;
  }
};

Stack::Stack(StackListener& listener) : listener_(listener) {
  FOVEA_CHECK(the_stack == nullptr);
  the_stack = this;
  // usrsctp_finish deadlocks when a peer is not done, so usrsctp lives as long as the process.
  static const bool initialised = [] {
    usrsctp_init_nothreads(0, &StackCallbacks::Output, nullptr);
    Configure();
    return true;
  }();
  FOVEA_CHECK(initialised);
}

Stack::~Stack() {
  while (!connections_.empty()) Close(connections_.begin()->first);
  the_stack = nullptr;
}

Stack::Connection* Stack::Find(ConnectionId connection) {
  const auto found = connections_.find(connection);
  return found == connections_.end() ? nullptr : &found->second;
}

Stack::Slot Stack::TakeSlot(ConnectionId connection) {
  if (free_slots_.empty()) {
    slots_.push_back(connection);
    const Slot slot = static_cast<Slot>(slots_.size());
    usrsctp_register_address(AsKey(slot));
    return slot;
  }
  const Slot slot = free_slots_.front();
  free_slots_.pop_front();
  slots_[slot - 1] = connection;
  return slot;
}

void Stack::FreeSlot(Slot slot) {
  slots_[slot - 1] = ConnectionId{};
  free_slots_.push_back(slot);
}

bool Stack::TryConnect(ConnectionId id) {
  UsrsctpSocket* const so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP,
                                           &StackCallbacks::Receive, nullptr, 0, AsKey(id.value()));
  if (so == nullptr) return false;
  const Slot slot = TakeSlot(id);
  connections_.emplace(id, Connection{.so = so, .slot = slot, .discarding = {}});
  if (!Prepare(so) || !BindAndConnect(so, slot)) {
    Close(id);
    return false;
  }
  return true;
}

void Stack::Close(ConnectionId connection) {
  Connection* const found = Find(connection);
  if (found == nullptr) return;
  usrsctp_close(found->so);  // sends ABORT through Output, so the id is still known here
  FreeSlot(found->slot);
  connections_.erase(connection);
}

void Stack::Input(ConnectionId connection, ByteSpan packet) {
  const Connection* const found = Find(connection);
  if (found == nullptr) return;
  usrsctp_conninput(AsKey(found->slot), packet.data(), packet.size(), 0);
}

StackSend Stack::Send(ConnectionId connection, const Outgoing& message) {
  Connection* const found = Find(connection);
  if (found == nullptr) return StackSend::kFailed;
  sctp_sendv_spa how{};
  how.sendv_flags = SCTP_SEND_SNDINFO_VALID;
  how.sendv_sndinfo.snd_sid = message.stream.value();
  how.sendv_sndinfo.snd_ppid = htonl(static_cast<std::uint32_t>(message.payload_protocol));
  how.sendv_sndinfo.snd_flags = SCTP_EOR;
  if (!message.reliability.ordered) how.sendv_sndinfo.snd_flags |= SCTP_UNORDERED;
  if (message.reliability.max_retransmits || message.reliability.max_lifetime_ms) {
    how.sendv_flags |= SCTP_SEND_PRINFO_VALID;
    const bool timed = message.reliability.max_lifetime_ms.has_value();
    how.sendv_prinfo.pr_policy = timed ? SCTP_PR_SCTP_TTL : SCTP_PR_SCTP_RTX;
    how.sendv_prinfo.pr_value =
        timed ? *message.reliability.max_lifetime_ms : *message.reliability.max_retransmits;
  }
  const ssize_t sent = usrsctp_sendv(found->so, message.bytes.data(), message.bytes.size(), nullptr,
                                     0, &how, sizeof(how), SCTP_SENDV_SPA, 0);
  if (sent >= 0) return StackSend::kOk;
  return errno == EWOULDBLOCK || errno == EAGAIN ? StackSend::kFull : StackSend::kFailed;
}

bool Stack::TryResetOutgoing(ConnectionId connection, std::span<const StreamId> streams) {
  Connection* const found = Find(connection);
  if (found == nullptr) return false;
  // sctp_reset_streams: association, flags, count, then the list; all in host order.
  const sctp_assoc_t association = SCTP_ALL_ASSOC;
  const std::uint16_t flags = SCTP_STREAM_RESET_OUTGOING;
  const std::uint16_t count = static_cast<std::uint16_t>(streams.size());
  std::vector<std::uint8_t> request(sizeof(sctp_reset_streams) + 2 * streams.size());
  std::memcpy(&request[offsetof(sctp_reset_streams, srs_assoc_id)], &association,
              sizeof(association));
  std::memcpy(&request[offsetof(sctp_reset_streams, srs_flags)], &flags, sizeof(flags));
  std::memcpy(&request[offsetof(sctp_reset_streams, srs_number_streams)], &count, sizeof(count));
  std::size_t at = offsetof(sctp_reset_streams, srs_stream_list);
  for (const StreamId stream : streams) {
    const std::uint16_t value = stream.value();
    std::memcpy(&request[at], &value, sizeof(value));
    at += sizeof(value);
  }
  return usrsctp_setsockopt(found->so, IPPROTO_SCTP, SCTP_RESET_STREAMS, request.data(),
                            static_cast<socklen_t>(request.size())) == 0;
}

void Stack::Advance(Duration elapsed) {
  const std::int64_t milliseconds = ToMillis(elapsed);
  if (milliseconds > 0) usrsctp_handle_timers(static_cast<std::uint32_t>(milliseconds));
}

// usrsctp delivers in parts only what is too long for us: the receive window is large enough for
// the rest. Such a message is thrown away to its end.
void Stack::HandleData(ConnectionId id, Connection& connection, const Delivery& part, bool is_end) {
  std::vector<StreamId>& discarding = connection.discarding;
  const auto found = std::find(discarding.begin(), discarding.end(), part.stream);
  if (found != discarding.end()) {
    if (is_end) discarding.erase(found);
    return;
  }
  if (!is_end || part.bytes.size() > limits::kDataMessageBytesMax) {
    ++oversized_total_;
    if (!is_end) discarding.push_back(part.stream);
    return;
  }
  listener_.OnDelivery(id, part);
}

void Stack::HandleNotification(ConnectionId id, Connection& connection, ByteSpan bytes) {
  std::uint16_t type = 0;
  if (bytes.size() < sizeof(type)) return;
  std::memcpy(&type, bytes.data(), sizeof(type));
  if (type == SCTP_ASSOC_CHANGE && bytes.size() >= sizeof(sctp_assoc_change)) {
    sctp_assoc_change change{};
    std::memcpy(&change, bytes.data(), sizeof(change));
    // A restart would mix the streams of two lives, and over DTLS nobody honest does it.
    change.sac_state == SCTP_COMM_UP ? listener_.OnUp(id) : listener_.OnDown(id);
  } else if (type == SCTP_PARTIAL_DELIVERY_EVENT && bytes.size() >= sizeof(sctp_pdapi_event)) {
    sctp_pdapi_event aborted{};
    std::memcpy(&aborted, bytes.data(), sizeof(aborted));
    std::erase(connection.discarding, StreamId(static_cast<std::uint16_t>(aborted.pdapi_stream)));
  } else if (type == SCTP_STREAM_RESET_EVENT && bytes.size() >= sizeof(sctp_stream_reset_event)) {
    std::uint16_t flags = 0;
    std::memcpy(&flags, &bytes[offsetof(sctp_stream_reset_event, strreset_flags)], sizeof(flags));
    const ByteSpan list = bytes.subspan(offsetof(sctp_stream_reset_event, strreset_stream_list));
    if ((flags & SCTP_STREAM_RESET_INCOMING_SSN) != 0) {
      std::vector<StreamId> streams(list.size() / sizeof(std::uint16_t));
      for (std::size_t i = 0; i < streams.size(); ++i) {
        std::uint16_t value = 0;
        std::memcpy(&value, &list[i * sizeof(value)], sizeof(value));
        streams[i] = StreamId(value);
      }
      listener_.OnIncomingReset(id, streams);
    }
    if ((flags & SCTP_STREAM_RESET_OUTGOING_SSN) != 0) listener_.OnResetAnswered(id);
  }
}

}  // namespace fovea::sctp
