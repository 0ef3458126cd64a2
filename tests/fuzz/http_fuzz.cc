// HTTP requests and responses. The input is fed whole and again in pieces whose length its first
// byte sets: how the network cuts the bytes may not change what is read. fuzz-deps: signaling_wire
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/check.h"
#include "signaling/wire/http_message.h"
#include "signaling/wire/http_parser.h"

namespace {

using fovea::wire::HttpParseState;

struct Reading {
  std::vector<fovea::wire::HttpRequest> requests;
  int error_status = 0;
};

Reading ReadRequests(std::string_view bytes, std::size_t step) {
  Reading out;
  fovea::wire::HttpRequestParser parser;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    parser.Feed(bytes.substr(at, step));
    while (parser.state() == HttpParseState::kComplete) {
      out.requests.push_back(parser.Take());
      parser.Feed({});
    }
  }
  out.error_status = parser.error_status();
  FOVEA_CHECK((parser.state() == HttpParseState::kFailed) == (out.error_status != 0));
  return out;
}

void CheckHelpers(const fovea::wire::HttpRequest& request) {
  FOVEA_CHECK(!request.target.path.empty());
  if (fovea::wire::IsCorsPreflight(request)) {
    // What we echo may not break out of its header.
    const std::string bytes =
        fovea::wire::SerializeResponse(fovea::wire::CorsPreflightResponse(request), {});
    fovea::wire::HttpResponseParser parser({.body_bytes_max = 0});
    FOVEA_CHECK(parser.Feed(bytes) == HttpParseState::kComplete);
    FOVEA_CHECK(parser.Take().status == 204);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = std::max<std::size_t>(data[0], 1);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);

  const Reading whole = ReadRequests(bytes, std::max<std::size_t>(bytes.size(), 1));
  const Reading pieces = ReadRequests(bytes, step);
  FOVEA_CHECK(whole.requests.size() == pieces.requests.size());
  for (std::size_t i = 0; i < whole.requests.size(); ++i) {
    FOVEA_CHECK(whole.requests[i].body == pieces.requests[i].body);
    FOVEA_CHECK(whole.requests[i].headers == pieces.requests[i].headers);
    FOVEA_CHECK(whole.requests[i].target.path == pieces.requests[i].target.path);
    CheckHelpers(whole.requests[i]);
  }

  fovea::wire::HttpResponseParser response({.body_bytes_max = 1024});
  for (std::size_t at = 0; at < bytes.size(); at += step) response.Feed(bytes.substr(at, step));
  if (response.FeedEnd() == HttpParseState::kComplete) {
    FOVEA_CHECK(response.Take().body.size() <= 1024);
  }
  return 0;
}
