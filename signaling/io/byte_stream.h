// An ordered stream of bytes with a peer at the other end. HTTP stands on this seam: plain TCP
// implements it, and whatever wraps a stream into another one (TLS) does too.
// Thread: everything in signaling/io belongs to the thread that runs the loop.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fovea::io {

// What a stream tells its user. None of these is called from inside a call into the stream.
class ByteStreamListener {
 public:
  virtual ~ByteStreamListener() = default;
  virtual void OnBytes(std::string_view bytes) = 0;
  // The peer will send nothing more, but may still read.
  virtual void OnEnd() = 0;
  // Part of what was written has left: unsent_bytes() became smaller.
  virtual void OnDrained() = 0;
  // The stream is broken. The last call.
  virtual void OnFailure() = 0;
};

// Destroying a stream drops the connection and whatever is unsent. That is allowed at any time,
// even from inside a call of the listener.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // REQUIRES: the listener lives until the stream is destroyed.
  virtual void Start(ByteStreamListener& listener) = 0;
  // A paused stream lets the peer's bytes pile up in the kernel, so that the peer has to wait.
  virtual void PauseReading() = 0;
  virtual void ResumeReading() = 0;
  // REQUIRES: Finish was not called.
  virtual void Write(std::string bytes) = 0;
  // Says goodbye once everything written has been sent.
  virtual void Finish() = 0;
  [[nodiscard]] virtual std::size_t unsent_bytes() const = 0;
};

}  // namespace fovea::io
