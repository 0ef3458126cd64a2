// What clients say in text frames: livekit-protocol reference section 1.5.
#include "signaling/app/signal_hub.h"

#include <gtest/gtest.h>

#include <string>

#include "sfu/core/limits.h"

namespace fovea::app {
namespace {

using wire::WebSocketKind;

std::string Nested(int depth) {
  const auto times = static_cast<std::size_t>(depth - 1);  // the message itself is one
  return R"({"pingReq":{"timestamp":"7"},"later":)" + std::string(times, '[') +
         std::string(times, ']') + "}";
}

TEST(SignalHub, ReadsJsonFromTextFramesAndProtobufFromTheOthers) {
  pb::SignalRequest ping;
  ping.mutable_ping_req()->set_timestamp(7);
  const auto binary = ReadSignal(WebSocketKind::kBinary, ping.SerializeAsString());
  ASSERT_TRUE(binary.has_value());
  EXPECT_EQ(binary->ping_req().timestamp(), 7);
  for (const char* text : {R"({"pingReq":{"timestamp":"7"}})", R"({"ping_req":{"timestamp":7}})"}) {
    const auto json = ReadSignal(WebSocketKind::kText, text);
    ASSERT_TRUE(json.has_value()) << text;
    EXPECT_EQ(json->ping_req().timestamp(), 7);
    EXPECT_FALSE(ReadSignal(WebSocketKind::kBinary, text).has_value());
  }
}

TEST(SignalHub, LooksPastWhatNewerClientsSayAndNotPastWhatIsWrong) {
  EXPECT_TRUE(ReadSignal(WebSocketKind::kText, R"({"hologram":{"size":3}})").has_value());
  EXPECT_FALSE(ReadSignal(WebSocketKind::kText, R"({"pingReq":7})").has_value());
  EXPECT_FALSE(ReadSignal(WebSocketKind::kText, R"({"pingReq":{})").has_value());
  EXPECT_FALSE(ReadSignal(WebSocketKind::kText, "").has_value());
}

TEST(SignalHub, BoundsHowDeepTextIsNested) {
  EXPECT_TRUE(ReadSignal(WebSocketKind::kText, Nested(limits::kJsonDepthMax)).has_value());
  EXPECT_FALSE(ReadSignal(WebSocketKind::kText, Nested(limits::kJsonDepthMax + 1)).has_value());
  EXPECT_FALSE(ReadSignal(WebSocketKind::kText, Nested(1'000'000)).has_value());
}

}  // namespace
}  // namespace fovea::app
