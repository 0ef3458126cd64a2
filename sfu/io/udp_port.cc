#include "sfu/io/udp_port.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <numeric>

namespace fovea::io {
namespace {

// The kernel's UDP_MAX_SEGMENTS is 64 on older kernels, and one message holds at most 65 507 bytes.
constexpr std::size_t kSegmentsMax = 40;
constexpr std::size_t kControlBytes = CMSG_SPACE(sizeof(std::uint16_t));

socklen_t ToSockaddr(const NetAddress& address, bool v6, sockaddr_storage& out) {
  std::memset(&out, 0, sizeof out);
  if (v6) {
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&out);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(address.port);
    std::memcpy(&in6->sin6_addr, address.ip.data(), address.ip.size());
    return sizeof(sockaddr_in6);
  }
  auto* in4 = reinterpret_cast<sockaddr_in*>(&out);
  in4->sin_family = AF_INET;
  in4->sin_port = htons(address.port);
  std::memcpy(&in4->sin_addr, address.ip.data() + 12, 4);
  return sizeof(sockaddr_in);
}

NetAddress FromSockaddr(const sockaddr_storage& in) {
  if (in.ss_family == AF_INET6) {
    const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&in);
    NetAddress address;
    std::memcpy(address.ip.data(), &in6->sin6_addr, address.ip.size());
    address.port = ntohs(in6->sin6_port);
    return address;
  }
  const auto* in4 = reinterpret_cast<const sockaddr_in*>(&in);
  return NetAddress::V4(ntohl(in4->sin_addr.s_addr), ntohs(in4->sin_port));
}

std::string BindError(const NetAddress& bind_to, int error) {
  const std::string port = std::to_string(bind_to.port);
  if (error == EADDRINUSE) return "UDP port " + port + " is taken by another process";
  if (error == EACCES)
    return "no permission to bind UDP port " + port +
           " (ports below 1024 need CAP_NET_BIND_SERVICE)";
  if (error == EADDRNOTAVAIL)
    return "this machine has no address " + bind_to.IpString() + " to bind UDP port " + port;
  return "cannot bind UDP port " + port + ": " + std::strerror(error);
}

}  // namespace

struct UdpPort::Scratch {
  // Receive.
  std::array<mmsghdr, limits::kRxBatchPackets> rx_messages{};
  std::array<iovec, limits::kRxBatchPackets> rx_iov{};
  std::array<sockaddr_storage, limits::kRxBatchPackets> rx_from{};
  // Send: `order` sorts entries by destination, `first` and `count` cut the order into messages.
  std::array<std::uint16_t, limits::kTxBatchPackets> order{};
  std::array<std::uint16_t, limits::kTxBatchPackets> first{};
  std::array<std::uint16_t, limits::kTxBatchPackets> count{};
  std::array<mmsghdr, limits::kTxBatchPackets> tx_messages{};
  std::array<iovec, limits::kTxBatchPackets> tx_iov{};
  std::array<sockaddr_storage, limits::kTxBatchPackets> tx_to{};
  struct alignas(cmsghdr) Control {
    std::array<char, kControlBytes> bytes;
  };
  std::array<Control, limits::kTxBatchPackets> tx_control{};
};

Result<std::unique_ptr<UdpPort>, std::string> UdpPort::Open(const UdpOptions& options) {
  const bool v6 = !options.bind.is_v4();
  const int fd = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Failure{std::string("cannot make a UDP socket: ") + std::strerror(errno)};
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
  const socklen_t length = ToSockaddr(options.bind, v6, address);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0) {
    const int error = errno;
    ::close(fd);
    return Failure{BindError(options.bind, error)};
  }
  socklen_t bound_length = sizeof address;
  (void)::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bound_length);
  return std::unique_ptr<UdpPort>(new UdpPort(fd, v6, FromSockaddr(address)));
}

UdpPort::UdpPort(int fd, bool v6, NetAddress local)
    : fd_(fd), v6_(v6), local_(local), scratch_(std::make_unique<Scratch>()) {}

UdpPort::~UdpPort() { ::close(fd_); }

std::size_t UdpPort::Receive(worker::RxBatch& batch) {
  Scratch& s = *scratch_;
  for (std::size_t i = 0; i < batch.lent; ++i) {
    s.rx_iov[i] = {batch.entries[i].data, limits::kDatagramBytesMax};
    msghdr& header = s.rx_messages[i].msg_hdr;
    header = {};
    header.msg_name = &s.rx_from[i];
    header.msg_namelen = sizeof(sockaddr_storage);
    header.msg_iov = &s.rx_iov[i];
    header.msg_iovlen = 1;
  }
  const int received = ::recvmmsg(fd_, s.rx_messages.data(), static_cast<unsigned>(batch.lent),
                                  MSG_DONTWAIT | MSG_TRUNC, nullptr);
  if (received <= 0) return 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
    batch.entries[i].remote = FromSockaddr(s.rx_from[i]);
    const unsigned size = s.rx_messages[i].msg_len;
    // MSG_TRUNC reports the real length: an oversized datagram becomes an empty one, which is
    // dropped by the demultiplexer like any other that is too short.
    batch.entries[i].size =
        size > limits::kDatagramBytesMax ? std::uint16_t{0} : static_cast<std::uint16_t>(size);
  }
  return static_cast<std::size_t>(received);
}

void UdpPort::OrderByDestination(const worker::TxBatch& batch) {
  Scratch& s = *scratch_;
  const auto begin = s.order.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(batch.size());
  std::iota(begin, end, std::uint16_t{0});
  // Ties keep their order by index: packets of one destination must not be reordered. (stable_sort
  // would allocate.)
  std::sort(begin, end, [&batch](std::uint16_t a, std::uint16_t b) {
    const NetAddress& to_a = batch.entry(a).remote;
    const NetAddress& to_b = batch.entry(b).remote;
    if (to_a.port != to_b.port) return to_a.port < to_b.port;
    if (to_a.ip != to_b.ip) return to_a.ip < to_b.ip;
    return a < b;
  });
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
    while (segmentation_ && at + run < batch.size() && run < kSegmentsMax) {
      const worker::TxBatch::Entry& next = batch.entry(s.order[at + run]);
      if (next.remote != head.remote || next.size > segment) break;
      ++run;
      if (next.size < segment) break;
    }
    for (std::size_t i = at; i < at + run; ++i) {
      s.tx_iov[i] = {const_cast<std::uint8_t*>(batch.data(s.order[i])),
                     batch.entry(s.order[i]).size};
    }
    msghdr& header = s.tx_messages[messages].msg_hdr;
    header = {};
    header.msg_namelen = ToSockaddr(head.remote, v6_, s.tx_to[messages]);
    header.msg_name = &s.tx_to[messages];
    header.msg_iov = &s.tx_iov[at];
    header.msg_iovlen = run;
    if (run > 1) {
      header.msg_control = s.tx_control[messages].bytes.data();
      header.msg_controllen = kControlBytes;
      cmsghdr* control = CMSG_FIRSTHDR(&header);
      control->cmsg_level = SOL_UDP;
      control->cmsg_type = UDP_SEGMENT;
      control->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
      std::memcpy(CMSG_DATA(control), &segment, sizeof segment);
    }
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
      // The device cannot segment. Send the rest one by one, from now on for good.
      segmentation_ = false;
      for (std::size_t i = s.first[done]; i < batch.size(); ++i) {
        sockaddr_storage to;
        const worker::TxBatch::Entry& entry = batch.entry(s.order[i]);
        const socklen_t length = ToSockaddr(entry.remote, v6_, to);
        const ssize_t n = ::sendto(fd_, batch.data(s.order[i]), entry.size, MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&to), length);
        if (n >= 0)
          ++packets_sent_;
        else
          drops_.Add(DropReason::kTxError);
      }
      return;
    }
    const bool busy = error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
    drops_.Add(busy ? DropReason::kTxSocketFull : DropReason::kTxError, packets);
    ++done;  // the message that failed; the next ones may go elsewhere
  }
}

void UdpPort::Send(worker::TxBatch& batch) {
  if (batch.size() > 0) {
    OrderByDestination(batch);
    SendMessages(batch, BuildMessages(batch));
  }
  batch.Clear();
}

}  // namespace fovea::io
