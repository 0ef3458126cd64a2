// What one writes first: for each subscriber copy the packet, change three header fields,
// srtp_protect, uv_udp_send. No feedback, no history, no layers; the least that forwards at all.
#pragma once

#include <memory>
#include <string>

#include "bench/fanout/fan_out.h"
#include "bench/fanout/receivers.h"
#include "bench/libsrtp.h"

namespace fovea::bench {

class NaiveFanOut : public FanOut {
 public:
  NaiveFanOut(const LibSrtp& library, const Receivers& receivers);
  ~NaiveFanOut() override;

  [[nodiscard]] std::string name() const override;
  Cost Forward(std::size_t burst) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea::bench
