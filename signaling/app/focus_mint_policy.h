// Tokens by the word of the homeserver: the Conductor decides, and remembers who has one.
// Thread: signaling.
#pragma once

#include <utility>

#include "signaling/app/matrix_focus.h"
#include "signaling/app/token_ports.h"

namespace fovea::app {

class FocusMintPolicy : public MintPolicy {
 public:
  // `focus` outlives this object.
  explicit FocusMintPolicy(MatrixFocus& focus) : focus_(focus) {}

  void DecideMint(Instant now, const matrix::MintedIdentity& who, OnAnswer on_answer) override {
    // Those routes promise that the user is in the room.
    if (matrix::IsProxied(who.route) && !focus_.is_watching()) {
      return on_answer({.allowed = false, .is_unanswered = true});
    }
    focus::MintQuery query;
    query.room_id = who.room_id;
    query.slot_id = who.slot_id;
    query.user_id = who.user_id;
    query.route = who.route;
    focus_.DecideMint(
        now, query, [on_answer = std::move(on_answer)](const focus::MintDecision& decision) {
          on_answer({.allowed = decision.verdict == matrix::MintVerdict::kAllow,
                     .is_unanswered = decision.reason == matrix::MintCase::kUnreachable,
                     .not_before_unix = decision.not_before_unix});
        });
  }
  void RecordMint(Instant now, const matrix::MintedIdentity& minted) override {
    focus_.RecordMint(now, minted);
  }

 private:
  MatrixFocus& focus_;
};

}  // namespace fovea::app
