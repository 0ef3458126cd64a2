// fuzz-deps: signaling_app
// JSON text frames of signalling: what is read can be written and read again, as can a binary frame
// with the same bytes. What the messages do then is signal_session_fuzz.cc's.
#include <google/protobuf/util/json_util.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "sfu/core/check.h"
#include "signaling/app/signal_hub.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using fovea::app::ReadSignal;
  using fovea::wire::WebSocketKind;
  const std::string frame(data, data + size);
  for (const WebSocketKind kind : {WebSocketKind::kText, WebSocketKind::kBinary}) {
    const auto request = ReadSignal(kind, frame);
    if (!request.has_value()) continue;
    std::string text;
    FOVEA_CHECK(google::protobuf::util::MessageToJsonString(*request, &text).ok());
    const auto again = ReadSignal(WebSocketKind::kText, text);
    FOVEA_CHECK(again.has_value());
    FOVEA_CHECK(again->message_case() == request->message_case());
  }
  return 0;
}
