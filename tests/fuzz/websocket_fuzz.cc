// WebSocket frames, whole and in pieces whose length the first byte sets: both have to give the
// same messages, the same bytes for the peer, and the same end. fuzz-deps: signaling_wire
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "signaling/wire/websocket.h"

namespace {

struct Reading {
  std::vector<fovea::wire::WebSocketMessage> messages;
  std::string output;
  bool finished = false;
  std::uint16_t code = 0;
};

bool IsProtocolError(const Reading& reading) {
  constexpr std::uint16_t kInvalidUtf8 = 1007;
  return reading.code == fovea::wire::close_code::kProtocolError || reading.code == kInvalidUtf8;
}

Reading Read(std::string_view bytes, std::size_t step) {
  Reading out;
  fovea::wire::WebSocket socket;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    socket.HandleBytes(bytes.substr(at, step), out.messages);
    out.output += socket.TakeOutput();
  }
  out.finished = socket.finished();
  out.code = socket.close_code();
  FOVEA_CHECK(!socket.closing() || !socket.Send(fovea::wire::WebSocketKind::kText, "late"));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = std::max<std::size_t>(data[0], 1);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Reading whole = Read(bytes, std::max<std::size_t>(bytes.size(), 1));
  const Reading pieces = Read(bytes, step);
  FOVEA_CHECK(whole.messages.size() == pieces.messages.size());
  for (std::size_t i = 0; i < whole.messages.size(); ++i) {
    FOVEA_CHECK(whole.messages[i].payload == pieces.messages[i].payload);
    FOVEA_CHECK(whole.messages[i].payload.size() <= fovea::limits::kSignalMessageBytesMax);
  }
  // A protocol error may be seen earlier or later, depending on the cut: a close frame may break
  // two rules at once.
  if (IsProtocolError(whole) || IsProtocolError(pieces)) return 0;
  FOVEA_CHECK(whole.finished == pieces.finished && whole.code == pieces.code);
  // A pong still queued when a close frame arrives is dropped.
  FOVEA_CHECK(whole.finished || whole.output == pieces.output);
  return 0;
}
