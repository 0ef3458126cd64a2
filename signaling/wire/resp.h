// RESP2, Redis's protocol: commands as arrays of strings, replies as values. Redis serialization
// protocol specification. Thread: pure functions and values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::wire {

struct RespValue {
  enum class Kind : std::uint8_t { kText, kError, kInteger, kNil, kArray };
  Kind kind = Kind::kNil;
  std::string text;  // of kText (simple or bulk) and kError
  std::int64_t integer = 0;
  std::vector<RespValue> items;
  bool operator==(const RespValue&) const = default;
};

[[nodiscard]] std::string SerializeRespCommand(const std::vector<std::string>& words);

// Takes replies out of a stream of bytes, each byte looked at once.
// Limits: kRespLineBytesMax of one line, kRespStringBytesMax of one string, kRespItemsMax of one
// array, kRespDepthMax arrays within each other; beyond, the stream is broken.
class RespParser {
 public:
  void Feed(std::string_view bytes);
  // The next complete reply. Call until it returns nothing.
  [[nodiscard]] std::optional<RespValue> Next();
  // What came is not RESP; nothing more comes out.
  [[nodiscard]] bool is_broken() const { return is_broken_; }

 private:
  enum class Step : std::uint8_t { kValue, kArrayBegun, kNeedMore, kBroken };
  struct OpenArray {
    RespValue value;
    std::int64_t missing = 0;
  };
  [[nodiscard]] Step ReadOne(RespValue& out);
  [[nodiscard]] Step ReadBulk(std::size_t at, std::int64_t size, RespValue& out);
  [[nodiscard]] Step BeginArray(std::size_t at, std::int64_t count, RespValue& out);
  void Consume(std::size_t up_to);

  std::string buffer_;
  std::size_t begin_ = 0;  // what comes before was read
  std::vector<OpenArray> open_;
  bool is_broken_ = false;
};

}  // namespace fovea::wire
