#include "bench/fanout/receivers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "sfu/core/check.h"

namespace fovea::bench {
namespace {

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

LoopbackSocket::LoopbackSocket()
    : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  FOVEA_CHECK(fd_ >= 0);
  sockaddr_in address = Loopback(0);
  FOVEA_CHECK(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  socklen_t length = sizeof address;
  FOVEA_CHECK(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  address_ = NetAddress::V4(INADDR_LOOPBACK, ntohs(address.sin_port));
}

LoopbackSocket::~LoopbackSocket() {
  if (fd_ >= 0) ::close(fd_);
}

LoopbackSocket::LoopbackSocket(LoopbackSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), address_(other.address_) {}

void LoopbackSocket::Send(const NetAddress& to, ByteSpan bytes) {
  const sockaddr_in address = Loopback(to.port);
  const ssize_t sent = ::sendto(fd_, bytes.data(), bytes.size(), 0,
                                reinterpret_cast<const sockaddr*>(&address), sizeof address);
  FOVEA_CHECK(sent == static_cast<ssize_t>(bytes.size()));
}

std::optional<MutableByteSpan> LoopbackSocket::Receive(MutableByteSpan buffer) {
  const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (size < 0) return std::nullopt;
  return buffer.first(static_cast<std::size_t>(size));
}

void LoopbackSocket::StopReading() {
  const int least = 1;  // the kernel raises it to its own minimum, about one packet
  FOVEA_CHECK(::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &least, sizeof least) == 0);
}

}  // namespace fovea::bench
