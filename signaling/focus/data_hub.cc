#include "signaling/focus/data_hub.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>
#include <variant>

namespace fovea::focus {
namespace {

using livekit::DataLane;

std::string_view LabelOf(DataLane lane) {
  switch (lane) {
    case DataLane::kReliable:
      return livekit::kReliableLabel;
    case DataLane::kLossy:
      return livekit::kLossyLabel;
    case DataLane::kDataTrack:
      return livekit::kDataTrackLabel;
  }
  return {};
}

std::optional<DataLane> LaneOf(std::string_view label) {
  for (const DataLane lane : {DataLane::kReliable, DataLane::kLossy, DataLane::kDataTrack}) {
    if (LabelOf(lane) == label) return lane;
  }
  return std::nullopt;
}

}  // namespace

void DataHub::AddSession(control::SessionHandle session) {
  Session entry;
  entry.handle = session;
  sessions_[ToAssoc(session)] = entry;
}

void DataHub::RemoveSession(control::SessionHandle session) {
  hub_.Close(ToAssoc(session));
  sessions_.erase(ToAssoc(session));
  Pump();
}

void DataHub::HandleConnected(Instant now, control::SessionHandle session) {
  if (!sessions_.contains(ToAssoc(session))) return;
  // We are always the passive end of DTLS. A refusal is counted by the hub.
  (void)hub_.CreateAssociation(now, ToAssoc(session), sctp::DtlsRole::kServer);
  Pump();
}

void DataHub::OpenDataChannels(control::SessionHandle session) {
  const auto it = sessions_.find(ToAssoc(session));
  if (it == sessions_.end()) return;
  it->second.open_when_up = true;
  if (it->second.up) OpenChannels(it->first);
  Pump();
}

void DataHub::OpenChannels(sctp::AssocId assoc) {
  Session& session = sessions_.at(assoc);
  session.open_when_up = false;
  for (const DataLane lane : {DataLane::kReliable, DataLane::kLossy, DataLane::kDataTrack}) {
    std::optional<sctp::StreamId>& stream = session.streams[static_cast<std::size_t>(lane)];
    if (stream.has_value()) continue;
    sctp::ChannelOptions options;
    options.label = LabelOf(lane);
    if (lane != DataLane::kReliable) {
      options.reliability.ordered = false;
      options.reliability.max_retransmits = 0;
    }
    const auto opened = hub_.OpenChannel(assoc, options);
    if (opened.ok()) stream = *opened;
  }
}

bool DataHub::Send(control::SessionHandle session, DataLane lane, ByteSpan message) {
  const auto it = sessions_.find(ToAssoc(session));
  if (it == sessions_.end()) return false;
  const std::optional<sctp::StreamId>& stream = it->second.streams[static_cast<std::size_t>(lane)];
  if (!stream.has_value()) return false;
  const sctp::SendResult result = hub_.Send(it->first, *stream, sctp::DataKind::kBinary, message);
  Pump();
  return result == sctp::SendResult::kOk;
}

void DataHub::HandleAppData(Instant now, const control::AppData& data) {
  (void)now;
  const std::optional<DropReason> drop =
      hub_.HandlePacket(ToAssoc(data.session), ByteSpan(data.bytes.data(), data.size));
  if (drop.has_value()) packet_drops_.Add(*drop);
  Pump();
}

void DataHub::HandleTimeout(Instant now) {
  hub_.HandleTimeout(now);
  Pump();
}

DataHubDrops DataHub::Drops() const {
  const sctp::SctpCounters counted = hub_.counters();
  DataHubDrops drops{
      .packets = packet_drops_,
      .event_queue_full = counted.event_queue_full,
      .no_channel = counted.messages_without_channel + messages_without_lane_,
      .too_long = counted.messages_oversized,
      .bad_open = counted.dcep_malformed,
      .sends = counted.send_buffer_full,
      .channels = counted.channels_refused,
      .associations = counted.associations_refused,
  };
  drops.packets.Add(DropReason::kSctpQueueFull, counted.transmit_queue_full);
  for (const control::WorkerProxy* worker : workers_)
    drops.packets.Add(DropReason::kAppDataRingFull, worker->app_data_dropped());
  return drops;
}

std::optional<DataHub::Incoming> DataHub::PollIncoming() {
  if (incoming_.empty()) return std::nullopt;
  Incoming front = std::move(incoming_.front());
  incoming_.pop_front();
  return front;
}

void DataHub::Pump() {
  while (std::optional<sctp::SctpEvent> event = hub_.PollEvent()) HandleEvent(*event);
  while (const std::optional<sctp::TransmitItem> item = hub_.PollTransmit()) {
    const auto it = sessions_.find(item->assoc);
    control::AppData data;
    if (it == sessions_.end()) {
      packet_drops_.Add(DropReason::kSctpUnknownAssociation);
      continue;
    }
    static_assert(limits::kPathMtuBytes <= std::tuple_size_v<decltype(data.bytes)>);
    data.session = it->second.handle;
    data.size = static_cast<std::uint16_t>(item->bytes.size());
    std::memcpy(data.bytes.data(), item->bytes.data(), item->bytes.size());
    // A full ring is counted by the proxy; SCTP sends the packet again.
    (void)workers_.at(data.session.worker())->PostAppData(data);
  }
}

void DataHub::HandleEvent(sctp::SctpEvent& event) {
  if (const auto* up = std::get_if<sctp::AssociationUp>(&event)) {
    const auto it = sessions_.find(up->assoc);
    if (it == sessions_.end()) return;
    it->second.up = true;
    if (it->second.open_when_up) OpenChannels(up->assoc);
  } else if (const auto* down = std::get_if<sctp::AssociationDown>(&event)) {
    const auto it = sessions_.find(down->assoc);
    if (it == sessions_.end()) return;
    it->second.up = false;
    it->second.streams = {};
  } else if (const auto* open = std::get_if<sctp::ChannelOpen>(&event)) {
    const auto it = sessions_.find(open->assoc);
    const std::optional<DataLane> lane = LaneOf(open->options.label);
    if (it != sessions_.end() && lane.has_value()) {
      it->second.streams[static_cast<std::size_t>(*lane)] = open->stream;
    }
  } else if (const auto* closed = std::get_if<sctp::ChannelClosed>(&event)) {
    const auto it = sessions_.find(closed->assoc);
    if (it == sessions_.end()) return;
    for (std::optional<sctp::StreamId>& stream : it->second.streams) {
      if (stream == closed->stream) stream.reset();
    }
  } else if (auto* message = std::get_if<sctp::Message>(&event)) {
    const auto it = sessions_.find(message->assoc);
    for (std::size_t i = 0; i < kLanes && it != sessions_.end(); ++i) {
      if (it->second.streams[i] != message->stream) continue;
      incoming_.push_back({it->second.handle, static_cast<DataLane>(i), std::move(message->bytes)});
      return;
    }
    ++messages_without_lane_;
  }
}

}  // namespace fovea::focus
