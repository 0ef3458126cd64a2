#include "signaling/io/resolver.h"

#include <netdb.h>
#include <uv.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "signaling/io/sockaddr.h"

namespace fovea::io {

struct Resolver::Request {
  uv_getaddrinfo_t uv{};
  std::uint16_t port = 0;
  Resolver* owner = nullptr;  // null: nobody waits any more
  OnAddresses on_addresses;

  void Answer(const addrinfo* found) {
    if (owner == nullptr) return;
    owner->request_ = nullptr;
    std::vector<NetAddress> addresses;
    for (; found != nullptr; found = found->ai_next) {
      sockaddr_storage storage{};
      std::memcpy(&storage, found->ai_addr,
                  std::min<std::size_t>(found->ai_addrlen, sizeof storage));
      NetAddress address = FromSockaddr(storage);
      address.port = port;
      addresses.push_back(address);
    }
    on_addresses(std::move(addresses));
  }
};

// A literal address goes the same way: the system parses it without a query, zones included.
Resolver::Resolver(uv_loop_t* loop, const std::string& host, std::uint16_t port,
                   OnAddresses on_addresses)
    : request_(new Request) {
  request_->uv.data = request_;
  request_->port = port;
  request_->owner = this;
  request_->on_addresses = std::move(on_addresses);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const int error = uv_getaddrinfo(
      loop, &request_->uv,
      [](uv_getaddrinfo_t* uv, int status, addrinfo* found) {
        const std::unique_ptr<Request> request(static_cast<Request*>(uv->data));
        request->Answer(status == 0 ? found : nullptr);
        uv_freeaddrinfo(found);
      },
      host.c_str(), nullptr, &hints);
  if (error == 0) return;
  // A name too long to ask for. The answer still comes later, as promised: through the timer.
  refused_.emplace(loop, [this] {
    const std::unique_ptr<Request> request(request_);
    request->Answer(nullptr);
  });
  refused_->StartOnce(Duration::zero());
}

Resolver::~Resolver() {
  if (request_ == nullptr) return;
  if (refused_) {
    delete request_;
    return;
  }
  request_->owner = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&request_->uv));  // fails if it is being worked on: fine
}

}  // namespace fovea::io
