#include "signaling/app/page.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "sfu/core/limits.h"

namespace fovea::app {
namespace {

std::string_view TypeOf(std::string_view name) {
  const auto ends_with = [&](std::string_view suffix) { return name.ends_with(suffix); };
  if (ends_with(".html")) return "text/html; charset=utf-8";
  if (ends_with(".js") || ends_with(".mjs")) return "text/javascript; charset=utf-8";
  if (ends_with(".css")) return "text/css; charset=utf-8";
  if (ends_with(".svg")) return "image/svg+xml";
  return "application/octet-stream";
}

}  // namespace

Result<Page, std::string> Page::Load(const std::string& directory) {
  Page page;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (!entry.is_regular_file(error) || entry.file_size(error) > limits::kPageFileBytesMax)
      continue;
    if (page.files_.size() >= limits::kPageFilesMax)
      return Failure{"too many files in page directory " + directory};
    std::ifstream in(entry.path(), std::ios::binary);
    std::ostringstream content;
    content << in.rdbuf();
    page.files_[entry.path().filename().string()] = content.str();
  }
  if (error) return Failure{"cannot read page directory " + directory + ": " + error.message()};
  if (!page.files_.contains("index.html"))
    return Failure{"page directory " + directory + " has no index.html"};
  return page;
}

std::optional<wire::HttpResponse> Page::Get(std::string_view name) const {
  const auto it = files_.find(name);
  if (it == files_.end()) return std::nullopt;
  wire::HttpResponse response;
  response.headers.emplace_back("Content-Type", std::string(TypeOf(name)));
  response.headers.emplace_back("Cache-Control", "no-cache");
  response.body = it->second;
  return response;
}

}  // namespace fovea::app
