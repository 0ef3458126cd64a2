// Client connections that wait for another call to the same place. Thread: the one that runs the
// loop.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "signaling/io/byte_stream.h"
#include "signaling/io/timer.h"

namespace fovea::io {

// A stream whose listener can change: a call while there is one, nobody in between.
class ReusableConnection : public ByteStreamListener {
 public:
  explicit ReusableConnection(std::unique_ptr<ByteStream> stream) : stream_(std::move(stream)) {}

  void Start(ByteStreamListener& user) {
    user_ = &user;
    stream_->Start(*this);
  }
  void Attach(ByteStreamListener& user) { user_ = &user; }
  void Detach() { user_ = nullptr; }
  void Write(std::string bytes) { stream_->Write(std::move(bytes)); }
  // Something came, or it ended, while nobody was there: of no use any more.
  [[nodiscard]] bool spoiled() const { return spoiled_; }

 private:
  // The user may destroy this connection in any of them: nothing of ours is touched afterwards.
  void OnBytes(std::string_view bytes) override {
    if (user_ == nullptr) {
      spoiled_ = true;
    } else {
      user_->OnBytes(bytes);
    }
  }
  void OnEnd() override {
    spoiled_ = true;
    if (user_ != nullptr) user_->OnEnd();
  }
  void OnDrained() override {
    if (user_ != nullptr) user_->OnDrained();
  }
  void OnFailure() override {
    spoiled_ = true;
    if (user_ != nullptr) user_->OnFailure();
  }

  std::unique_ptr<ByteStream> stream_;
  ByteStreamListener* user_ = nullptr;
  bool spoiled_ = false;
};

// Limits: kIdleConnectionsMax in all, kIdleConnectionsPerPlaceMax to one place; the longest idle
// goes first. Each waits kIdleTimeout at most.
class HttpConnectionPool {
 public:
  // Shorter than what servers wait themselves, so that it is rarely they who close.
  static constexpr Duration kIdleTimeout = Seconds(20);

  explicit HttpConnectionPool(uv_loop_t* loop);

  // `place` names everything that the connection was checked for.
  void Put(const std::string& place, std::unique_ptr<ReusableConnection> connection);
  // The one used last, which is the least likely to be closed soon; null if there is none.
  [[nodiscard]] std::unique_ptr<ReusableConnection> Take(const std::string& place);
  [[nodiscard]] std::size_t size() const { return idle_.size(); }

 private:
  struct Idle {
    std::string place;
    std::unique_ptr<ReusableConnection> connection;
    int sweeps = 0;  // that it has survived
  };
  void Sweep();

  std::vector<Idle> idle_;  // the longest idle first
  Timer sweep_timer_;       // runs while something is idle
};

}  // namespace fovea::io
