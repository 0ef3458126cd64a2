#include "signaling/io/http_connection_pool.h"

#include <algorithm>
#include <utility>

#include "sfu/core/limits.h"

namespace fovea::io {
namespace {

constexpr Duration kSweepInterval = Seconds(5);
constexpr int kSweepsMax = static_cast<int>(HttpConnectionPool::kIdleTimeout / kSweepInterval);

}  // namespace

HttpConnectionPool::HttpConnectionPool(uv_loop_t* loop) : sweep_timer_(loop, [this] { Sweep(); }) {}

void HttpConnectionPool::Put(const std::string& place,
                             std::unique_ptr<ReusableConnection> connection) {
  if (connection->spoiled()) return;
  const auto same_place = [&](const Idle& idle) { return idle.place == place; };
  const auto count = std::count_if(idle_.begin(), idle_.end(), same_place);
  if (count >= static_cast<std::ptrdiff_t>(limits::kIdleConnectionsPerPlaceMax)) {
    idle_.erase(std::find_if(idle_.begin(), idle_.end(), same_place));
  } else if (idle_.size() >= limits::kIdleConnectionsMax) {
    idle_.erase(idle_.begin());
  }
  connection->Detach();
  idle_.push_back({place, std::move(connection)});
  if (!sweep_timer_.active()) sweep_timer_.StartEvery(kSweepInterval);
}

std::unique_ptr<ReusableConnection> HttpConnectionPool::Take(const std::string& place) {
  while (true) {
    const auto last = std::find_if(idle_.rbegin(), idle_.rend(),
                                   [&](const Idle& idle) { return idle.place == place; });
    if (last == idle_.rend()) return nullptr;
    std::unique_ptr<ReusableConnection> connection = std::move(last->connection);
    idle_.erase(std::next(last).base());
    if (!connection->spoiled()) return connection;
  }
}

void HttpConnectionPool::Sweep() {
  std::erase_if(
      idle_, [](Idle& idle) { return idle.connection->spoiled() || ++idle.sweeps > kSweepsMax; });
  if (idle_.empty()) sweep_timer_.Stop();
}

}  // namespace fovea::io
