#include "signaling/wire/proto_json.h"

#include <google/protobuf/util/json_util.h>

#include "signaling/wire/json.h"

namespace fovea::wire {

bool ReadProtoJson(const std::string& text, google::protobuf::Message& out) {
  // Our own reader first: it bounds the nesting before anything recurses.
  if (!ParseJson(text).has_value()) return false;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  return google::protobuf::util::JsonStringToMessage(text, &out, options).ok();
}

}  // namespace fovea::wire
