// Asks a STUN server which address it sees us at, or an ICE agent whether it hears us: a Binding
// request over UDP. RFC 8489 section 6.2.1, RFC 8445 section 7.2. Thread: the one that runs the
// loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sfu/core/net_address.h"
#include "sfu/stun/message.h"

typedef struct uv_loop_s uv_loop_t;  // libuv's own name, which is a typedef in C

namespace fovea::io {

// One question, repeated until it is answered or has waited long enough. Destroying it makes the
// answer go nowhere.
class StunQuery {
 public:
  struct Options {
    std::string host;  // a name or an address
    std::uint16_t port = 3478;
    stun::TransactionId id{};  // random
    int attempts = 5;          // the last one 1.5 s after the first
    // Of an ICE agent; empty: a STUN server, which wants neither.
    std::string username = {};
    std::string password = {};
    stun::HmacSha1 hmac = nullptr;  // REQUIRES: set, if there is a user name
  };
  // Nothing: no address, or no answer.
  using OnAnswer = std::function<void(std::optional<NetAddress>)>;

  StunQuery(uv_loop_t* loop, Options options, OnAnswer on_answer);
  ~StunQuery();
  StunQuery(const StunQuery&) = delete;
  StunQuery& operator=(const StunQuery&) = delete;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea::io
