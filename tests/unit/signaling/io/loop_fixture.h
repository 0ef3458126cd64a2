// A libuv loop, and a raw TCP client that talks to a server under test on it. Loopback only.
#pragma once

#include <gtest/gtest.h>
#include <uv.h>

#include <csignal>
#include <functional>
#include <memory>
#include <string>

#include "signaling/io/tcp.h"
#include "signaling/io/timer.h"

namespace fovea::io {

// Runs until a condition holds. The deadline only bounds a failing test.
class LoopTest : public testing::Test {
 protected:
  LoopTest() {
    std::signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop_);
  }
  ~LoopTest() override {
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0) << "a handle was left open";
  }

  [[nodiscard]] bool RunUntil(const std::function<bool()>& condition) {
    bool timed_out = false;
    Timer deadline(&loop_, [&timed_out] { timed_out = true; });
    deadline.StartOnce(Seconds(20));
    while (!condition() && !timed_out) uv_run(&loop_, UV_RUN_ONCE);
    return condition();
  }

  uv_loop_t loop_{};
};

// Collects what the peer sends.
class RawClient : public ByteStreamListener {
 public:
  RawClient(uv_loop_t* loop, const NetAddress& to) : stream_(TcpStream::Connect(loop, to)) {
    stream_->Start(*this);
  }
  void Send(std::string bytes) { stream_->Write(std::move(bytes)); }
  void HangUp() { stream_.reset(); }
  [[nodiscard]] TcpStream& stream() { return *stream_; }

  std::string received;
  bool ended = false;   // orderly
  bool failed = false;  // reset or refused

 private:
  void OnBytes(std::string_view bytes) override { received += bytes; }
  void OnEnd() override { ended = true; }
  void OnDrained() override {}
  void OnFailure() override { failed = true; }

  std::unique_ptr<TcpStream> stream_;
};

}  // namespace fovea::io
