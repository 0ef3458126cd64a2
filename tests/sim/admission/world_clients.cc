// Clients ask for tokens and connect with whatever token they have.
#include <algorithm>
#include <utility>

#include "signaling/matrix/ids.h"
#include "tests/sim/admission/world_parts.h"

namespace fovea::test::admission {

MintedIdentity World::Identity(const std::string& room_id, const std::string& user,
                               std::uint32_t device) const {
  static constexpr TokenRoute kRoutes[] = {TokenRoute::kLegacy, TokenRoute::kOpenId,
                                           TokenRoute::kHomeserver};
  MintedIdentity who{.room_name = "lk" + room_id,
                     .identity = {},
                     .room_id = room_id,
                     .slot_id = std::string(kSlot),
                     .user_id = user,
                     .device_id = "D" + std::to_string(device),
                     .member_id = {},
                     .server_name = std::string(matrix::ServerNameOf(user)),
                     .full_access = true,
                     .route = kRoutes[device]};
  if (who.route != TokenRoute::kLegacy) who.member_id = "m" + std::to_string(device);
  who.identity = room_id + user + ":" + who.device_id;
  return who;
}

void World::RequestToken(const MintedIdentity& who, bool was_asked) {
  const auto decision = focus_->MayMint(now_, {.room_id = who.room_id,
                                               .slot_id = who.slot_id,
                                               .user_id = who.user_id,
                                               .route = who.route,
                                               .was_asked = was_asked});
  if (decision.verdict == MintVerdict::kAskHomeserver) {
    if (was_asked) Fail("asked to ask again");
    waiting_.push_back({who, now_ + Seconds(3)});
    Drain();
    return;
  }
  Op("token for " + who.identity +
     (decision.verdict == MintVerdict::kAllow ? " given" : " denied"));
  if (decision.verdict == MintVerdict::kAllow) {
    CheckMint(who, decision);
    Token token{.minted = who,
                .given_at = now_,
                .nbf = std::max(FocusUnix(), decision.not_before_unix),
                .known = KnownUpTo(who.room_id)};
    token.minted.issued_unix = token.nbf;
    token.minted.expires_unix = token.nbf + 3600;
    ++result_.mints;
    tokens_.push_back(token);
    focus_->RecordMint(now_, token.minted);
  }
  last_verdict_ = decision.verdict;
  last_case_ = decision.reason;
  Drain();
}

void World::RetryMints(const std::string& room_id) {
  std::vector<std::pair<MintedIdentity, Instant>> due;
  for (std::size_t i = 0; i < waiting_.size();) {
    if (waiting_[i].first.room_id != room_id && waiting_[i].second > now_) {
      ++i;
      continue;
    }
    due.push_back(waiting_[i]);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (const auto& [who, until] : due) RequestToken(who, true);
}

bool World::Accepts(const Token& token) const {
  const auto it = revocations_.find(token.minted.identity);
  return FocusUnix() <= token.minted.expires_unix &&
         (it == revocations_.end() || token.nbf >= it->second);
}

void World::Connect(const Token& token) {
  const std::string& identity = token.minted.identity;
  if (!Accepts(token)) return;
  const auto it = known_.find({token.minted.room_id, token.minted.user_id});
  if (it != known_.end() && it->second.out_at && token.given_at < *it->second.out_at &&
      it->second.is_provable) {
    FailToEvict("S1: " + identity + " got in with a token from before it was known to be out");
  }
  ++result_.connections;
  Op("connect " + identity);
  const bool is_again = connections_.contains(identity);
  connections_[identity] = Connection{.token = token};
  focus_->HandleConnected(now_, token.minted.room_name, identity);
  // The first of two connections hears DUPLICATE_IDENTITY.
  if (is_again) {
    focus_->HandleLeft(now_, token.minted.room_name, identity, focus::DepartureReason::kReplaced);
  }
  Drain();
}

}  // namespace fovea::test::admission
