// The real thing: sfu/worker on sfu/io's UDP port in a libuv loop, with one publisher and many
// subscribers that came in through ICE and DTLS. Everything that a worker does for a call is on:
// reports, transport-wide feedback, NACK history, speaker and quality samples.
#pragma once

#include <memory>
#include <string>

#include "bench/fanout/fan_out.h"
#include "bench/fanout/receivers.h"

namespace fovea::bench {

class WorkerFanOut : public FanOut {
 public:
  // Connects everybody; `receivers` are the subscribers' sockets and outlive the object. Ends the
  // process when somebody does not get in.
  explicit WorkerFanOut(Receivers& receivers);
  ~WorkerFanOut() override;

  [[nodiscard]] std::string name() const override { return "fovea"; }
  Cost Forward(std::size_t burst) override;
  void KeepAlive() override;
  // Whether runs to one destination leave as one.
  [[nodiscard]] bool segmentation_enabled() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea::bench
