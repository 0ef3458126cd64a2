#include "sfu/ice/ice_lite_agent.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sfu/stun/message_writer.h"
#include "tests/unit/sfu/stun/sha1_for_tests.h"

namespace fovea::ice {
namespace {

constexpr std::string_view kPassword = "0123456789abcdef012345";
constexpr std::string_view kNextPassword = "next56789abcdef0123456";
constexpr std::uint32_t kWifi = 0x6E7F1EFF;
constexpr std::uint32_t kCellular = 0x6E001EFF;

ByteSpan Text(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

NetAddress Address(std::uint16_t port) { return NetAddress::V4(0xC0000201, port); }

struct Sent {
  NetAddress remote;
  std::vector<std::uint8_t> bytes;
};

class RecordingSink : public TransmitSink {
 public:
  void Transmit(const NetAddress& remote, ByteSpan bytes) override {
    sent.push_back({remote, {bytes.begin(), bytes.end()}});
  }
  std::vector<Sent> sent;
};

// What one check carries; the defaults are a plain valid check.
struct Check {
  std::uint16_t port = 1000;
  std::uint32_t priority = kWifi;
  bool use_candidate = false;
  std::string_view username = "sfu1:peer";
  std::string_view password = kPassword;
  bool controlled = false;
  std::uint16_t unknown_attribute = 0;
  bool repeats_transaction = false;
};

// An agent with a peer at a clock that only the test moves.
class IceLiteAgentTest : public ::testing::Test {
 protected:
  void At(Duration since_start) { now_ = Instant{} + Seconds(1000) + since_start; }

  std::vector<std::uint8_t> Datagram(const Check& check) {
    if (!check.repeats_transaction) ++transaction_;
    stun::TransactionId id{};
    StoreBe32(id.data(), transaction_);
    stun::MessageWriter writer(stun::MessageClass::kRequest, id);
    writer.Username(check.username);
    if (check.controlled) {
      writer.IceControlled(77);
    } else {
      writer.IceControlling(77);
    }
    if (check.use_candidate) writer.UseCandidate();
    if (check.unknown_attribute != 0) writer.Raw(check.unknown_attribute, {});
    writer.Priority(check.priority);
    writer.Integrity(Text(check.password), testing::HmacSha1ForTests);
    writer.Fingerprint();
    const ByteSpan bytes = writer.Finish();
    return {bytes.begin(), bytes.end()};
  }

  BindingOutcome Send(const Check& check) {
    const BindingOutcome outcome =
        agent_.HandleBinding(now_, Address(check.port), Datagram(check), sink_);
    Keep(outcome.events);
    EXPECT_TRUE(agent_.IsConsistent());
    return outcome;
  }

  void Keep(const IceEvents& events) {
    for (const IceEvent& event : events) kinds_.push_back(event.kind);
  }

  int CountOf(IceEventKind kind) const {
    int count = 0;
    for (const IceEventKind seen : kinds_) count += seen == kind ? 1 : 0;
    return count;
  }

  std::uint16_t SelectedPort() const {
    return agent_.selected() ? agent_.selected()->port : std::uint16_t{0};
  }

  void Restart() { agent_.SetLocalCredentials(*Credentials::Make("sfu2", kNextPassword, "peer2")); }

  Instant now_ = Instant{} + Seconds(1000);
  std::uint32_t transaction_ = 0;
  IceLiteAgent agent_{*Credentials::Make("sfu1", kPassword, "peer"), testing::HmacSha1ForTests};
  RecordingSink sink_;
  std::vector<IceEventKind> kinds_;
};

constexpr Check kAfterRestart{.username = "sfu2:peer2", .password = kNextPassword};

TEST_F(IceLiteAgentTest, AnswersAValidCheckWithTheAddressItCameFrom) {
  const BindingOutcome outcome = Send({});
  EXPECT_FALSE(outcome.drop);
  ASSERT_EQ(sink_.sent.size(), 1U);
  EXPECT_EQ(sink_.sent[0].remote, Address(1000));
  const auto answer = stun::Parse(sink_.sent[0].bytes);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->message_class, stun::MessageClass::kSuccess);
  EXPECT_EQ(LoadBe32(answer->transaction_id.data()), transaction_);
  EXPECT_EQ(answer->xor_mapped_address, Address(1000));
  EXPECT_TRUE(answer->has_fingerprint);
  EXPECT_TRUE(stun::VerifyIntegrity(*answer, Text(kPassword), testing::HmacSha1ForTests));
  EXPECT_EQ(kinds_, (std::vector{IceEventKind::kTupleAdded, IceEventKind::kConnected}));
  EXPECT_TRUE(agent_.IsValidated(Address(1000)));
  EXPECT_FALSE(agent_.IsValidated(Address(1001)));
}

TEST_F(IceLiteAgentTest, AnAnswerIsNeverLargerThanItsRequest) {
  const std::vector<std::uint8_t> request = Datagram({});
  (void)agent_.HandleBinding(now_, *NetAddress::Parse("2001:db8::1", 9), request, sink_);
  (void)agent_.HandleBinding(now_, Address(2), Datagram({.controlled = true}), sink_);
  ASSERT_EQ(sink_.sent.size(), 2U);
  for (const Sent& sent : sink_.sent) EXPECT_LE(sent.bytes.size(), request.size());
}

TEST_F(IceLiteAgentTest, SendsNothingWithoutRightIntegrity) {
  EXPECT_EQ(Send({.password = "wrong56789abcdef012345"}).drop, DropReason::kStunBadIntegrity);
  EXPECT_EQ(Send({.username = "sfu1:other"}).drop, DropReason::kUnknownUfrag);
  EXPECT_EQ(Send({.username = "sfu9:peer"}).drop, DropReason::kUnknownUfrag);
  EXPECT_EQ(Send({.username = "sfu1peer"}).drop, DropReason::kUnknownUfrag);
  stun::MessageWriter bare(stun::MessageClass::kRequest, {});
  bare.Username("sfu1:peer");
  EXPECT_EQ(agent_.HandleBinding(now_, Address(1), bare.Finish(), sink_).drop,
            DropReason::kStunBadIntegrity);
  EXPECT_TRUE(sink_.sent.empty());
  EXPECT_EQ(agent_.tuple_count(), 0U);
}

TEST_F(IceLiteAgentTest, SendsNothingToIndicationsResponsesOrOtherMethods) {
  for (const auto message_class : {stun::MessageClass::kIndication, stun::MessageClass::kSuccess,
                                   stun::MessageClass::kError}) {
    stun::MessageWriter writer(message_class, {});
    EXPECT_EQ(agent_.HandleBinding(now_, Address(1), writer.Finish(), sink_).drop,
              DropReason::kStunUnsupported);
  }
  stun::MessageWriter allocate(stun::MessageClass::kRequest, {}, 3);
  EXPECT_EQ(agent_.HandleBinding(now_, Address(1), allocate.Finish(), sink_).drop,
            DropReason::kStunUnsupported);
  EXPECT_TRUE(sink_.sent.empty());
}

TEST_F(IceLiteAgentTest, SurvivesEveryTruncationOfACheck) {
  const std::vector<std::uint8_t> request = Datagram({});
  for (std::size_t size = 0; size < request.size(); ++size) {
    EXPECT_EQ(agent_.HandleBinding(now_, Address(1), ByteSpan(request).first(size), sink_).drop,
              DropReason::kStunMalformed);
  }
  EXPECT_TRUE(sink_.sent.empty());
}

TEST_F(IceLiteAgentTest, TellsAControlledPeerToChangeItsRole) {
  EXPECT_FALSE(Send({.controlled = true}).drop);
  ASSERT_EQ(sink_.sent.size(), 1U);
  EXPECT_EQ(stun::Parse(sink_.sent[0].bytes)->error_code, stun::kErrorRoleConflict);
  EXPECT_EQ(agent_.tuple_count(), 0U);
}

TEST_F(IceLiteAgentTest, RefusesUnknownRequiredAttributesByName) {
  EXPECT_FALSE(Send({.unknown_attribute = 0x7001}).drop);
  ASSERT_EQ(sink_.sent.size(), 1U);
  EXPECT_EQ(stun::Parse(sink_.sent[0].bytes)->error_code, stun::kErrorUnknownAttribute);
  EXPECT_EQ(agent_.tuple_count(), 0U);
}

TEST_F(IceLiteAgentTest, AnswersARetransmissionAgainWithTheSameBytes) {
  (void)Send({.use_candidate = true});
  (void)Send({.use_candidate = true, .repeats_transaction = true});
  ASSERT_EQ(sink_.sent.size(), 2U);
  EXPECT_EQ(sink_.sent[0].bytes, sink_.sent[1].bytes);
}

TEST_F(IceLiteAgentTest, SendsToTheFirstValidTupleUntilOneIsNominated) {
  (void)Send({.port = 1});
  (void)Send({.port = 2, .priority = kWifi + 1});
  EXPECT_EQ(SelectedPort(), 1);
  EXPECT_FALSE(agent_.is_nominated());
  (void)Send({.port = 2, .priority = kCellular, .use_candidate = true});
  EXPECT_EQ(SelectedPort(), 2);
  EXPECT_TRUE(agent_.is_nominated());
}

// Firefox: USE-CANDIDATE on every first check, in any order, with retransmissions; consent checks
// on the best pair afterwards.
TEST_F(IceLiteAgentTest, FirefoxsAggressiveNominationEndsOnTheHighestPriority) {
  const std::vector<std::pair<std::uint16_t, std::uint32_t>> pairs = {
      {1, kCellular}, {2, kWifi + 256}, {3, kWifi}, {4, kWifi + 512}, {5, kCellular + 1}};
  for (std::size_t first = 0; first < pairs.size(); ++first) {
    agent_ = IceLiteAgent(*Credentials::Make("sfu1", kPassword, "peer"), testing::HmacSha1ForTests);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const auto [port, priority] = pairs[(first + i) % pairs.size()];
      const Check check{.port = port, .priority = priority, .use_candidate = true};
      (void)Send(check);
      Check again = check;
      again.repeats_transaction = true;
      (void)Send(again);
    }
    EXPECT_EQ(SelectedPort(), 4) << first;
    for (int second = 5; second <= 60; second += 5) {
      At(Seconds(second));
      (void)Send({.port = 4, .priority = kWifi + 512});
      Keep(agent_.HandleTimeout(now_));
      EXPECT_EQ(SelectedPort(), 4);
    }
    EXPECT_EQ(agent_.tuple_count(), 1U);
    At(Seconds(0));
  }
}

// libwebrtc towards a lite agent: USE-CANDIDATE on every ping of the connection in use only.
TEST_F(IceLiteAgentTest, ChromesMoveToALowerPriorityIsFollowedAtTheSecondPing) {
  (void)Send({.port = 1, .priority = kWifi, .use_candidate = true});
  (void)Send({.port = 2, .priority = kCellular});
  At(Millis(2500));
  (void)Send({.port = 1, .priority = kWifi, .use_candidate = true});
  At(Millis(3000));
  (void)Send({.port = 2, .priority = kCellular, .use_candidate = true});
  EXPECT_EQ(SelectedPort(), 1);
  (void)Send({.port = 2, .use_candidate = true, .repeats_transaction = true});
  EXPECT_EQ(SelectedPort(), 1);
  At(Millis(3048));
  (void)Send({.port = 2, .priority = kCellular, .use_candidate = true});
  EXPECT_EQ(SelectedPort(), 2);
  // The spare pair is still checked; without USE-CANDIDATE that moves nothing.
  At(Millis(3500));
  (void)Send({.port = 1, .priority = kWifi});
  EXPECT_EQ(SelectedPort(), 2);
  // Back to the better network: at once.
  (void)Send({.port = 1, .priority = kWifi, .use_candidate = true});
  EXPECT_EQ(SelectedPort(), 1);
  EXPECT_EQ(CountOf(IceEventKind::kSelectedChanged), 2);
}

TEST_F(IceLiteAgentTest, APeerThatNominatesTwoPairsInTurnsDoesNotMakeItFlap) {
  for (int i = 0; i < 20; ++i) {
    (void)Send({.port = 1, .priority = kWifi, .use_candidate = true});
    (void)Send({.port = 2, .priority = kCellular, .use_candidate = true});
  }
  EXPECT_EQ(SelectedPort(), 1);
  EXPECT_EQ(CountOf(IceEventKind::kSelectedChanged), 0);
}

TEST_F(IceLiteAgentTest, ANatRebindingIsFollowedAtTheFirstCheck) {
  (void)Send({.port = 1, .use_candidate = true});
  At(Seconds(2));
  (void)Send({.port = 2, .use_candidate = true});
  EXPECT_EQ(SelectedPort(), 2);
}

TEST_F(IceLiteAgentTest, LeavesASilentSelectedTupleForANominatedOneThatSpeaks) {
  (void)Send({.port = 1, .priority = kWifi, .use_candidate = true});
  (void)Send({.port = 2, .priority = kCellular, .use_candidate = true});
  At(Seconds(6));
  (void)Send({.port = 2, .priority = kCellular});
  EXPECT_EQ(SelectedPort(), 1);
  At(Seconds(8));
  (void)Send({.port = 2, .priority = kCellular});
  EXPECT_EQ(SelectedPort(), 2);
}

TEST_F(IceLiteAgentTest, LosesConsentFifteenSecondsAfterTheLastCheck) {
  EXPECT_EQ(agent_.NextDeadline().at, kNever);
  (void)Send({});
  At(Seconds(3));
  (void)Send({});
  EXPECT_EQ(agent_.NextDeadline().at, now_ + Seconds(15));
  EXPECT_EQ(agent_.NextDeadline().why, WakeReason::kIceConsent);
  At(Seconds(18) - Millis(1));
  Keep(agent_.HandleTimeout(now_));
  EXPECT_EQ(CountOf(IceEventKind::kConsentLost), 0);
  At(Seconds(18));
  Keep(agent_.HandleTimeout(now_));
  EXPECT_EQ(CountOf(IceEventKind::kConsentLost), 1);
  EXPECT_EQ(agent_.selected(), std::nullopt);
  EXPECT_FALSE(agent_.IsValidated(Address(1000)));
  EXPECT_EQ(agent_.NextDeadline().at, kNever);
  Keep(agent_.HandleTimeout(now_ + Seconds(100)));
  EXPECT_EQ(CountOf(IceEventKind::kConsentLost), 1);
}

TEST_F(IceLiteAgentTest, ConnectsAgainWhenChecksComeBack) {
  (void)Send({});
  At(Seconds(20));
  Keep(agent_.HandleTimeout(now_));
  (void)Send({});
  EXPECT_EQ(CountOf(IceEventKind::kConnected), 2);
}

TEST_F(IceLiteAgentTest, ExpiresEachTupleByItselfAndSelectsAmongTheRest) {
  (void)Send({.port = 1, .use_candidate = true});
  At(Seconds(10));
  (void)Send({.port = 2, .priority = kCellular});
  (void)Send({.port = 3, .priority = kCellular + 1});
  At(Seconds(15));
  Keep(agent_.HandleTimeout(now_));
  EXPECT_FALSE(agent_.IsValidated(Address(1)));
  EXPECT_EQ(SelectedPort(), 3);
  EXPECT_EQ(CountOf(IceEventKind::kTupleRemoved), 1);
  EXPECT_EQ(CountOf(IceEventKind::kConsentLost), 0);
}

TEST_F(IceLiteAgentTest, RefusesANinthTupleWhileEightAreAlive) {
  for (std::uint16_t port = 1; port <= limits::kIceTuplesMax; ++port) (void)Send({.port = port});
  sink_.sent.clear();
  EXPECT_EQ(Send({.port = 99}).drop, DropReason::kTooManyTuples);
  EXPECT_TRUE(sink_.sent.empty());
  EXPECT_EQ(agent_.tuple_count(), limits::kIceTuplesMax);
}

TEST_F(IceLiteAgentTest, AFullTableGivesUpItsMostSilentTupleButNeverTheSelectedOne) {
  for (std::uint16_t port = 1; port <= limits::kIceTuplesMax; ++port) {
    At(Millis(port));
    (void)Send({.port = port});
  }
  At(Seconds(6));
  EXPECT_FALSE(Send({.port = 99}).drop);
  EXPECT_TRUE(agent_.IsValidated(Address(1)));
  EXPECT_FALSE(agent_.IsValidated(Address(2)));
  EXPECT_TRUE(agent_.IsValidated(Address(99)));
}

TEST_F(IceLiteAgentTest, AcceptsBothCredentialsUntilTheFirstCheckWithTheNewOnes) {
  (void)Send({.port = 1, .use_candidate = true});
  Restart();
  EXPECT_FALSE(Send({.port = 1, .use_candidate = true}).drop);
  EXPECT_TRUE(agent_.is_restarting());
  Check renewed = kAfterRestart;
  renewed.port = 2;
  EXPECT_FALSE(Send(renewed).drop);
  EXPECT_FALSE(agent_.is_restarting());
  EXPECT_EQ(CountOf(IceEventKind::kRestarted), 1);
  EXPECT_TRUE(stun::VerifyIntegrity(*stun::Parse(sink_.sent.back().bytes), Text(kNextPassword),
                                    testing::HmacSha1ForTests));
  EXPECT_EQ(Send({.port = 1}).drop, DropReason::kUnknownUfrag);
}

TEST_F(IceLiteAgentTest, ForgedChecksDoNotCompleteARestart) {
  Restart();
  Check forged = kAfterRestart;
  forged.password = kPassword;
  EXPECT_EQ(Send(forged).drop, DropReason::kStunBadIntegrity);
  EXPECT_TRUE(agent_.is_restarting());
}

TEST_F(IceLiteAgentTest, KeepsSendingToTheOldTupleUntilTheNewGenerationNominates) {
  (void)Send({.port = 1, .priority = kWifi, .use_candidate = true});
  Restart();
  Check renewed = kAfterRestart;
  renewed.port = 2;
  renewed.priority = kCellular;
  (void)Send(renewed);
  EXPECT_EQ(SelectedPort(), 1);
  EXPECT_TRUE(agent_.IsValidated(Address(1)));
  renewed.use_candidate = true;
  (void)Send(renewed);
  EXPECT_EQ(SelectedPort(), 2);
}

TEST_F(IceLiteAgentTest, ANominationDoesNotOutliveItsGeneration) {
  (void)Send({.port = 1, .priority = kWifi, .use_candidate = true});
  Restart();
  Check same_tuple = kAfterRestart;
  same_tuple.port = 1;
  (void)Send(same_tuple);
  EXPECT_EQ(SelectedPort(), 1);
  EXPECT_FALSE(agent_.is_nominated());
}

TEST_F(IceLiteAgentTest, ARestartFindsPlaceInAFullTable) {
  for (std::uint16_t port = 1; port <= limits::kIceTuplesMax; ++port) (void)Send({.port = port});
  Restart();
  Check renewed = kAfterRestart;
  renewed.port = 99;
  EXPECT_FALSE(Send(renewed).drop);
  EXPECT_TRUE(agent_.IsValidated(Address(99)));
}

TEST_F(IceLiteAgentTest, DescribesItselfWithoutAddresses) {
  (void)Send({.port = 4711, .use_candidate = true});
  const std::string text = agent_.DebugString(now_ + Seconds(1));
  EXPECT_NE(text.find("tuple 0 selected nominated"), std::string::npos) << text;
  EXPECT_EQ(text.find("4711"), std::string::npos);
  EXPECT_EQ(text.find("192.0.2.1"), std::string::npos);
}

TEST(IceCredentials, RefusesEmptyAndOverlongParts) {
  EXPECT_FALSE(Credentials::Make("", "p", "r"));
  EXPECT_FALSE(Credentials::Make("l", "", "r"));
  EXPECT_FALSE(Credentials::Make("l", "p", ""));
  EXPECT_FALSE(Credentials::Make("l", "p", std::string(257, 'r')));
  EXPECT_TRUE(Credentials::Make("l", "p", std::string(256, 'r')));
}

}  // namespace
}  // namespace fovea::ice
