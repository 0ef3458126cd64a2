#include "signaling/app/asking_mint_policy.h"

#include <utility>

namespace fovea::app {

void AskingMintPolicy::DecideMint(Instant /*now*/, const matrix::MintedIdentity& who,
                                  OnAnswer on_answer) {
  if (!matrix::IsProxied(who.route)) return on_answer({.allowed = true});
  if (homeserver_ == nullptr) return on_answer({.allowed = false, .is_unanswered = true});
  homeserver_->AskIsJoined(who.room_id, who.user_id,
                           [on_answer = std::move(on_answer)](matrix::JoinedAnswer answer) {
                             using matrix::JoinedAnswer;
                             on_answer({.allowed = answer == JoinedAnswer::kJoined,
                                        .is_unanswered = answer == JoinedAnswer::kUnknown});
                           });
}

}  // namespace fovea::app
