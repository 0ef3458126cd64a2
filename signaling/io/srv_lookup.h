// SRV records of a name, RFC 2782, by the system's resolver on libuv's thread pool.
// Thread: the one that runs the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

typedef struct uv_loop_s uv_loop_t;

namespace fovea::io {

struct SrvAnswer {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  std::string target;
  friend bool operator==(const SrvAnswer&, const SrvAnswer&) = default;
};

// The records in an answer to a DNS query, RFC 1035 section 4; empty for one that holds none or is
// malformed. At most kSrvAnswersMax.
[[nodiscard]] std::vector<SrvAnswer> ParseSrvAnswer(const std::uint8_t* message, std::size_t size);

// One lookup. Destroying it makes the answer go nowhere.
class SrvLookup {
 public:
  // In no particular order; empty if there are none, for whatever reason. Never from inside the
  // constructor.
  using OnAnswers = std::function<void(std::vector<SrvAnswer>)>;

  // `name` is complete: the system's search domains are not tried.
  SrvLookup(uv_loop_t* loop, std::string name, OnAnswers on_answers);
  ~SrvLookup();
  SrvLookup(const SrvLookup&) = delete;
  SrvLookup& operator=(const SrvLookup&) = delete;

 private:
  struct Request;
  Request* request_;  // owned by libuv until its callback; null once that has come
};

}  // namespace fovea::io
