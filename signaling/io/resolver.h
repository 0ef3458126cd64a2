// Host names to addresses, on libuv's thread pool. Thread: the one that runs the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sfu/core/net_address.h"
#include "signaling/io/timer.h"

namespace fovea::io {

// One lookup. Destroying it makes the answer go nowhere.
class Resolver {
 public:
  // In the system's order of preference; empty if the host has none.
  using OnAddresses = std::function<void(std::vector<NetAddress>)>;

  // An address as `host` is answered without asking anybody, also later.
  Resolver(uv_loop_t* loop, const std::string& host, std::uint16_t port, OnAddresses on_addresses);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

 private:
  struct Request;
  Request* request_;              // owned by libuv until its callback; null once that has come
  std::optional<Timer> refused_;  // set if libuv would not even ask
};

}  // namespace fovea::io
