#include "signaling/io/srv_lookup.h"

#include <gmock/gmock.h>

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

}  // namespace
}  // namespace fovea::io
