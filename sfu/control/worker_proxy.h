// How signaling reaches one worker: PostX here is OnX in sfu/worker. Keeps what does not fit into
// the ring and offers it again on Flush(), so that no command is lost and nothing blocks. Thread:
// signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "sfu/control/channel.h"

namespace fovea::control {

class WorkerProxy {
 public:
  // `waker` may be null in the simulator, where the caller pumps the worker.
  WorkerProxy(WorkerChannel& channel, ring::Waker* waker) : channel_(channel), waker_(waker) {}

  void Post(const WorkerCommand& command);
  // False when the ring is full: the record is dropped (SCTP sends it again) and counted.
  bool PostAppData(const AppData& data);
  // Call once per turn of the loop: moves the outbox into the ring and wakes the worker.
  void Flush();

  // Larger than a few hundred for more than a second: the worker is stuck.
  [[nodiscard]] std::size_t outbox_size() const { return outbox_.size(); }
  [[nodiscard]] std::uint64_t app_data_dropped() const {
    return channel_.app_data_down.full_count();
  }

 private:
  WorkerChannel& channel_;
  ring::Waker* const waker_;  // not owned
  std::deque<WorkerCommand> outbox_;
  bool dirty_ = false;
};

}  // namespace fovea::control
