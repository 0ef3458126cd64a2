#include "sfu/io/udp_port.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sfu/core/limits.h"
#include "sfu/io/destination_order.h"
#include "sfu/io/socket_address.h"

namespace fovea::io {
namespace {

using worker::LocalAddressId;

constexpr std::size_t kSegmentBytes = CMSG_SPACE(sizeof(std::uint16_t));

struct alignas(cmsghdr) RxControl {
  std::array<char, kPacketInfoBytes> bytes;
};
// In the order in which they are written: the source address if there is one, the segment size.
struct alignas(cmsghdr) TxControl {
  std::array<char, kPacketInfoBytes + kSegmentBytes> bytes;
};

std::size_t WriteSegmentSize(std::uint16_t bytes, cmsghdr* control) {
  control->cmsg_level = SOL_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof bytes);
  std::memcpy(CMSG_DATA(control), &bytes, sizeof bytes);
  return kSegmentBytes;
}

std::string BindError(const NetAddress& bind_to, int error) {
  const std::string port = std::to_string(bind_to.port);
  if (error == EADDRINUSE) return "UDP port " + port + " is taken by another process";
  if (error == EACCES)
    return "no permission to bind UDP port " + port +
           " (ports below 1024 need CAP_NET_BIND_SERVICE)";
  if (error == EADDRNOTAVAIL)
    return "this machine has no address " + bind_to.IpString() + " to bind UDP port " + port;
  return "cannot bind UDP port " + port + ": " + uv_strerror(-error);
}

}  // namespace

struct UdpPort::Scratch {
  Scratch();

  // Receive. The headers point at the arrays below for good.
  std::array<mmsghdr, limits::kRxBatchPackets> rx_messages{};
  std::array<iovec, limits::kRxBatchPackets> rx_iov{};
  std::array<sockaddr_storage, limits::kRxBatchPackets> rx_from{};
  std::array<RxControl, limits::kRxBatchPackets> rx_control{};
  // Send: `order` has packets of one destination together, `first` and `count` cut it into
  // messages.
  DestinationOrder destinations;
  std::span<const std::uint16_t> order;
  std::array<std::uint16_t, limits::kTxBatchPackets> first{};
  std::array<std::uint16_t, limits::kTxBatchPackets> count{};
  std::array<mmsghdr, limits::kTxBatchPackets> tx_messages{};
  std::array<iovec, limits::kTxBatchPackets> tx_iov{};
  std::array<sockaddr_storage, limits::kTxBatchPackets> tx_to{};
  std::array<TxControl, limits::kTxBatchPackets> tx_control{};
};

UdpPort::Scratch::Scratch() {
  for (std::size_t i = 0; i < rx_messages.size(); ++i) {
    rx_iov[i].iov_len = limits::kDatagramBytesMax;
    msghdr& header = rx_messages[i].msg_hdr;
    header.msg_name = &rx_from[i];
    header.msg_iov = &rx_iov[i];
    header.msg_iovlen = 1;
    header.msg_control = rx_control[i].bytes.data();
  }
  for (std::size_t i = 0; i < tx_messages.size(); ++i) {
    tx_messages[i].msg_hdr.msg_name = &tx_to[i];
    tx_messages[i].msg_hdr.msg_control = tx_control[i].bytes.data();
  }
}

Result<std::unique_ptr<UdpPort>, std::string> UdpPort::Open(const UdpOptions& options) {
  const bool v6 = !options.bind.is_v4();
  const int fd = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Failure{std::string("cannot make a UDP socket: ") + uv_strerror(-errno)};
  if (v6) {
    const int off = 0;
    (void)::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  // The privileged variant first: without it the kernel caps the size at net.core.rmem_max.
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &options.receive_buffer_bytes, sizeof(int)) !=
      0) {
    (void)::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer_bytes, sizeof(int));
  }
  if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &options.send_buffer_bytes, sizeof(int)) != 0) {
    (void)::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &options.send_buffer_bytes, sizeof(int));
  }
  sockaddr_storage address;
  const socklen_t length = WriteSocketAddress(options.bind, v6, address);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0) {
    const int error = errno;
    ::close(fd);
    return Failure{BindError(options.bind, error)};
  }
  socklen_t bound_length = sizeof address;
  (void)::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bound_length);
  return std::unique_ptr<UdpPort>(new UdpPort(fd, v6, ReadSocketAddress(address)));
}

UdpPort::UdpPort(int fd, bool v6, NetAddress local)
    : fd_(fd),
      v6_(v6),
      local_(local),
      tells_local_address_(IsWildcard(local) && EnablePacketInfo(fd, v6)),
      scratch_(std::make_unique<Scratch>()) {}

UdpPort::~UdpPort() { ::close(fd_); }

LocalAddressId UdpPort::IdOf(const NetAddress& local) {
  std::size_t i = 0;
  while (i < local_addresses_.size() && local_addresses_[i] != local) ++i;
  if (i == local_addresses_.size()) {
    if (i == limits::kLocalAddressesMax) return LocalAddressId::kAny;
    local_addresses_.push_back(local);
  }
  return static_cast<LocalAddressId>(i + 1);
}

std::size_t UdpPort::Receive(worker::RxBatch& batch) {
  Scratch& s = *scratch_;
  for (std::size_t i = 0; i < batch.lent; ++i) {
    s.rx_iov[i].iov_base = batch.entries[i].data;
    // The kernel wrote into both what it needed of them.
    s.rx_messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    s.rx_messages[i].msg_hdr.msg_controllen = tells_local_address_ ? kPacketInfoBytes : 0;
  }
  const int received = ::recvmmsg(fd_, s.rx_messages.data(), static_cast<unsigned>(batch.lent),
                                  MSG_DONTWAIT | MSG_TRUNC, nullptr);
  if (received <= 0) return 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
    worker::RxBatch::Entry& entry = batch.entries[i];
    entry.remote = ReadSocketAddress(s.rx_from[i]);
    const unsigned size = s.rx_messages[i].msg_len;
    // MSG_TRUNC reports the real length: an oversized datagram becomes an empty one, which is
    // dropped by the demultiplexer like any other that is too short.
    entry.size =
        size > limits::kDatagramBytesMax ? std::uint16_t{0} : static_cast<std::uint16_t>(size);
    entry.local = LocalAddressId::kAny;
    if (!tells_local_address_) continue;
    if (const auto local = LocalAddressOf(s.rx_messages[i].msg_hdr)) entry.local = IdOf(*local);
  }
  return static_cast<std::size_t>(received);
}

std::size_t UdpPort::WriteControl(const worker::TxBatch::Entry& entry, bool segmented,
                                  char* control) const {
  std::size_t bytes = 0;
  const auto local = static_cast<std::size_t>(entry.local);
  if (local > 0 && local <= local_addresses_.size()) {
    bytes = WritePacketInfo(local_addresses_[local - 1], v6_, reinterpret_cast<cmsghdr*>(control));
  }
  if (segmented) bytes += WriteSegmentSize(entry.size, reinterpret_cast<cmsghdr*>(control + bytes));
  return bytes;
}

std::size_t UdpPort::BuildMessages(const worker::TxBatch& batch) {
  Scratch& s = *scratch_;
  std::size_t messages = 0;
  std::size_t at = 0;
  while (at < batch.size()) {
    const worker::TxBatch::Entry& head = batch.entry(s.order[at]);
    const std::uint16_t segment = head.size;
    std::size_t run = 1;
    // The rule of UDP_SEGMENT: all segments equal, only the last may be shorter.
    while (segmentation_ && at + run < batch.size() && run < limits::kUdpSegmentsMax) {
      const worker::TxBatch::Entry& next = batch.entry(s.order[at + run]);
      if (!next.SamePath(head) || next.size > segment) break;
      ++run;
      if (next.size < segment) break;
    }
    for (std::size_t i = at; i < at + run; ++i) {
      s.tx_iov[i] = {const_cast<std::uint8_t*>(batch.data(s.order[i])),
                     batch.entry(s.order[i]).size};
    }
    msghdr& header = s.tx_messages[messages].msg_hdr;
    header.msg_namelen = WriteSocketAddress(head.remote, v6_, s.tx_to[messages]);
    header.msg_iov = &s.tx_iov[at];
    header.msg_iovlen = run;
    header.msg_controllen = WriteControl(head, run > 1, s.tx_control[messages].bytes.data());
    s.first[messages] = static_cast<std::uint16_t>(at);
    s.count[messages] = static_cast<std::uint16_t>(run);
    at += run;
    ++messages;
  }
  return messages;
}

void UdpPort::SendMessages(const worker::TxBatch& batch, std::size_t messages) {
  Scratch& s = *scratch_;
  std::size_t done = 0;
  while (done < messages) {
    ++send_calls_;
    const int sent =
        ::sendmmsg(fd_, &s.tx_messages[done], static_cast<unsigned>(messages - done), MSG_DONTWAIT);
    if (sent > 0) {
      for (std::size_t i = done; i < done + static_cast<std::size_t>(sent); ++i)
        packets_sent_ += s.count[i];
      done += static_cast<std::size_t>(sent);
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    const std::size_t packets = s.count[done];
    if ((error == EIO || error == EINVAL || error == ENOPROTOOPT) && packets > 1) {
      // The device cannot segment, from now on for good; unless it may have been the source address
      // that is wrong, because the machine lost it.
      const bool has_source = batch.entry(s.order[s.first[done]]).local != LocalAddressId::kAny;
      if (error != EINVAL || !has_source) segmentation_ = false;
      SendUnsegmented(batch, s.first[done], packets);
      ++done;
      continue;
    }
    const bool busy = error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
    drops_.Add(busy ? DropReason::kTxSocketFull : DropReason::kTxError, packets);
    ++done;  // the message that failed; the next ones may go elsewhere
  }
}

void UdpPort::SendUnsegmented(const worker::TxBatch& batch, std::size_t from, std::size_t count) {
  const Scratch& s = *scratch_;
  for (std::size_t i = from; i < from + count; ++i) {
    const worker::TxBatch::Entry& entry = batch.entry(s.order[i]);
    iovec bytes{const_cast<std::uint8_t*>(batch.data(s.order[i])), entry.size};
    msghdr header{};
    sockaddr_storage to;
    TxControl control;
    header.msg_namelen = WriteSocketAddress(entry.remote, v6_, to);
    header.msg_name = &to;
    header.msg_iov = &bytes;
    header.msg_iovlen = 1;
    header.msg_controllen = WriteControl(entry, false, control.bytes.data());
    if (header.msg_controllen > 0) header.msg_control = control.bytes.data();
    if (::sendmsg(fd_, &header, MSG_DONTWAIT) >= 0)
      ++packets_sent_;
    else
      drops_.Add(DropReason::kTxError);
  }
}

void UdpPort::Send(worker::TxBatch& batch) {
  if (batch.size() > 0) {
    scratch_->order = scratch_->destinations.Of(batch);
    SendMessages(batch, BuildMessages(batch));
  }
  batch.Clear();
}

}  // namespace fovea::io
