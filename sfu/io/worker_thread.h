// A worker on a thread of its own: one libuv loop, one UDP port, one timer, one wake-up.
// The loop only calls the worker; everything that decides is in sfu/worker.
// Thread: Start, Stop and Wake from outside; the rest runs on the worker's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "sfu/crypto/certificate.h"
#include "sfu/io/udp_port.h"
#include "sfu/worker/worker.h"

namespace fovea::io {

struct WorkerThreadConfig {
  worker::WorkerConfig worker;
  UdpOptions udp;
};

class WorkerThread {
 public:
  // Binds the port, so that it is known before the thread starts. The error is for the operator.
  // `channel`, `mesh` and `certificate` outlive the object; `signaling_waker` may be null.
  [[nodiscard]] static Result<std::unique_ptr<WorkerThread>, std::string> Make(
      const WorkerThreadConfig& config, control::WorkerChannel& channel, worker::Mesh& mesh,
      const crypto::Certificate& certificate, ring::Waker* signaling_waker);
  ~WorkerThread();
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  // For other threads to wake this worker's; give it to the mesh and to the proxy before Start().
  [[nodiscard]] ring::Waker& waker();
  [[nodiscard]] const NetAddress& local() const { return port_->local(); }

  void Start();
  // Ends the loop and joins the thread. Idempotent.
  void Stop();

  // A copy of the counters as of the last turn; any thread.
  struct Snapshot {
    worker::WorkerStats stats;
    DropCounters drops;
    std::uint64_t packets_sent = 0;
    std::uint64_t send_calls = 0;
    std::size_t peers = 0;
    Duration cpu{};  // that the thread has used, the kernel's part included
    // When it was taken; before the first turn, when the worker was made. A worker that hangs
    // leaves it behind.
    Instant at{};
  };
  [[nodiscard]] Snapshot Read() const;

 private:
  class Loop;
  explicit WorkerThread(std::unique_ptr<UdpPort> port);

  std::unique_ptr<UdpPort> port_;
  std::unique_ptr<Loop> loop_;
  std::thread thread_;
};

}  // namespace fovea::io
