// Protobuf messages in their JSON form, as strangers send them. Thread: pure function, any thread.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace fovea::wire {

// False for text that is no such message, or nested deeper than kJsonDepthMax; `out` is undefined
// then. Field names may have either spelling; unknown fields are ignored: senders may be newer.
[[nodiscard]] bool ReadProtoJson(const std::string& text, google::protobuf::Message& out);

}  // namespace fovea::wire
