// Which servers a room lets take part. Matrix specification, m.room.server_acl.
// Thread: pure functions and plain values, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "signaling/wire/json.h"

namespace fovea::matrix {

// `*` stands for any characters, `?` for exactly one; letters match in either case.
[[nodiscard]] bool GlobMatches(std::string_view pattern, std::string_view text);

struct ServerAcl {
  std::vector<std::string> allow;
  std::vector<std::string> deny;
  bool allow_ip_literals = true;

  // Nothing for a list that is no list: nobody is judged by what cannot be read. A missing `allow`
  // is readable, and permits nobody.
  [[nodiscard]] static std::optional<ServerAcl> Read(const nlohmann::json& content);

  // The port of a server name does not matter.
  [[nodiscard]] bool Permits(std::string_view server_name) const;
};

}  // namespace fovea::matrix
