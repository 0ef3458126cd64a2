#include "signaling/focus/call_facts.h"

#include <algorithm>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/matrix/derive.h"

namespace fovea::focus {

using matrix::MemberFormat;
using matrix::MintedIdentity;
using matrix::RtcMembership;
using matrix::TokenRoute;

std::string_view ToString(DepartureReason reason) {
  switch (reason) {
    case DepartureReason::kClientLeft:
      return "client_left";
    case DepartureReason::kConnectionLost:
      return "connection_lost";
    case DepartureReason::kEvicted:
      return "evicted";
    case DepartureReason::kReplaced:
      return "replaced";
    case DepartureReason::kFocusStopping:
      return "focus_stopping";
    case DepartureReason::kOther:
      return "other";
  }
  return "other";
}

bool IsMembershipOf(const RtcMembership& member, const MintedIdentity& who) {
  if (member.user_id != who.user_id || member.slot_id != who.slot_id) {
    // A leave may leave out the slot; its user and member id are enough.
    if (member.user_id != who.user_id || !member.slot_id.empty()) return false;
  }
  if (member.format == MemberFormat::kSticky) {
    return who.route != TokenRoute::kLegacy && !member.member_id.empty() &&
           member.member_id == who.member_id;
  }
  if (!member.member_id.empty() && member.member_id == who.member_id) return true;
  if (who.route == TokenRoute::kLegacy) {
    return !member.device_id.empty() && member.device_id == who.device_id;
  }
  return !member.device_id.empty() &&
         who.member_id == matrix::LegacyIdentity(member.user_id, member.device_id);
}

std::size_t CallLedger::Publishers(const Call& call) {
  return static_cast<std::size_t>(std::count_if(
      call.present.begin(), call.present.end(),
      [](const auto& entry) { return entry.second.audio_tracks + entry.second.video_tracks > 0; }));
}

void CallLedger::MakeRoom() {
  if (calls_.size() < limits::kCallsRememberedMax) return;
  auto oldest = calls_.end();
  for (auto it = calls_.begin(); it != calls_.end(); ++it) {
    if (!it->second.present.empty()) continue;
    if (oldest == calls_.end() || it->second.ended_unix_ms < oldest->second.ended_unix_ms) {
      oldest = it;
    }
  }
  if (oldest != calls_.end()) calls_.erase(oldest);
}

std::optional<CallChangeKind> CallLedger::HandleConnected(std::int64_t wall_ms,
                                                          const MintedIdentity& who) {
  if (!calls_.contains(who.room_name)) MakeRoom();
  Call& call = calls_[who.room_name];
  const bool starts = call.present.empty();
  if (starts) {
    call = Call{};
    call.room_id = who.room_id;
    call.slot_id = who.slot_id;
    call.since_unix_ms = wall_ms;
    call.opened_by = who.user_id;
  }
  Presence& presence = call.present[who.identity];
  presence.who = who;
  ++presence.connections;
  if (!starts) return std::nullopt;
  return CallChangeKind::kStarted;
}

void CallLedger::HandleLeft(std::int64_t wall_ms, const std::string& room_name,
                            const std::string& identity, DepartureReason reason,
                            std::vector<CallChangeKind>& changes) {
  const auto found = calls_.find(room_name);
  if (found == calls_.end()) return;
  Call& call = found->second;
  const auto it = call.present.find(identity);
  if (it == call.present.end()) return;
  call.last_departure = reason;
  if (--it->second.connections > 0) return;
  const std::size_t publishers = Publishers(call);
  call.present.erase(it);
  if (publishers > 0 && Publishers(call) == 0) changes.push_back(CallChangeKind::kNoPublisher);
  if (!call.present.empty()) return;
  call.ended_unix_ms = wall_ms;
  changes.push_back(CallChangeKind::kEnded);
}

std::optional<CallChangeKind> CallLedger::HandlePublishing(const std::string& room_name,
                                                           const std::string& identity,
                                                           std::size_t audio_tracks,
                                                           std::size_t video_tracks) {
  const auto found = calls_.find(room_name);
  if (found == calls_.end()) return std::nullopt;
  Call& call = found->second;
  const auto it = call.present.find(identity);
  if (it == call.present.end()) return std::nullopt;
  const std::size_t before = Publishers(call);
  it->second.audio_tracks = audio_tracks;
  it->second.video_tracks = video_tracks;
  call.had_audio = call.had_audio || audio_tracks > 0;
  call.had_video = call.had_video || video_tracks > 0;
  if (before == 0 || Publishers(call) > 0) return std::nullopt;
  return CallChangeKind::kNoPublisher;
}

std::optional<CallFacts> CallLedger::Facts(const std::string& room_name,
                                           const std::vector<const RtcMembership*>& members) const {
  const auto found = calls_.find(room_name);
  if (found == calls_.end()) return std::nullopt;
  const Call& call = found->second;
  CallFacts facts{.room_name = room_name, .room_id = call.room_id, .slot_id = call.slot_id};
  facts.is_on = !call.present.empty();
  facts.since_unix_ms = call.since_unix_ms;
  facts.ended_unix_ms = call.ended_unix_ms;
  facts.opened_by = call.opened_by;
  facts.connected = call.present.size();
  facts.publishing = Publishers(call);
  facts.last_departure = call.last_departure;
  bool announced_video = false;
  bool announced_audio = false;
  std::map<std::string, const Presence*> shadows;
  for (const auto& [identity, presence] : call.present) shadows.emplace(identity, &presence);
  for (const RtcMembership* member : members) {
    if (member->slot_id != call.slot_id) continue;
    announced_video = announced_video || member->intent == "video";
    announced_audio = announced_audio || member->intent == "audio";
    CallMember line{.user_id = member->user_id, .device_id = member->device_id};
    line.is_of_record = true;
    for (const auto& [identity, presence] : call.present) {
      if (!IsMembershipOf(*member, presence.who)) continue;
      line.is_connected = true;
      line.audio_tracks += presence.audio_tracks;
      line.video_tracks += presence.video_tracks;
      shadows.erase(identity);
    }
    if (!line.is_connected) ++facts.ghosts;
    facts.members.push_back(std::move(line));
  }
  facts.shadows = shadows.size();
  for (const auto& [identity, presence] : shadows) {
    CallMember line{.user_id = presence->who.user_id, .device_id = presence->who.device_id};
    line.is_connected = true;
    line.audio_tracks = presence->audio_tracks;
    line.video_tracks = presence->video_tracks;
    facts.members.push_back(std::move(line));
  }
  if (call.had_video || (announced_video && !call.had_audio)) {
    facts.intent = "video";
  } else if (call.had_audio || announced_audio) {
    facts.intent = "audio";
  }
  return facts;
}

std::vector<std::string> CallLedger::Rooms() const {
  std::vector<std::string> rooms;
  rooms.reserve(calls_.size());
  for (const auto& [room_name, call] : calls_) rooms.push_back(room_name);
  return rooms;
}

}  // namespace fovea::focus
