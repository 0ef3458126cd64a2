#include "signaling/matrix/ids.h"

#include <gmock/gmock.h>

namespace fovea::matrix {
namespace {

struct GoodName {
  std::string text;
  std::string host;
  std::optional<std::uint16_t> port;
  bool is_address;
};

TEST(ServerName, TakesNamesAndAddressesWithAndWithoutPort) {
  const std::vector<GoodName> names{
      {"matrix.org", "matrix.org", std::nullopt, false},
      {"matrix.org:8888", "matrix.org", 8888, false},
      {"localhost", "localhost", std::nullopt, false},
      {"a-b.example", "a-b.example", std::nullopt, false},
      {"example.com.", "example.com.", std::nullopt, false},
      {"1.2.3.4", "1.2.3.4", std::nullopt, true},
      {"1.2.3.4:1234", "1.2.3.4", 1234, true},
      {"[1234:5678::abcd]", "1234:5678::abcd", std::nullopt, true},
      {"[::1]:8448", "::1", 8448, true},
      {"1.2.3.4.example", "1.2.3.4.example", std::nullopt, false},
  };
  for (const GoodName& name : names) {
    const auto parsed = ServerName::Parse(name.text);
    ASSERT_TRUE(parsed) << name.text;
    EXPECT_EQ(parsed->text, name.text);
    EXPECT_EQ(parsed->host, name.host);
    EXPECT_EQ(parsed->port, name.port);
    EXPECT_EQ(parsed->is_address, name.is_address) << name.text;
  }
}

TEST(ServerName, RefusesEverythingElse) {
  const std::vector<std::string> names{"",
                                       ":8448",
                                       "example.com:",
                                       "example.com:0",
                                       "example.com:65536",
                                       "example.com:123456",
                                       "example.com:8x",
                                       "example.com:-1",
                                       "exa mple.com",
                                       "example.com/path",
                                       "user@example.com",
                                       "example.com#",
                                       "ex\xc3\xa4mple.com",
                                       std::string("127.0.0.1\0.example", 18),
                                       std::string("example.com\0", 12),
                                       ".example.com",
                                       "example..com",
                                       "[1.2.3.4]",
                                       "[::1",
                                       "[::1]x",
                                       "[::1]:",
                                       "[fe80::1%eth0]",
                                       "::1",
                                       "127.1",
                                       "0",
                                       "0x7f.1",
                                       "0x7f000001",
                                       "2130706433",
                                       "1.2.3.4.5",
                                       "1.2.3.256",
                                       "01.2.3.4",
                                       std::string(231, 'a')};
  for (const std::string& name : names) EXPECT_FALSE(ServerName::Parse(name)) << name;
}

TEST(ServerName, KeepsTheSpellingThatItWasGiven) {
  EXPECT_FALSE(*ServerName::Parse("Example.com") == *ServerName::Parse("example.com"));
  EXPECT_FALSE(*ServerName::Parse("example.com.") == *ServerName::Parse("example.com"));
  EXPECT_FALSE(*ServerName::Parse("example.com:8448") == *ServerName::Parse("example.com"));
}

TEST(ServerName, EveryTruncationIsDecided) {
  const std::string whole = "[1234:5678::abcd]:12345";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const auto parsed = ServerName::Parse(std::string_view(whole).substr(0, size));
    if (parsed) {
      EXPECT_EQ(parsed->text.size(), size);
    }
  }
}

TEST(UserId, IsALocalpartAndAServer) {
  const auto user = UserId::Parse("@alice:example.com:8448");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->localpart, "alice");
  EXPECT_EQ(user->server_name, "example.com:8448");
  EXPECT_TRUE(UserId::Parse("@Al/ice+~=:example.com")) << "the historical character set";
  EXPECT_TRUE(UserId::Parse("@a:[::1]:8448"));
}

TEST(UserId, RefusesEverythingElse) {
  const std::vector<std::string> ids{"",
                                     "alice:example.com",
                                     "@alice",
                                     "@alice:",
                                     "@:example.com",
                                     "@al ice:example.com",
                                     "@al\nice:example.com",
                                     std::string("@ali\0ce:example.com", 19),
                                     "@alic\xd0\xb5:example.com",
                                     "@a:evil:good",
                                     "@alice:example.com:99999",
                                     "@alice:exam ple.com",
                                     "@" + std::string(250, 'a') + ":example.com"};
  for (const std::string& id : ids) EXPECT_FALSE(UserId::Parse(id)) << id;
}

TEST(UserId, TheServerIsEverythingBehindTheFirstColon) {
  EXPECT_EQ(ServerNameOf("@alice:example.com:8448"), "example.com:8448");
  EXPECT_EQ(ServerNameOf("alice:example.com"), "");
  EXPECT_EQ(ServerNameOf("@alice"), "");
}

TEST(OpaqueId, IsShortAndPrintable) {
  EXPECT_TRUE(IsOpaqueId("!room:example.com"));
  EXPECT_TRUE(IsOpaqueId("\xf0\x9f\x90\xb1"));
  EXPECT_TRUE(IsOpaqueId(std::string(255, 'a')));
  EXPECT_FALSE(IsOpaqueId(""));
  EXPECT_FALSE(IsOpaqueId(std::string(256, 'a')));
  EXPECT_FALSE(IsOpaqueId("a\nb"));
  EXPECT_FALSE(IsOpaqueId(std::string("a\0b", 3)));
}

}  // namespace
}  // namespace fovea::matrix
