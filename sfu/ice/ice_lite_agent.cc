#include "sfu/ice/ice_lite_agent.h"

#include "sfu/core/check.h"
#include "sfu/core/result.h"
#include "sfu/stun/message_writer.h"

namespace fovea::ice {
namespace {

ByteSpan AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// RFC 8445 section 7.2.2: a check is named "receiver's ufrag : sender's ufrag".
bool NamesMatch(std::string_view username, const Credentials& credentials) {
  const std::string_view local = credentials.local_ufrag.view();
  const std::string_view remote = credentials.remote_ufrag.view();
  return username.size() == local.size() + 1 + remote.size() && username.starts_with(local) &&
         username[local.size()] == ':' && username.ends_with(remote);
}

void Report(IceEvents& events, IceEventKind kind, const NetAddress& remote) {
  events.Push({.kind = kind, .remote = remote});
}

// The answer that refuses an authenticated request, or nothing if the request is acceptable.
bool TryRefuse(const stun::Message& request, ByteSpan password, stun::HmacSha1 hmac,
               const NetAddress& remote, TransmitSink& sink) {
  // RFC 8445 section 6.1.1: against a lite agent the full one is always controlling, so a peer that
  // believes to be controlled is told to change (section 7.3.1.1); we have no other role to take.
  const bool role_conflict = request.ice_controlled.has_value();
  if (request.unknown_required.empty() && !role_conflict) return false;
  stun::MessageWriter answer(stun::MessageClass::kError, request.transaction_id);
  if (!request.unknown_required.empty()) {
    answer.ErrorCode(stun::kErrorUnknownAttribute, "");
    answer.UnknownAttributes(request.unknown_required.span());
  } else {
    answer.ErrorCode(stun::kErrorRoleConflict, "");
  }
  answer.Integrity(password, hmac);
  answer.Fingerprint();
  sink.Transmit(remote, answer.Finish());
  return true;
}

}  // namespace

std::optional<Credentials> Credentials::Make(std::string_view local_ufrag,
                                             std::string_view local_password,
                                             std::string_view remote_ufrag) {
  if (local_ufrag.empty() || local_password.empty() || remote_ufrag.empty()) return std::nullopt;
  Credentials credentials;
  if (!credentials.local_ufrag.TryAssign(local_ufrag)) return std::nullopt;
  if (!credentials.local_password.TryAssign(local_password)) return std::nullopt;
  if (!credentials.remote_ufrag.TryAssign(remote_ufrag)) return std::nullopt;
  return credentials;
}

IceLiteAgent::IceLiteAgent(const Credentials& credentials, stun::HmacSha1 hmac)
    : hmac_(hmac), current_(credentials) {
  FOVEA_CHECK(hmac != nullptr);
}

BindingOutcome IceLiteAgent::HandleBinding(Instant now, const NetAddress& remote, ByteSpan datagram,
                                           TransmitSink& sink) {
  BindingOutcome outcome;
  const Result<stun::Message, DropReason> parsed = stun::Parse(datagram);
  if (!parsed.ok()) {
    outcome.drop = parsed.error();
    return outcome;
  }
  const stun::Message& request = *parsed;
  // Indications are keepalives (RFC 8445 section 11) and prove nothing; a lite agent asks nothing,
  // so every response is stray.
  if (request.message_class != stun::MessageClass::kRequest ||
      request.method != stun::kBindingMethod) {
    outcome.drop = DropReason::kStunUnsupported;
    return outcome;
  }
  const Result<Generation, DropReason> generation = Authenticate(request);
  if (!generation.ok()) {
    outcome.drop = generation.error();
    return outcome;
  }
  const Credentials& used = *generation == Generation::kPending ? *pending_ : current_;
  const ByteSpan password = AsBytes(used.local_password.view());
  if (TryRefuse(request, password, hmac_, remote, sink)) return outcome;

  stun::MessageWriter answer(stun::MessageClass::kSuccess, request.transaction_id);
  answer.XorMappedAddress(remote);
  answer.Integrity(password, hmac_);
  answer.Fingerprint();

  if (*generation == Generation::kPending) CompleteRestart(outcome.events);
  const std::optional<std::size_t> index = FindOrAdd(now, remote, outcome.events);
  if (!index) {
    outcome.drop = DropReason::kTooManyTuples;
    return outcome;
  }
  sink.Transmit(remote, answer.Finish());
  RecordCheck(now, *index, request, outcome.events);
  FOVEA_DCHECK(IsConsistent());
  return outcome;
}

Result<IceLiteAgent::Generation, DropReason> IceLiteAgent::Authenticate(
    const stun::Message& request) const {
  const bool is_pending = pending_ && NamesMatch(request.username, *pending_);
  if (!is_pending && !NamesMatch(request.username, current_)) {
    return Failure{DropReason::kUnknownUfrag};
  }
  const Credentials& named = is_pending ? *pending_ : current_;
  if (!stun::VerifyIntegrity(request, AsBytes(named.local_password.view()), hmac_)) {
    return Failure{DropReason::kStunBadIntegrity};
  }
  return is_pending ? Generation::kPending : Generation::kCurrent;
}

void IceLiteAgent::SetLocalCredentials(const Credentials& credentials) {
  pending_ = credentials;
  FOVEA_DCHECK(IsConsistent());
}

void IceLiteAgent::CompleteRestart(IceEvents& events) {
  current_ = *pending_;
  pending_.reset();
  ++generation_;
  Report(events, IceEventKind::kRestarted, {});
}

std::optional<std::size_t> IceLiteAgent::FindOrAdd(Instant now, const NetAddress& remote,
                                                   IceEvents& events) {
  for (std::size_t i = 0; i < tuples_.size(); ++i) {
    if (tuples_[i].remote == remote) return i;
  }
  if (tuples_.full()) {
    const std::optional<std::size_t> evictable = FindEvictable(now);
    if (!evictable) return std::nullopt;
    Remove(*evictable, events);
  }
  tuples_.Push({.remote = remote, .last_check = now, .generation = generation_});
  Report(events, IceEventKind::kTupleAdded, remote);
  if (tuples_.size() == 1) {
    selected_ = 0;
    Report(events, IceEventKind::kConnected, remote);
  }
  return tuples_.size() - 1;
}

// Tuples from before a restart go first, then whoever has been silent longest.
std::optional<std::size_t> IceLiteAgent::FindEvictable(Instant now) const {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < tuples_.size(); ++i) {
    const Tuple& tuple = tuples_[i];
    if (i == selected_) continue;
    if (tuple.generation == generation_ && now - tuple.last_check < kEvictableAfter) continue;
    if (!found || tuple.generation < tuples_[*found].generation ||
        (tuple.generation == tuples_[*found].generation &&
         tuple.last_check < tuples_[*found].last_check)) {
      found = i;
    }
  }
  return found;
}

// The caller selects anew if the selected tuple went.
void IceLiteAgent::Remove(std::size_t index, IceEvents& events) {
  Report(events, IceEventKind::kTupleRemoved, tuples_[index].remote);
  tuples_.EraseAt(index);
  if (index < selected_) --selected_;
}

void IceLiteAgent::RecordCheck(Instant now, std::size_t index, const stun::Message& request,
                               IceEvents& events) {
  Tuple& tuple = tuples_[index];
  const Duration selected_silence = now - tuples_[selected_].last_check;
  tuple.last_check = now;
  if (tuple.generation != generation_) {
    // A nomination belongs to the credentials it was made with.
    tuple.generation = generation_;
    tuple.nominated = false;
    tuple.nominations_ahead = 0;
  }
  // Mandatory in checks (RFC 8445 section 7.1.1); consent checks without it change nothing.
  if (request.priority) tuple.priority = *request.priority;

  Nomination nomination = Nomination::kNone;
  if (request.use_candidate) {
    nomination = tuple.nominated ? Nomination::kRepeated : Nomination::kFirst;
    // A retransmission is the same nomination.
    if (nomination == Nomination::kFirst || tuple.last_nomination != request.transaction_id) {
      ++tuple.nominations_ahead;
    }
    tuple.nominated = true;
    tuple.last_nomination = request.transaction_id;
    if (index == selected_) {
      for (Tuple& other : tuples_) other.nominations_ahead = 0;
    }
  }
  if (index != selected_ && ShouldSelect(tuple, selected_silence, nomination)) {
    Select(index, events);
  }
}

bool IceLiteAgent::ShouldSelect(const Tuple& candidate, Duration selected_silence,
                                Nomination nomination) const {
  const Tuple& selected = tuples_[selected_];
  if (selected_silence > kSelectedSilentAfter) return candidate.nominated || !selected.nominated;
  if (!candidate.nominated) return false;
  if (!selected.nominated || candidate.generation > selected.generation) return true;
  // A spare pair keeps being checked after the peer left it: only USE-CANDIDATE moves media.
  if (nomination == Nomination::kNone) return false;
  // Aggressive nomination, RFC 5245 section 8.1.1.2. At the same priority the later one is the same
  // candidate behind a NAT that forgot the mapping.
  if (candidate.priority > selected.priority) return true;
  if (candidate.priority == selected.priority && nomination == Nomination::kFirst) return true;
  // Continuous nomination. One nomination of a lower priority may be Firefox finishing its list; a
  // second one, while the selected tuple had none, is libwebrtc that moved.
  return candidate.nominations_ahead >= 2;
}

void IceLiteAgent::Select(std::size_t index, IceEvents& events) {
  selected_ = index;
  for (Tuple& tuple : tuples_) tuple.nominations_ahead = 0;
  Report(events, IceEventKind::kSelectedChanged, tuples_[index].remote);
}

void IceLiteAgent::SelectBest(IceEvents& events) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < tuples_.size(); ++i) {
    const Tuple& a = tuples_[i];
    const Tuple& b = tuples_[best];
    if (a.generation != b.generation) {
      if (a.generation > b.generation) best = i;
    } else if (a.nominated != b.nominated) {
      if (a.nominated) best = i;
    } else if (a.priority > b.priority) {
      best = i;
    }
  }
  Select(best, events);
}

IceEvents IceLiteAgent::HandleTimeout(Instant now) {
  IceEvents events;
  if (tuples_.empty()) return events;
  const NetAddress selected_before = tuples_[selected_].remote;
  for (std::size_t i = tuples_.size(); i-- > 0;) {
    if (now - tuples_[i].last_check >= limits::kIceConsentTimeout) Remove(i, events);
  }
  if (tuples_.empty()) {
    selected_ = 0;
    Report(events, IceEventKind::kConsentLost, selected_before);
  } else if (!IsValidated(selected_before)) {
    SelectBest(events);
  }
  FOVEA_DCHECK(IsConsistent());
  return events;
}

Deadline IceLiteAgent::NextDeadline() const {
  Deadline deadline;
  for (const Tuple& tuple : tuples_) {
    deadline =
        Soonest(deadline, {tuple.last_check + limits::kIceConsentTimeout, WakeReason::kIceConsent});
  }
  return deadline;
}

bool IceLiteAgent::IsValidated(const NetAddress& remote) const {
  for (const Tuple& tuple : tuples_) {
    if (tuple.remote == remote) return true;
  }
  return false;
}

std::optional<NetAddress> IceLiteAgent::selected() const {
  if (tuples_.empty()) return std::nullopt;
  return tuples_[selected_].remote;
}

bool IceLiteAgent::IsConsistent() const {
  if (tuples_.empty()) return selected_ == 0;
  if (selected_ >= tuples_.size()) return false;
  for (std::size_t i = 0; i < tuples_.size(); ++i) {
    if (tuples_[i].generation > generation_) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (tuples_[i].remote == tuples_[j].remote) return false;
    }
  }
  return true;
}

std::string IceLiteAgent::DebugString(Instant now) const {
  std::string text = "ice generation " + std::to_string(generation_);
  if (pending_) text += " restarting";
  for (std::size_t i = 0; i < tuples_.size(); ++i) {
    const Tuple& tuple = tuples_[i];
    text += "; tuple " + std::to_string(i);
    if (i == selected_) text += " selected";
    if (tuple.nominated) text += " nominated";
    text += " priority " + std::to_string(tuple.priority) + " generation " +
            std::to_string(tuple.generation) + " checked " +
            std::to_string(ToMillis(now - tuple.last_check)) + " ms ago";
  }
  return text;
}

}  // namespace fovea::ice
