// The focus in its surroundings: the store, the rooms that obey it, its restarts.
#include <algorithm>
#include <utility>
#include <variant>

#include "tests/sim/admission/world_parts.h"

namespace fovea::test::admission {

void World::StartFocus() {
  focus::ConductorOptions options{.homeserver = "hs"};
  options.reconcile_every = Seconds(20);
  options.policy = run_.mutant.policy;
  const std::int64_t offset_us = kWallSeconds * 1'000'000 + focus_skew_ms_ * 1000;
  focus_.emplace(
      options, [offset_us] { return offset_us; }, Rng(run_.seed));
  for (const auto& [identity, row] : stored_) focus_->RestoreMinted(now_, row);
  if (!run_.mutant.forgets_revocations) {
    for (const auto& [identity, row] : stored_revocations_) {
      focus_->RestoreRevocation(now_, row);
    }
  }
  for (const std::string& id : stored_txns_) focus_->RestoreTransactionId(id);
  // What it knew is gone, except what is stored.
  for (auto& [who, known] : known_) known.is_provable = false;
  delivered_.clear();
  snapshot_.clear();
  is_focus_up_ = true;
  focus_->Start(now_);
  Drain();
}

void World::StopFocus() {
  Op("focus stops");
  ++result_.restarts;
  is_focus_up_ = false;
  connections_.clear();
  revocations_.clear();  // the rooms' own list is not stored
  questions_.clear();
  user_questions_.clear();
  waiting_.clear();
  focus_up_at_ = now_ + Seconds(rng_.Below(20));
}

void World::Drain() {
  // Costs as much as everything else together.
  if (++drains_ % 32 == 0 && !focus_->IsConsistent()) Fail("the conductor is inconsistent");
  // Evictions end connections, which the conductor hears of: more actions may follow.
  while (const auto action = focus_->PollAction()) Do(*action);
  while (const auto change = focus_->PollStoreChange()) Store(*change);
}

void World::Do(const focus::ConductorAction& action) {
  if (const auto* evict = std::get_if<focus::Evict>(&action)) {
    DoEvict(*evict);
  } else if (const auto* fetch = std::get_if<focus::FetchRoomState>(&action)) {
    Ask(*fetch);
  } else if (const auto* about = std::get_if<focus::AskIsJoined>(&action)) {
    AskAboutUser(*about);
  } else if (const auto* restrict_it = std::get_if<focus::RestrictPublish>(&action)) {
    DoRestrict(restrict_it->identity);
  } else if (const auto* restore = std::get_if<focus::RestorePublish>(&action)) {
    const auto it = connections_.find(restore->identity);
    if (it != connections_.end()) it->second.is_restricted = false;
  }
}

namespace {

bool IsAboutMember(matrix::EvidenceKind kind) {
  using enum matrix::EvidenceKind;
  return kind == kMemberLeft || kind == kMemberRedacted || kind == kStickyExpired;
}

}  // namespace

void World::DoEvict(const focus::Evict& evict) {
  std::int64_t& before = revocations_[evict.identity];
  const auto stored = stored_revocations_.find(evict.identity);
  const bool is_news = evict.tokens_before_unix > before &&
                       (stored == stored_revocations_.end() ||
                        evict.tokens_before_unix > stored->second.tokens_before_unix);
  Op("evict " + evict.identity + " " + std::string(ToString(evict.reason)));
  if (is_news) {
    ++result_.evictions;
    CheckEviction(evict, before);
  }
  before = std::max(before, evict.tokens_before_unix);
  const auto it = connections_.find(evict.identity);
  if (it == connections_.end()) return;
  Disconnect(it, focus::DepartureReason::kEvicted);
}

// Only who left the call, and was not seen to come back, may be put out though still in the room.
void World::CheckAbsence(const focus::Evict& evict) {
  const auto it = connections_.find(evict.identity);
  if (it == connections_.end()) return Fail("S2: absence of " + evict.identity + ", who is gone");
  const MintedIdentity& who = it->second.token.minted;
  if (who.route != TokenRoute::kLegacy) return;
  const std::string key = "_" + who.user_id + "_" + who.device_id + "_m.call";
  for (std::size_t i = hs_.log().size(); i-- > 0;) {
    const LogEntry& entry = hs_.log()[i];
    if (entry.room_id != who.room_id || entry.key != key || !delivered_.contains(i)) continue;
    if (entry.sender != who.user_id) continue;
    if (entry.event["content"].empty()) return;
    break;
  }
  ++result_.false_evictions;
  Fail("S2: " + evict.identity + " was evicted though its membership stands");
}

void World::CheckEviction(const focus::Evict& evict, std::int64_t revoked_before) {
  if (IsAboutMember(evict.reason)) {
    ++result_.absences;
    return CheckAbsence(evict);
  }
  for (const Token& token : tokens_) {
    if (token.minted.identity != evict.identity || token.nbf >= evict.tokens_before_unix ||
        token.nbf < revoked_before || !EntitledSince(token.minted, token.known)) {
      continue;
    }
    if (IsUndoneLeave(token.minted)) {
      ++result_.undone_leaves;
      return;
    }
    ++result_.false_evictions;
    return Fail("S2: " + evict.identity + " was evicted (" + std::string(ToString(evict.reason)) +
                ") though entitled since its token");
  }
}

void World::DoRestrict(const std::string& identity) {
  ++result_.restrictions;
  Op("restrict " + identity);
  const auto it = connections_.find(identity);
  if (it == connections_.end()) return;
  it->second.is_restricted = true;
  const MintedIdentity& who = it->second.token.minted;
  if (who.route == TokenRoute::kLegacy && !has_left_[identity]) {
    Fail("S2: " + identity + " may not publish, though its membership was never left");
  }
}

void World::Disconnect(std::map<std::string, Connection>::iterator it,
                       focus::DepartureReason reason) {
  const MintedIdentity who = it->second.token.minted;
  connections_.erase(it);
  focus_->HandleLeft(now_, who.room_name, who.identity, reason);
}

void World::Store(const focus::ConductorStoreChange& change) {
  if (const auto* put = std::get_if<focus::PutMinted>(&change)) {
    stored_[put->minted.identity] = put->minted;
  } else if (const auto* removed = std::get_if<focus::RemoveMinted>(&change)) {
    stored_.erase(removed->identity);
    stored_revocations_.erase(removed->identity);
  } else if (const auto* revoked = std::get_if<focus::PutRevocation>(&change)) {
    stored_revocations_[revoked->revocation.identity] = revoked->revocation;
  } else if (const auto* txn = std::get_if<focus::PutTransactionId>(&change)) {
    stored_txns_.push_back(txn->id);
  } else if (const auto* old = std::get_if<focus::RemoveTransactionId>(&change)) {
    std::erase(stored_txns_, old->id);
  }
}

}  // namespace fovea::test::admission
