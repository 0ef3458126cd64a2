#include "tests/support/peer_link.h"

#include <algorithm>
#include <utility>

namespace fovea::test {

PeerLink::PeerLink(transport::Session& session, TestPeer& peer, std::uint64_t seed,
                   LinkQuality quality)
    : session_(session), peer_(peer), rng_(seed), quality_(quality) {}

void PeerLink::Pipe::Transmit(const NetAddress& remote, ByteSpan bytes) {
  if (!to_session_ && remote != link_.peer_address_) {
    link_.datagrams_to_strangers += 1;
    return;
  }
  link_.Enqueue(to_session_, bytes);
}

void PeerLink::Enqueue(bool to_session, ByteSpan bytes) {
  (to_session ? datagrams_to_session : datagrams_to_peer) += 1;
  int copies = rng_.Below(100) < quality_.loss_percent ? 0 : 1;
  if (rng_.Below(100) < quality_.repeat_percent) copies += 1;
  for (int i = 0; i < copies; ++i) {
    const Duration extra =
        quality_.jitter == Duration{0}
            ? Duration{0}
            : Micros(rng_.Below(static_cast<std::uint32_t>(ToMicros(quality_.jitter))));
    in_flight_.push_back({.at = now_ + quality_.delay + extra,
                          .order = next_order_++,
                          .to_session = to_session,
                          .from = to_session ? peer_address_ : session_address_,
                          .bytes = {bytes.begin(), bytes.end()}});
  }
}

bool PeerLink::RunUntil(const std::function<bool()>& done, Duration limit) {
  const Instant end = now_ + limit;
  while (!done()) {
    const auto next = std::min_element(in_flight_.begin(), in_flight_.end(),
                                       [](const InFlight& a, const InFlight& b) {
                                         return a.at != b.at ? a.at < b.at : a.order < b.order;
                                       });
    const Instant arrival = next == in_flight_.end() ? kNever : next->at;
    const Instant timer = std::min(session_.NextDeadline().at, peer_.NextDeadline().at);
    const Instant at = std::min(arrival, timer);
    if (at > end) {
      now_ = end;
      return done();
    }
    now_ = std::max(now_, at);
    if (arrival <= timer) {
      InFlight packet = std::move(*next);
      in_flight_.erase(next);
      Deliver(std::move(packet));
    } else {
      if (session_.NextDeadline().IsDue(now_)) session_.HandleTimeout(now_, to_peer_);
      DrainEvents();
      if (peer_.NextDeadline().IsDue(now_)) peer_.HandleTimeout(now_, to_session_);
    }
  }
  return true;
}

transport::SessionOutput PeerLink::Inject(const NetAddress& from, std::vector<std::uint8_t> bytes) {
  transport::SessionOutput output;
  session_.HandleDatagram(now_, {.remote = from, .bytes = bytes}, to_peer_, output);
  Record(output, at_session);
  if (output.drop) session_drops.Add(*output.drop);
  DrainEvents();
  output.packet = {};  // `bytes` ends with this call
  output.app_data.Clear();
  return output;
}

void PeerLink::Deliver(InFlight packet) {
  if (packet.to_session) {
    wire_to_session.push_back(packet.bytes);
    (void)Inject(packet.from, std::move(packet.bytes));
    return;
  }
  transport::SessionOutput output;
  peer_.HandleDatagram(now_, {.remote = packet.from, .bytes = packet.bytes}, to_session_, output);
  Record(output, at_peer);
}

void PeerLink::DrainEvents() {
  while (const auto event = session_.PollEvent()) events.push_back(*event);
}

void PeerLink::Record(const transport::SessionOutput& output, std::vector<Received>& to) {
  if (output.kind == transport::PacketKind::kAppData) {
    for (const MutableByteSpan data : output.app_data) {
      to.push_back({.kind = output.kind, .bytes = {data.begin(), data.end()}});
    }
  } else if (output.kind != transport::PacketKind::kNone) {
    to.push_back({.kind = output.kind, .bytes = {output.packet.begin(), output.packet.end()}});
  }
}

}  // namespace fovea::test
