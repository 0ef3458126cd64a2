#include "signaling/matrix/client_well_known.h"

#include <gtest/gtest.h>

#include "sfu/core/limits.h"

namespace fovea::matrix {
namespace {

std::string Document(const std::string& url) {
  return R"({"m.homeserver":{"base_url":")" + url + R"("},"org.example":[1,2]})";
}

TEST(ReadHomeserverUrl, TakesTheBaseUrlWithoutItsLastSlash) {
  EXPECT_EQ(ReadHomeserverUrl(Document("https://matrix.example.com")),
            "https://matrix.example.com");
  EXPECT_EQ(ReadHomeserverUrl(Document("https://example.com:8443/a/b//")),
            "https://example.com:8443/a/b");
}

TEST(ReadHomeserverUrl, RefusesWhatWeWouldNotCall) {
  for (const char* url : {"http://example.com", "ftp://example.com", "https://", "example.com", "",
                          "https://user:secret@example.com", "https://example.com/?a=b",
                          "https://example.com/#a", "https://example.com:99999"}) {
    EXPECT_EQ(ReadHomeserverUrl(Document(url)), std::nullopt) << url;
  }
}

TEST(ReadHomeserverUrl, RefusesWhatIsTooLong) {
  std::string url = "https://example.com/";
  url.resize(limits::kHomeserverUrlBytesMax, 'a');
  EXPECT_EQ(ReadHomeserverUrl(Document(url)), url);
  EXPECT_EQ(ReadHomeserverUrl(Document(url + "a")), std::nullopt);
}

TEST(ReadHomeserverUrl, RefusesOtherDocuments) {
  for (const char* text :
       {"", "null", "[]", "{}", R"({"m.homeserver":"https://a"})",
        R"({"m.homeserver":{"base_url":1}})", R"({"m.homeserver":{}})", "<html>"}) {
    EXPECT_EQ(ReadHomeserverUrl(text), std::nullopt) << text;
  }
  const std::string whole = Document("https://matrix.example.com");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(ReadHomeserverUrl(whole.substr(0, size)), std::nullopt) << size;
  }
}

}  // namespace
}  // namespace fovea::matrix
