// The homeserver's side door: what it pushes to an application service. Matrix application service
// API; matrixrtc reference, sections 6.2 and 4.6. Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "sfu/core/time.h"
#include "signaling/focus/conductor_types.h"
#include "signaling/wire/http_message.h"

namespace fovea::app {

// Whoever acts on what is pushed; knows which transactions were taken before.
class TransactionSink {
 public:
  virtual ~TransactionSink() = default;
  virtual focus::TransactionOutcome OnTransaction(Instant now, const std::string& id,
                                                  std::string_view body) = 0;
  // The homeserver called back after we asked it to.
  virtual void OnPing(Instant now) = 0;
};

class Appservice {
 public:
  Appservice(std::string hs_token, TransactionSink& sink)
      : hs_token_(std::move(hs_token)), sink_(sink) {}

  [[nodiscard]] static bool Handles(const wire::RequestTarget& target);
  // Without the token 401 M_MISSING_TOKEN, with another one 403 M_FORBIDDEN, as the specification
  // has it for all of these routes; those that a homeserver proxies (token_service.h) say
  // 401 M_UNKNOWN_TOKEN to another one, as their proposal does.
  // 200 {} for a transaction that was taken, now or before. A body that is none is answered so too,
  // and counted: it would only be sent again, for ever, with everything behind it waiting.
  [[nodiscard]] wire::HttpResponse Handle(Instant now, const wire::HttpRequest& request);
  // The homeserver may send more at once than anybody else.
  [[nodiscard]] std::size_t LargeBodyBytesMax(const wire::HttpRequest& head) const;
  [[nodiscard]] bool IsFromHomeserver(const wire::HttpRequest& request) const;

  [[nodiscard]] std::uint64_t transactions_total() const { return transactions_; }
  [[nodiscard]] std::uint64_t replays_total() const { return replays_; }
  [[nodiscard]] std::uint64_t unreadable_total() const { return unreadable_; }
  [[nodiscard]] std::uint64_t refused_total() const { return refused_; }

 private:
  [[nodiscard]] wire::HttpResponse TakeTransaction(Instant now, const wire::HttpRequest& request,
                                                   const std::string& id);

  const std::string hs_token_;
  TransactionSink& sink_;
  std::uint64_t transactions_ = 0;
  std::uint64_t replays_ = 0;
  std::uint64_t unreadable_ = 0;
  std::uint64_t refused_ = 0;  // without the token, or with another one
};

}  // namespace fovea::app
