#include "signaling/io/stun_query.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/stun/message_writer.h"
#include "signaling/io/sockaddr.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::io {
namespace {

constexpr stun::TransactionId kOurs{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

constexpr std::array<std::uint8_t, 3> kKey{'p', 'w', 'd'};

// Says whose key it was, which is all that is looked at.
stun::Sha1Digest FakeHmac(ByteSpan key, ByteSpan) {
  stun::Sha1Digest digest{};
  std::copy(key.begin(), key.end(), digest.begin());
  return digest;
}

// A STUN server on loopback that leaves the first questions unanswered.
class StunQueryTest : public LoopTest {
 protected:
  void SetUp() override {
    uv_udp_init(&loop_, &server_);
    server_.data = this;
    const sockaddr_storage any = ToSockaddr(*NetAddress::Parse("127.0.0.1", 0));
    ASSERT_EQ(uv_udp_bind(&server_, reinterpret_cast<const sockaddr*>(&any), 0), 0);
    sockaddr_storage bound{};
    int size = sizeof bound;
    uv_udp_getsockname(&server_, reinterpret_cast<sockaddr*>(&bound), &size);
    port_ = FromSockaddr(bound).port;
    uv_udp_recv_start(
        &server_,
        [](uv_handle_t* handle, std::size_t, uv_buf_t* out) {
          auto& buffer = static_cast<StunQueryTest*>(handle->data)->buffer_;
          *out = uv_buf_init(buffer.data(), static_cast<unsigned>(buffer.size()));
        },
        [](uv_udp_t* handle, ssize_t bytes, const uv_buf_t*, const sockaddr* from, unsigned) {
          if (from != nullptr) static_cast<StunQueryTest*>(handle->data)->OnQuestion(bytes, *from);
        });
  }
  void TearDown() override { uv_close(reinterpret_cast<uv_handle_t*>(&server_), nullptr); }

  void OnQuestion(ssize_t bytes, const sockaddr& from) {
    ++questions_;
    const auto question = stun::Parse(ByteSpan(
        reinterpret_cast<const std::uint8_t*>(buffer_.data()), static_cast<std::size_t>(bytes)));
    ASSERT_TRUE(question.ok());
    EXPECT_EQ(question->message_class, stun::MessageClass::kRequest);
    username_ = question->username;
    is_signed_ = stun::VerifyIntegrity(*question, kKey, FakeHmac);
    if (questions_ <= unanswered_) return;
    if (lies_) Answer({9, 9, 9}, "6.6.6.6", from);
    if (chatters_) {
      Send(Padded(question->transaction_id, "6.6.6.6", limits::kStunAnswerBytesMax + 4), from);
      std::vector<std::uint8_t> longest =
          Padded(question->transaction_id, "9.9.9.9", limits::kStunAnswerBytesMax);
      EXPECT_TRUE(stun::Parse(longest).ok());
      longest.resize(longest.size() + 100);
      Send(std::move(longest), from);
    } else {
      Answer(question->transaction_id, "9.9.9.9", from);
    }
  }

  void Answer(const stun::TransactionId& id, const char* ip, const sockaddr& to) {
    stun::MessageWriter writer(stun::MessageClass::kSuccess, id);
    writer.XorMappedAddress(*NetAddress::Parse(ip, 4000));
    writer.Fingerprint();
    Send({writer.Finish().begin(), writer.Finish().end()}, to);
  }

  // An answer of that size, most of which is an attribute that nobody knows.
  static std::vector<std::uint8_t> Padded(const stun::TransactionId& id, const char* ip,
                                          std::size_t size) {
    stun::MessageWriter writer(stun::MessageClass::kSuccess, id);
    writer.XorMappedAddress(*NetAddress::Parse(ip, 4000));
    std::vector<std::uint8_t> bytes(writer.Finish().begin(), writer.Finish().end());
    constexpr std::uint16_t kPadding = 0xc001;
    const auto append16 = [&bytes](std::size_t value) {
      bytes.push_back(static_cast<std::uint8_t>(value >> 8));
      bytes.push_back(static_cast<std::uint8_t>(value));
    };
    append16(kPadding);
    append16(size - bytes.size() - 2);
    bytes.resize(size);
    StoreBe16(&bytes[2], static_cast<std::uint16_t>(size - 20));  // behind the header
    return bytes;
  }

  void Send(std::vector<std::uint8_t> bytes, const sockaddr& to) {
    uv_buf_t out =
        uv_buf_init(reinterpret_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
    uv_udp_try_send(&server_, &out, 1, &to);
  }

  // What the query said, waiting for it.
  std::optional<NetAddress> Ask(const std::string& host, int attempts = 5) {
    bool is_done = false;
    std::optional<NetAddress> seen;
    const StunQuery query(&loop_, {.host = host, .port = port_, .id = kOurs, .attempts = attempts},
                          [&](auto answer) {
                            is_done = true;
                            seen = answer;
                          });
    EXPECT_TRUE(RunUntil([&] { return is_done; }));
    return seen;
  }

  uv_udp_t server_{};
  std::array<char, 1500> buffer_{};
  std::uint16_t port_ = 0;
  int questions_ = 0;
  int unanswered_ = 0;
  bool lies_ = false;
  bool chatters_ = false;
  std::string username_;
  bool is_signed_ = false;
};

TEST_F(StunQueryTest, SaysWhatTheServerSees) {
  EXPECT_EQ(Ask("127.0.0.1"), NetAddress::Parse("9.9.9.9", 4000));
}

TEST_F(StunQueryTest, AsksAgainWhenNothingComes) {
  unanswered_ = 1;
  EXPECT_EQ(Ask("127.0.0.1"), NetAddress::Parse("9.9.9.9", 4000));
  EXPECT_EQ(questions_, 2);
}

TEST_F(StunQueryTest, BelievesNoAnswerToAnotherQuestion) {
  lies_ = true;
  EXPECT_EQ(Ask("127.0.0.1"), NetAddress::Parse("9.9.9.9", 4000));
}

TEST_F(StunQueryTest, ReadsTheLongestAnswerAndNothingBehindIt) {
  chatters_ = true;
  EXPECT_EQ(Ask("127.0.0.1"), NetAddress::Parse("9.9.9.9", 4000));
  EXPECT_EQ(questions_, 1);
}

TEST_F(StunQueryTest, GivesUp) {
  unanswered_ = 100;
  EXPECT_EQ(Ask("127.0.0.1", /*attempts=*/2), std::nullopt);
  EXPECT_EQ(Ask(std::string(300, 'x')), std::nullopt) << "no name";
}

TEST_F(StunQueryTest, OfAnIceAgentIsSignedWithItsPassword) {
  (void)Ask("127.0.0.1");
  EXPECT_EQ(username_, "");
  EXPECT_FALSE(is_signed_);
  bool is_done = false;
  const StunQuery query(&loop_,
                        {.host = "127.0.0.1",
                         .port = port_,
                         .id = kOurs,
                         .username = "abcd:",
                         .password = "pwd",
                         .hmac = FakeHmac},
                        [&](auto seen) { is_done = seen.has_value(); });
  ASSERT_TRUE(RunUntil([&] { return is_done; }));
  EXPECT_EQ(username_, "abcd:");
  EXPECT_TRUE(is_signed_);
}

TEST_F(StunQueryTest, MayBeForgottenBeforeItIsAnswered) {
  {
    const StunQuery query(&loop_, {.host = "127.0.0.1", .port = port_, .id = kOurs}, [](auto) {});
  }
  EXPECT_EQ(Ask("127.0.0.1"), NetAddress::Parse("9.9.9.9", 4000));
}

}  // namespace
}  // namespace fovea::io
