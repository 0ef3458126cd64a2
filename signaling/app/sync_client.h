// The homeserver's news by /sync, as an ordinary account that is in the rooms: for operators who
// cannot register an application service. Slower to start and wider to read than pushes, with the
// same end. Matrix client-server API, "Syncing"; MSC4222. Thread: signaling.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sfu/core/log.h"
#include "signaling/app/config_matrix.h"
#include "signaling/io/http_client.h"
#include "signaling/io/timer.h"
#include "signaling/io/tls.h"

namespace fovea::app {

// Asks again as soon as it was answered, for ever. After a failure it waits, from kWaitMin doubling
// to kWaitMax, and goes on where it was.
class SyncClient {
 public:
  static constexpr Duration kPoll = Seconds(30);  // how long the homeserver holds a question
  static constexpr Duration kWaitMin = Seconds(1);
  static constexpr Duration kWaitMax = Seconds(30);

  // Takes the user id of the account, once, before the first answer.
  using OnAccount = std::function<void(const std::string& user_id)>;
  // Takes the body of an answer and returns its next_batch; nothing: it was none.
  using OnAnswer = std::function<std::optional<std::string>(std::string_view body)>;

  // Outlived by all it is given.
  SyncClient(uv_loop_t* loop, const HomeserverConfig& homeserver, const io::TlsClient* tls,
             LogSink& log, OnAccount on_account, OnAnswer on_answer);
  void Start() { Ask(); }

 private:
  [[nodiscard]] wire::OutgoingRequest Request(const std::string& target) const;
  void Ask();
  void AskWhoAmI();
  // Says whether the answer is one to go on with; otherwise it is asked again later.
  bool IsGood(const Result<wire::HttpResponse, io::HttpClientError>& result);
  void HandleAnswer(const Result<wire::HttpResponse, io::HttpClientError>& result);
  void WaitAfter(const std::string& what);

  const HomeserverConfig& homeserver_;
  LogSink& log_;
  const OnAccount on_account_;
  const OnAnswer on_answer_;
  io::HttpClient client_;
  io::Timer again_;
  bool knows_account_ = false;
  std::string since_;
  Duration wait_{};  // after the last failure; zero: the last answer was good
};

}  // namespace fovea::app
