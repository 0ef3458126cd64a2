#include "signaling/io/srv_lookup.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <resolv.h>

#include <atomic>
#include <optional>

#include "sfu/core/bytes.h"
#include "sfu/core/limits.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace {
std::atomic<std::uint16_t> name_server_port = 0;  // on loopback, over TCP
}

// In front of libc's, which would ask the machine's name servers.
extern "C" int res_ninit(res_state state) noexcept {
  *state = {};
  state->options = RES_INIT | RES_USEVC;
  state->_vcsock = -1;
  state->nscount = 1;
  state->nsaddr_list[0].sin_family = AF_INET;
  state->nsaddr_list[0].sin_port = htons(name_server_port);
  state->nsaddr_list[0].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return 0;
}

namespace fovea::io {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// An answer with two records to _matrix-fed._tcp.example.com, the second with a compressed target.
const std::vector<std::uint8_t> kAnswer{
    0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0,  // header: 1 question, 2
                                                     // answers
    11, '_', 'm', 'a', 't', 'r', 'i', 'x', '-', 'f', 'e', 'd', 4, '_', 't', 'c', 'p',  //
    7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, 0, 33, 0, 1,            // question
    0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 10,  // name, SRV, IN, TTL, 10
                                                // bytes
    0, 10, 0, 5, 0x20, 0xfb, 1, 'a', 0xc0, 29,  // 10 5 8443 a.example.com
    0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 8,   //
    0, 20, 0, 0, 0x01, 0xbb, 0xc0, 29           // 20 0 443 example.com
};

TEST(SrvAnswer, HoldsTheRecordsOfTheMessage) {
  EXPECT_THAT(
      ParseSrvAnswer(kAnswer.data(), kAnswer.size()),
      ElementsAre(SrvAnswer{10, 5, 8443, "a.example.com"}, SrvAnswer{20, 0, 443, "example.com"}));
}

TEST(SrvAnswer, TruncatedAnywhereHoldsNoMoreThanItSays) {
  for (std::size_t size = 0; size < kAnswer.size(); ++size) {
    EXPECT_LE(ParseSrvAnswer(kAnswer.data(), size).size(), 1U) << size;
  }
  EXPECT_THAT(ParseSrvAnswer(kAnswer.data(), 0), IsEmpty());
}

TEST(SrvAnswer, WithATargetThatPointsAtItselfIsSkipped) {
  std::vector<std::uint8_t> looping = kAnswer;
  looping[looping.size() - 1] = static_cast<std::uint8_t>(looping.size() - 2);
  EXPECT_THAT(ParseSrvAnswer(looping.data(), looping.size()),
              ElementsAre(SrvAnswer{10, 5, 8443, "a.example.com"}));
}

TEST(SrvAnswer, WithMoreRecordsThanAreReadHoldsTheFirstOnes) {
  std::vector<std::uint8_t> many = kAnswer;
  constexpr std::size_t kRecordBytes = 20;  // of the last one
  const std::vector<std::uint8_t> record(many.end() - kRecordBytes, many.end());
  while (many[7] < limits::kSrvAnswersMax) {
    many.insert(many.end(), record.begin(), record.end());
    ++many[7];
  }
  EXPECT_EQ(ParseSrvAnswer(many.data(), many.size()).size(), limits::kSrvAnswersMax);
  many.insert(many.end(), record.begin(), record.end());
  ++many[7];
  EXPECT_EQ(ParseSrvAnswer(many.data(), many.size()).size(), limits::kSrvAnswersMax);
}

// Answers every question with kAnswer and a record that nobody asked for, as long as it takes.
class NameServer : private ByteStreamListener {
 public:
  NameServer(uv_loop_t* loop, std::size_t answer_bytes) : answer_bytes_(answer_bytes) {
    auto listener =
        TcpListener::Open(loop, *NetAddress::Parse("127.0.0.1", 0), [this](auto stream) {
          stream_ = std::move(stream);
          stream_->Start(*this);
        });
    EXPECT_TRUE(listener.ok());
    listener_ = *std::move(listener);
    name_server_port = listener_->local().port;
  }

 private:
  void OnBytes(std::string_view question) override {
    constexpr std::size_t kLengthBytes = 2;
    if (question.size() < kLengthBytes + 2) return;
    std::vector<std::uint8_t> bytes(kLengthBytes);
    StoreBe16(bytes.data(), static_cast<std::uint16_t>(answer_bytes_));
    bytes.insert(bytes.end(), kAnswer.begin(), kAnswer.end());
    bytes[kLengthBytes] = static_cast<std::uint8_t>(question[kLengthBytes]);  // its id
    bytes[kLengthBytes + 1] = static_cast<std::uint8_t>(question[kLengthBytes + 1]);
    bytes[kLengthBytes + 7] = 3;
    const std::vector<std::uint8_t> text{0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60};
    bytes.insert(bytes.end(), text.begin(), text.end());
    const std::size_t at = bytes.size();
    bytes.resize(kLengthBytes + answer_bytes_);
    StoreBe16(&bytes[at], static_cast<std::uint16_t>(bytes.size() - at - 2));
    stream_->Write({bytes.begin(), bytes.end()});
  }
  void OnEnd() override { stream_.reset(); }
  void OnDrained() override {}
  void OnFailure() override { stream_.reset(); }

  const std::size_t answer_bytes_;
  std::unique_ptr<TcpListener> listener_;
  std::unique_ptr<TcpStream> stream_;
};

class SrvLookupTest : public LoopTest {};

TEST_F(SrvLookupTest, ReadsWhatFitsOfALongAnswer) {
  for (const std::size_t more : {0U, 1U, 10'000U}) {
    const NameServer server(&loop_, limits::kDnsAnswerBytesMax + more);
    std::optional<std::vector<SrvAnswer>> found;
    const SrvLookup lookup(&loop_, "_matrix-fed._tcp.example.com",
                           [&found](auto answers) { found = std::move(answers); });
    ASSERT_TRUE(RunUntil([&] { return found.has_value(); }));
    EXPECT_THAT(*found, ElementsAre(SrvAnswer{10, 5, 8443, "a.example.com"},
                                    SrvAnswer{20, 0, 443, "example.com"}))
        << more;
  }
}

}  // namespace
}  // namespace fovea::io
