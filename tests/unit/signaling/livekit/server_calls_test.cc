// Calls of the server API into a participant.
#include "signaling/livekit/server_calls.h"
#include "sfu/core/limits.h"

#include <gtest/gtest.h>

#include <optional>

namespace fovea::livekit {
namespace {

class ServerCallsTest : public testing::Test {
 protected:
  void Start(const std::string& id, const std::string& identity = "bob",
             Duration timeout = ServerCalls::kResponseTimeout) {
    ServerCalls::Call call;
    call.id = id;
    call.identity = identity;
    call.response_timeout = timeout;
    call.reply = [this](const Result<std::string, TwirpError>& result) {
      ++answers_;
      payload_ = result.ok() ? *result : "";
      error_ = result.ok() ? std::nullopt : std::optional(result.error());
    };
    calls_.Start(now_, std::move(call));
  }
  static pb::DataPacket Ack(const std::string& id) {
    pb::DataPacket packet;
    packet.mutable_rpc_ack()->set_request_id(id);
    return packet;
  }
  static pb::DataPacket Answer(const std::string& id, const std::string& payload) {
    pb::DataPacket packet;
    packet.mutable_rpc_response()->set_request_id(id);
    packet.mutable_rpc_response()->set_payload(payload);
    return packet;
  }

  ServerCalls calls_;
  Instant now_ = Instant{} + Seconds(100);
  int answers_ = 0;
  std::string payload_;
  std::optional<TwirpError> error_;
};

TEST_F(ServerCallsTest, AnswersWithWhatTheDestinationSaid) {
  Start("1");
  EXPECT_TRUE(calls_.HandlePacket("bob", Ack("1")));
  EXPECT_EQ(answers_, 0);
  EXPECT_TRUE(calls_.HandlePacket("bob", Answer("1", "hello")));
  EXPECT_EQ(answers_, 1);
  EXPECT_EQ(payload_, "hello");
  EXPECT_EQ(calls_.NextDeadline(), kNever);
}

TEST_F(ServerCallsTest, ForwardsAnswersToOthersCalls) {
  Start("1");
  EXPECT_FALSE(calls_.HandlePacket("bob", Answer("2", "for somebody else")));
  EXPECT_FALSE(calls_.HandlePacket("bob", Ack("2")));
  EXPECT_FALSE(calls_.HandlePacket("bob", pb::DataPacket{}));
  EXPECT_EQ(answers_, 0);
}

TEST_F(ServerCallsTest, BelievesNobodyButTheDestination) {
  Start("1");
  EXPECT_FALSE(calls_.HandlePacket("mallory", Answer("1", "forged")));
  EXPECT_EQ(answers_, 0);
}

TEST_F(ServerCallsTest, GivesUpWhenTheDestinationDoesNotAcknowledge) {
  Start("1");
  EXPECT_EQ(calls_.NextDeadline(), now_ + ServerCalls::kAckTimeout);
  now_ += ServerCalls::kAckTimeout;
  calls_.HandleTimeout(now_);
  ASSERT_TRUE(error_.has_value());
  EXPECT_EQ(error_->code, TwirpCode::kCanceled);
  EXPECT_EQ(error_->message, "RpcError 1501: Connection timeout");
}

TEST_F(ServerCallsTest, GivesUpWhenTheAnswerTakesTooLong) {
  Start("1", "bob", Seconds(5));
  EXPECT_TRUE(calls_.HandlePacket("bob", Ack("1")));
  now_ += Seconds(4);
  calls_.HandleTimeout(now_);
  EXPECT_EQ(answers_, 0);
  now_ += Seconds(1);
  calls_.HandleTimeout(now_);
  ASSERT_TRUE(error_.has_value());
  EXPECT_EQ(error_->message, "RpcError 1502: Response timeout");
  EXPECT_FALSE(calls_.HandlePacket("bob", Answer("1", "late")));
  EXPECT_EQ(answers_, 1);
}

TEST_F(ServerCallsTest, EndsTheCallsOfAParticipantWhoLeaves) {
  Start("1", "bob");
  Start("2", "carol");
  calls_.Fail("bob");
  EXPECT_EQ(answers_, 1);
  ASSERT_TRUE(error_.has_value());
  EXPECT_EQ(error_->code, TwirpCode::kUnavailable);
  calls_.Fail("carol");
  EXPECT_EQ(answers_, 2);
}

TEST_F(ServerCallsTest, PassesErrorsOfTheHandlerOn) {
  Start("1");
  pb::DataPacket packet;
  pb::RpcError& error = *packet.mutable_rpc_response()->mutable_error();
  packet.mutable_rpc_response()->set_request_id("1");
  error.set_code(1400);
  error.set_message("Method not supported at destination");
  EXPECT_TRUE(calls_.HandlePacket("bob", packet));
  ASSERT_TRUE(error_.has_value());
  EXPECT_EQ(error_->code, TwirpCode::kInvalidArgument);
  EXPECT_EQ(error_->message, "RpcError 1400: Method not supported at destination");
  EXPECT_EQ(RpcFailure(77, "own", "details").message, "RpcError 77: own: details");
  EXPECT_EQ(RpcFailure(77, "own").code, TwirpCode::kInternal);
}

TEST_F(ServerCallsTest, BoundsTheCallsThatArePending) {
  for (std::size_t i = 0; i < limits::kRpcPendingMax; ++i) {
    EXPECT_FALSE(calls_.IsFull());
    Start(std::to_string(i));
  }
  EXPECT_TRUE(calls_.IsFull());
}

}  // namespace
}  // namespace fovea::livekit
