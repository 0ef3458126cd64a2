#include "signaling/io/srv_lookup.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"

namespace fovea::io {
namespace {

// Two tries of two seconds for each name server: longer than this nobody waits for us, and each
// waiting lookup holds one of the pool's few threads.
constexpr int kTrySeconds = 2;
constexpr int kTries = 2;

std::vector<SrvAnswer> LookUp(const char* name) {
  struct __res_state state {};
  if (res_ninit(&state) != 0) return {};
  state.retrans = kTrySeconds;
  state.retry = kTries;
  std::array<std::uint8_t, limits::kDnsAnswerBytesMax> answer{};
  const int size =
      res_nquery(&state, name, ns_c_in, ns_t_srv, answer.data(), static_cast<int>(answer.size()));
  res_nclose(&state);
  if (size < 0) return {};
  // The size is that of the whole answer; of a longer one, the first part is here.
  return ParseSrvAnswer(answer.data(), std::min(static_cast<std::size_t>(size), answer.size()));
}

}  // namespace

// Names are the C library's business: it follows compression pointers, and not in circles.
std::vector<SrvAnswer> ParseSrvAnswer(const std::uint8_t* message, std::size_t size) {
  std::vector<SrvAnswer> out;
  const std::uint8_t* const end = message + size;
  if (size < NS_HFIXEDSZ) return out;
  const auto read16 = [message](std::size_t at) {
    return static_cast<std::uint16_t>(message[at] << 8 | message[at + 1]);
  };
  const std::uint16_t questions = read16(4);
  const std::uint16_t answers = read16(6);
  std::size_t at = NS_HFIXEDSZ;
  // Moves `at` behind a name and `fixed` bytes that follow it; false if the message ends before.
  const auto skip = [&](std::size_t fixed) {
    const int name = dn_skipname(message + at, end);
    if (name < 0 || static_cast<std::size_t>(name) + fixed > size - at) return false;
    at += static_cast<std::size_t>(name) + fixed;
    return true;
  };
  for (int i = 0; i < questions; ++i) {
    if (!skip(NS_QFIXEDSZ)) return out;
  }
  for (int i = 0; i < answers && out.size() < limits::kSrvAnswersMax; ++i) {
    if (!skip(NS_RRFIXEDSZ)) return out;
    const std::uint16_t type = read16(at - NS_RRFIXEDSZ);
    const std::size_t data = at;
    const std::size_t data_size = read16(at - 2);
    if (data_size > size - at) return out;
    at += data_size;
    constexpr std::size_t kFixedBytes = 6;  // priority, weight, port
    if (type != ns_t_srv || data_size <= kFixedBytes) continue;
    std::array<char, NS_MAXDNAME> target{};
    if (dn_expand(message, end, message + data + kFixedBytes, target.data(),
                  static_cast<int>(target.size())) < 0) {
      continue;
    }
    out.push_back({read16(data), read16(data + 2), read16(data + 4), target.data()});
  }
  return out;
}

struct SrvLookup::Request {
  uv_work_t uv{};
  std::string name;                // read on the pool's thread
  std::vector<SrvAnswer> answers;  // written there, read here afterwards
  SrvLookup* owner = nullptr;      // null: nobody waits any more
  OnAnswers on_answers;
};

SrvLookup::SrvLookup(uv_loop_t* loop, std::string name, OnAnswers on_answers)
    : request_(new Request) {
  request_->uv.data = request_;
  request_->name = std::move(name);
  request_->owner = this;
  request_->on_answers = std::move(on_answers);
  const int error = uv_queue_work(
      loop, &request_->uv,
      [](uv_work_t* uv) {
        auto* request = static_cast<Request*>(uv->data);
        request->answers = LookUp(request->name.c_str());
      },
      [](uv_work_t* uv, int) {
        const std::unique_ptr<Request> request(static_cast<Request*>(uv->data));
        if (request->owner == nullptr) return;
        request->owner->request_ = nullptr;
        request->on_answers(std::move(request->answers));
      });
  FOVEA_CHECK(error == 0);  // it fails without a function to run, only
}

SrvLookup::~SrvLookup() {
  if (request_ == nullptr) return;
  request_->owner = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&request_->uv));  // fails if it is being worked on: fine
}

}  // namespace fovea::io
