#include "signaling/matrix/server_acl.h"

#include <algorithm>
#include <cstddef>

#include "signaling/matrix/event.h"
#include "signaling/matrix/ids.h"

namespace fovea::matrix {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool ReadList(const nlohmann::json& content, const char* key, std::vector<std::string>& list) {
  const nlohmann::json* member = MemberIn(content, key);
  if (member == nullptr) return true;
  if (!member->is_array()) return false;
  for (const nlohmann::json& pattern : *member) {
    // Entries that are no text match nothing.
    if (pattern.is_string()) list.push_back(pattern.get<std::string>());
  }
  return true;
}

std::string_view WithoutPort(std::string_view server_name) {
  const std::size_t colon = server_name.rfind(':');
  const std::size_t bracket = server_name.rfind(']');
  if (colon == std::string_view::npos) return server_name;
  if (bracket != std::string_view::npos && bracket > colon) return server_name;
  return server_name.substr(0, colon);
}

}  // namespace

bool GlobMatches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // where to go back to: after the last star,
  std::size_t star_text = 0;                  // which then takes one character more
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || Lower(pattern[p]) == Lower(text[t]))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::optional<ServerAcl> ServerAcl::Read(const nlohmann::json& content) {
  ServerAcl acl;
  if (!ReadList(content, "allow", acl.allow) || !ReadList(content, "deny", acl.deny)) {
    return std::nullopt;
  }
  if (const nlohmann::json* flag = MemberIn(content, "allow_ip_literals")) {
    acl.allow_ip_literals = !flag->is_boolean() || flag->get<bool>();
  }
  return acl;
}

bool ServerAcl::Permits(std::string_view server_name) const {
  const auto parsed = ServerName::Parse(server_name);
  if (!allow_ip_literals && parsed && parsed->is_address) return false;
  const std::string_view host = WithoutPort(server_name);
  const auto matches = [host](const std::string& pattern) { return GlobMatches(pattern, host); };
  if (std::any_of(deny.begin(), deny.end(), matches)) return false;
  return std::any_of(allow.begin(), allow.end(), matches);
}

}  // namespace fovea::matrix
