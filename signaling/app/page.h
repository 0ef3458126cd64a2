// The files of the dev mode's page, read once at start. Thread: signaling.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sfu/core/result.h"
#include "signaling/wire/http_message.h"

namespace fovea::app {

class Page {
 public:
  // Reads the regular files of `directory`, not below it. The error names what is missing.
  [[nodiscard]] static Result<Page, std::string> Load(const std::string& directory);
  [[nodiscard]] std::optional<wire::HttpResponse> Get(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> files_;
};

}  // namespace fovea::app
