// A token request on its way to an answer. Used by token_service*.cc alone. Thread: signaling.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "signaling/app/token_service.h"

namespace fovea::app {

struct TokenService::Pending {
  explicit Pending(io::ResponseWriter response) : writer(std::move(response)) {}
  // Whoever still waits is told that the service is shutting down.
  ~Pending();
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  io::ResponseWriter writer;
  Route route = Route::kNone;
  std::string url;  // what the answer says; of a relayed request what the client said
  matrix::TokenRequest request;
  std::string relay_to;  // the homeserver whose focus is asked for; empty: ours
  matrix::MintedIdentity who;
  std::int64_t not_before_unix = 0;
};

}  // namespace fovea::app
