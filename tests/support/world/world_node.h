// One worker of a world, with its rings and what arrived for it. Private to World.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/support/simulator_access.h"
#include "tests/support/world/world.h"

namespace fovea::test {

struct World::Node : worker::PacketSender, worker::ChannelFactory {
  Node(World& owner, std::size_t node_index, std::uint64_t seed) : world(owner), index(node_index) {
    worker::WorkerConfig config;
    config.index = static_cast<std::uint8_t>(node_index);
    config.seed = seed;
    config.wall_offset_us = kWorldWallOffsetUs;
    config.uplinks = owner.options_.uplinks;
    worker = std::make_unique<worker::Worker>(
        config, worker::Worker::Links{channel, owner.mesh_, *this, *this, nullptr});
  }
  void Send(worker::TxBatch& batch) override { world.OnServerSent(index, batch); }
  std::unique_ptr<crypto::SecureChannel> Make() override {
    return MakeNullChannel(kServerFingerprint, false);
  }
  [[nodiscard]] bool HasWork() const { return proxy.outbox_size() > 0 || worker->HasWork(); }

  struct Arrived {
    NetAddress from;
    std::vector<std::uint8_t> bytes;
  };
  World& world;
  const std::size_t index;
  control::WorkerChannel channel;
  control::WorkerProxy proxy{channel, nullptr};
  std::unique_ptr<worker::Worker> worker;
  std::vector<Arrived> arrived;
  Instant stalled_until{};
  std::uint64_t handed_over = 0;
  std::uint64_t rtp_sent = 0;
};

}  // namespace fovea::test
