#include "sfu/sctp/sctp_hub.h"

#include <algorithm>
#include <utility>

#include "sfu/core/check.h"
#include "sfu/core/overloaded.h"
#include "sfu/sctp/packet_filter.h"

namespace fovea::sctp {
namespace {

Stack::Outgoing DcepMessage(StreamId stream, ByteSpan bytes) {
  // RFC 8832 section 6: ordered and reliable, whatever the channel is.
  return {.stream = stream,
          .payload_protocol = PayloadProtocol::kDcep,
          .reliability = {},
          .bytes = bytes};
}

// Empty messages take room too.
std::size_t CostOf(const Message& message) { return sizeof(SctpEvent) + message.bytes.size(); }

}  // namespace

SctpHub::SctpHub() : stack_(*this) {}

bool SctpHub::CreateAssociation(Instant now, AssocId assoc, DtlsRole our_role) {
  if (associations_.contains(assoc) || associations_.size() >= limits::kSctpAssociationsMax) {
    ++counters_.associations_refused;
    return false;
  }
  if (associations_.empty()) last_step_ = now;  // the clock stood still
  const ConnectionId connection = stack_.NewConnectionId();
  by_connection_.emplace(connection, assoc);
  associations_.emplace(assoc, Association{.connection = connection,
                                           .our_role = our_role,
                                           .is_up = false,
                                           .channels = {},
                                           .resets = {}});
  if (!stack_.TryConnect(connection)) {
    by_connection_.erase(connection);
    associations_.erase(assoc);
    ++counters_.associations_refused;
    return false;
  }
  HandleNotes();
  return true;
}

void SctpHub::Close(AssocId assoc) {
  if (Find(assoc) == nullptr) return;
  Drop(assoc);
  HandleNotes();
}

// Closing makes notes about a connection that nobody knows afterwards; HandleNotes skips them.
void SctpHub::Drop(AssocId assoc) {
  const ConnectionId connection = associations_.at(assoc).connection;
  stack_.Close(connection);
  by_connection_.erase(connection);
  associations_.erase(assoc);
}

std::optional<DropReason> SctpHub::HandlePacket(AssocId assoc, ByteSpan packet) {
  const Association* const association = Find(assoc);
  if (association == nullptr) {
    ++counters_.packets_unknown_association;
    return DropReason::kSctpUnknownAssociation;
  }
  if (!IsAcceptable(packet)) {
    ++counters_.packets_unacceptable;
    return DropReason::kSctpMalformed;
  }
  stack_.Input(association->connection, packet);
  HandleNotes();
  return std::nullopt;
}

void SctpHub::HandleTimeout(Instant now) {
  if (associations_.empty() || now < last_step_ + kTimerStep) return;
  const Duration elapsed = Millis(ToMillis(now - last_step_));
  last_step_ += elapsed;
  stack_.Advance(elapsed);
  HandleNotes();
}

Deadline SctpHub::NextDeadline() const {
  if (associations_.empty()) return {};
  return {last_step_ + kTimerStep, WakeReason::kSctpTimer};
}

std::optional<TransmitItem> SctpHub::PollTransmit() {
  if (std::exchange(outbox_front_is_lent_, false)) outbox_.pop_front();
  if (outbox_.empty()) return std::nullopt;
  outbox_front_is_lent_ = true;
  const Packet& packet = outbox_.front();
  return TransmitItem{.assoc = packet.assoc, .bytes = ByteSpan(packet.bytes).first(packet.size)};
}

std::optional<SctpEvent> SctpHub::PollEvent() {
  if (events_.empty()) return std::nullopt;
  SctpEvent event = std::move(events_.front());
  events_.pop_front();
  if (const Message* message = std::get_if<Message>(&event)) event_bytes_ -= CostOf(*message);
  return event;
}

Result<StreamId, OpenError> SctpHub::OpenChannel(AssocId assoc, const ChannelOptions& options) {
  Association* const association = Find(assoc);
  if (association == nullptr || !association->is_up) return Failure{OpenError::kNotUp};
  std::array<std::uint8_t, kOpenMessageBytesMax> buffer;
  const ByteSpan open = WriteOpen({.reliability = options.reliability,
                                   .priority = 0,
                                   .label = options.label,
                                   .protocol = options.protocol},
                                  buffer);
  if (open.empty()) return Failure{OpenError::kLabelTooLong};
  const std::optional<StreamId> stream = FreeStream(*association);
  if (!stream) return Failure{OpenError::kTooManyChannels};
  if (stack_.Send(association->connection, DcepMessage(*stream, open)) != StackSend::kOk) {
    ++counters_.send_buffer_full;
    return Failure{OpenError::kFull};
  }
  association->channels.push_back({.stream = *stream,
                                   .state = ChannelState::kOpening,
                                   .opener = Opener::kUs,
                                   .peer_has_reset = false,
                                   .options = options});
  HandleNotes();
  return *stream;
}

SendResult SctpHub::Send(AssocId assoc, StreamId stream, DataKind kind, ByteSpan bytes) {
  Association* const association = Find(assoc);
  Channel* const channel = association != nullptr ? FindChannel(*association, stream) : nullptr;
  if (channel == nullptr || channel->state == ChannelState::kClosing) return SendResult::kNoChannel;
  if (bytes.size() > limits::kDataMessageBytesMax) return SendResult::kTooLarge;
  static constexpr std::uint8_t kOneZero[1] = {0};
  const bool is_string = kind == DataKind::kString;
  Stack::Outgoing message{
      .stream = stream, .reliability = channel->options.reliability, .bytes = bytes};
  if (bytes.empty()) {
    message.payload_protocol =
        is_string ? PayloadProtocol::kStringEmpty : PayloadProtocol::kBinaryEmpty;
    message.bytes = kOneZero;
  } else {
    message.payload_protocol = is_string ? PayloadProtocol::kString : PayloadProtocol::kBinary;
  }
  // RFC 8832 section 6: nothing may overtake the OPEN, so all is ordered until it is acknowledged.
  if (channel->state == ChannelState::kOpening) message.reliability.ordered = true;
  const StackSend sent = stack_.Send(association->connection, message);
  HandleNotes();
  if (sent == StackSend::kOk) return SendResult::kOk;
  ++counters_.send_buffer_full;
  return SendResult::kFull;
}

void SctpHub::CloseChannel(AssocId assoc, StreamId stream) {
  Association* const association = Find(assoc);
  Channel* const channel = association != nullptr ? FindChannel(*association, stream) : nullptr;
  if (channel == nullptr || channel->state == ChannelState::kClosing) return;
  channel->state = ChannelState::kClosing;
  association->resets.push_back(stream);
  TryResets(*association);
  HandleNotes();
}

void SctpHub::OnOutput(ConnectionId connection, ByteSpan packet) {
  const auto found = by_connection_.find(connection);
  if (found == by_connection_.end()) return;
  Packet entry;
  if (packet.size() > entry.bytes.size() || outbox_.size() >= limits::kSctpTransmitQueue) {
    ++counters_.transmit_queue_full;
    return;
  }
  entry.assoc = found->second;
  entry.size = static_cast<std::uint16_t>(packet.size());
  std::copy(packet.begin(), packet.end(), entry.bytes.begin());
  outbox_.push_back(entry);
}

// Bounded by the receive window: what is noted here was waiting there.
void SctpHub::OnDelivery(ConnectionId connection, const Delivery& delivery) {
  inbox_.push_back({.connection = connection,
                    .what = Data{.stream = delivery.stream,
                                 .payload_protocol = delivery.payload_protocol,
                                 .bytes = {delivery.bytes.begin(), delivery.bytes.end()}}});
}

void SctpHub::OnUp(ConnectionId connection) {
  inbox_.push_back({.connection = connection, .what = Up{}});
}

void SctpHub::OnDown(ConnectionId connection) {
  inbox_.push_back({.connection = connection, .what = Down{}});
}

void SctpHub::OnIncomingReset(ConnectionId connection, std::span<const StreamId> streams) {
  inbox_.push_back(
      {.connection = connection, .what = IncomingReset{{streams.begin(), streams.end()}}});
}

void SctpHub::OnResetAnswered(ConnectionId connection) {
  inbox_.push_back({.connection = connection, .what = ResetAnswered{}});
}

void SctpHub::HandleNotes() {
  while (!inbox_.empty()) {
    std::vector<Note> notes;
    notes.swap(inbox_);  // handling one may enter the stack, which may note more
    for (Note& note : notes) {
      const auto found = by_connection_.find(note.connection);
      if (found != by_connection_.end()) HandleNote(found->second, note);
    }
  }
  FOVEA_DCHECK(IsConsistent());
}

void SctpHub::HandleNote(AssocId assoc, Note& note) {
  Association* const association = Find(assoc);
  if (association == nullptr) return;
  std::visit(
      Overloaded{
          [&](const Up&) {
            if (association->is_up) return;
            association->is_up = true;
            events_.push_back(AssociationUp{assoc});
          },
          [&](const Down&) {
            Drop(assoc);
            events_.push_back(AssociationDown{assoc});
          },
          [&](const ResetAnswered&) { TryResets(*association); },
          [&](const IncomingReset& reset) { HandleIncomingReset(assoc, *association, reset); },
          [&](Data& data) { HandleData(assoc, *association, data); },
      },
      note.what);
}

void SctpHub::HandleData(AssocId assoc, Association& association, Data& data) {
  const auto protocol = static_cast<PayloadProtocol>(data.payload_protocol);
  if (protocol == PayloadProtocol::kDcep) {
    HandleDcep(assoc, association, data);
    return;
  }
  if (FindChannel(association, data.stream) == nullptr) {
    ++counters_.messages_without_channel;
    return;
  }
  Message message{.assoc = assoc, .stream = data.stream, .kind = DataKind::kBinary, .bytes = {}};
  switch (protocol) {
    case PayloadProtocol::kString:
    case PayloadProtocol::kStringEmpty:
      message.kind = DataKind::kString;
      break;
    case PayloadProtocol::kBinary:
    case PayloadProtocol::kBinaryEmpty:
      message.kind = DataKind::kBinary;
      break;
    case PayloadProtocol::kDcep:
      return;
  }
  const bool is_empty =
      protocol == PayloadProtocol::kStringEmpty || protocol == PayloadProtocol::kBinaryEmpty;
  if (!is_empty) message.bytes = std::move(data.bytes);
  PushMessage(std::move(message));
}

void SctpHub::PushMessage(Message message) {
  if (event_bytes_ + CostOf(message) > limits::kSctpEventBytesMax) {
    ++counters_.event_queue_full;
    return;
  }
  event_bytes_ += CostOf(message);
  events_.push_back(std::move(message));
}

void SctpHub::HandleDcep(AssocId assoc, Association& association, const Data& data) {
  if (IsAck(data.bytes)) {
    Channel* const channel = FindChannel(association, data.stream);
    if (channel == nullptr || channel->state != ChannelState::kOpening) return;
    channel->state = ChannelState::kOpen;
    events_.push_back(ChannelOpen{.assoc = assoc,
                                  .stream = channel->stream,
                                  .opener = Opener::kUs,
                                  .options = channel->options});
    return;
  }
  const std::optional<OpenMessage> open = ParseOpen(data.bytes);
  if (!open) {
    ++counters_.dcep_malformed;
    return;
  }
  HandleOpen(assoc, association, data.stream, *open);
}

// An OPEN on a stream in use is a protocol error (RFC 8832 section 6): the channel stays as it was.
// One too many is refused by closing its stream.
void SctpHub::HandleOpen(AssocId assoc, Association& association, StreamId stream,
                         const OpenMessage& open) {
  if (FindChannel(association, stream) != nullptr) {
    ++counters_.dcep_malformed;
    return;
  }
  if (association.channels.size() >= limits::kDataChannelsPerSessionMax) {
    ++counters_.channels_refused;
    if (std::count(association.resets.begin(), association.resets.end(), stream) == 0) {
      association.resets.push_back(stream);
    }
    TryResets(association);
    return;
  }
  if (stack_.Send(association.connection, DcepMessage(stream, kAckMessage)) != StackSend::kOk) {
    ++counters_.send_buffer_full;  // the peer keeps to ordered sending, which is harmless
  }
  Channel channel{.stream = stream,
                  .state = ChannelState::kOpen,
                  .opener = Opener::kPeer,
                  .peer_has_reset = false,
                  .options = {.label = std::string(open.label),
                              .protocol = std::string(open.protocol),
                              .reliability = open.reliability}};
  events_.push_back(ChannelOpen{
      .assoc = assoc, .stream = stream, .opener = Opener::kPeer, .options = channel.options});
  association.channels.push_back(std::move(channel));
}

// RFC 8831 section 6.7: a channel is closed when both directions are reset; who sees the other's
// reset first answers with his own.
void SctpHub::HandleIncomingReset(AssocId assoc, Association& association,
                                  const IncomingReset& reset) {
  for (Channel& channel : association.channels) {
    const bool concerned =
        reset.streams.empty() ||
        std::count(reset.streams.begin(), reset.streams.end(), channel.stream) > 0;
    if (!concerned || channel.peer_has_reset) continue;
    channel.peer_has_reset = true;
    if (channel.state != ChannelState::kClosing) {
      channel.state = ChannelState::kClosing;
      association.resets.push_back(channel.stream);
    }
    events_.push_back(ChannelClosed{.assoc = assoc, .stream = channel.stream});
  }
  TryResets(association);
}

void SctpHub::TryResets(Association& association) {
  if (!association.resets.empty() &&
      stack_.TryResetOutgoing(association.connection, association.resets)) {
    association.resets.clear();
  }
  std::erase_if(association.channels, [&](const Channel& channel) {
    return channel.peer_has_reset &&
           std::count(association.resets.begin(), association.resets.end(), channel.stream) == 0;
  });
}

SctpHub::Association* SctpHub::Find(AssocId assoc) {
  const auto found = associations_.find(assoc);
  return found == associations_.end() ? nullptr : &found->second;
}

SctpHub::Channel* SctpHub::FindChannel(Association& association, StreamId stream) {
  for (Channel& channel : association.channels) {
    if (channel.stream == stream) return &channel;
  }
  return nullptr;
}

std::optional<StreamId> SctpHub::FreeStream(const Association& association) {
  if (association.channels.size() >= limits::kDataChannelsPerSessionMax) return std::nullopt;
  const std::uint16_t first = association.our_role == DtlsRole::kClient ? 0 : 1;
  for (std::uint16_t id = first; id < kSctpStreams; id = static_cast<std::uint16_t>(id + 2)) {
    const bool used = std::any_of(association.channels.begin(), association.channels.end(),
                                  [id](const Channel& c) { return c.stream.value() == id; });
    if (!used) return StreamId(id);
  }
  return std::nullopt;
}

SctpCounters SctpHub::counters() const {
  SctpCounters counters = counters_;
  counters.messages_oversized = stack_.oversized_total();
  return counters;
}

bool SctpHub::IsConsistent() const {
  if (associations_.size() != by_connection_.size()) return false;
  if (associations_.size() > limits::kSctpAssociationsMax) return false;
  for (const auto& [assoc, association] : associations_) {
    const auto found = by_connection_.find(association.connection);
    if (found == by_connection_.end() || found->second != assoc) return false;
    if (association.channels.size() > limits::kDataChannelsPerSessionMax) return false;
  }
  return outbox_.size() <= limits::kSctpTransmitQueue && event_bytes_ <= limits::kSctpEventBytesMax;
}

std::string SctpHub::DebugString() const {
  std::string text = "sctp " + std::to_string(associations_.size()) + " associations, " +
                     std::to_string(outbox_.size()) + " packets and " +
                     std::to_string(events_.size()) + " events waiting";
  for (const auto& [assoc, association] : associations_) {
    text += "; " + std::to_string(assoc.value()) + (association.is_up ? " up" : " connecting");
    text += " channels " + std::to_string(association.channels.size());
    text += " resets " + std::to_string(association.resets.size());
  }
  return text;
}

}  // namespace fovea::sctp
