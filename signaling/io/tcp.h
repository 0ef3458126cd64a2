// TCP over libuv: listening sockets and streams. Thread: the one that runs the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sfu/core/net_address.h"
#include "sfu/core/result.h"
#include "signaling/io/byte_stream.h"

typedef struct uv_loop_s uv_loop_t;  // libuv's own name, which is a typedef in C

namespace fovea::io {

// Nagle's delay is off: signalling messages are small and each one is waited for.
// REQUIRES: the process ignores SIGPIPE; libuv writes to sockets that a peer may have reset.
class TcpStream : public ByteStream {
 public:
  ~TcpStream() override;
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  void Start(ByteStreamListener& listener) override;
  void PauseReading() override;
  void ResumeReading() override;
  void Write(std::string bytes) override;
  void Finish() override;
  [[nodiscard]] std::size_t unsent_bytes() const override;

  [[nodiscard]] NetAddress peer() const;

  // Starts connecting. The stream may be started and written to at once; a refused connection is
  // OnFailure. Null if the process has no sockets left.
  [[nodiscard]] static std::unique_ptr<TcpStream> Connect(uv_loop_t* loop, const NetAddress& to);

 private:
  friend class TcpListener;
  struct State;
  explicit TcpStream(State* state) : state_(state) {}
  State* state_;  // lives on until libuv has closed the handle
};

class TcpListener {
 public:
  using OnAccept = std::function<void(std::unique_ptr<TcpStream>)>;

  // Port 0 lets the kernel pick. The error is a sentence for the operator ("TCP port 7880 on
  // 127.0.0.1 is taken by another process").
  [[nodiscard]] static Result<std::unique_ptr<TcpListener>, std::string> Open(
      uv_loop_t* loop, const NetAddress& address, OnAccept on_accept);
  ~TcpListener();
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;

  [[nodiscard]] const NetAddress& local() const { return local_; }

 private:
  struct State;
  TcpListener(State* state, const NetAddress& local) : state_(state), local_(local) {}
  State* state_;  // lives on until libuv has closed the handle
  NetAddress local_;
};

}  // namespace fovea::io
