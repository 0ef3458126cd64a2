#include "signaling/wire/resp.h"

#include <charconv>
#include <utility>

#include "sfu/core/limits.h"

namespace fovea::wire {
namespace {

std::optional<std::int64_t> ReadInteger(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

std::string SerializeRespCommand(const std::vector<std::string>& words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return out;
}

void RespParser::Feed(std::string_view bytes) {
  if (!is_broken_) buffer_ += bytes;
}

std::optional<RespValue> RespParser::Next() {
  while (!is_broken_) {
    RespValue value;
    switch (ReadOne(value)) {
      case Step::kNeedMore:
        return std::nullopt;
      case Step::kBroken:
        is_broken_ = true;
        buffer_.clear();
        return std::nullopt;
      case Step::kArrayBegun:
        continue;
      case Step::kValue:
        break;
    }
    // The value may be the last of an array, and that array the last of another.
    while (!open_.empty()) {
      open_.back().value.items.push_back(std::move(value));
      if (--open_.back().missing > 0) break;
      value = std::move(open_.back().value);
      open_.pop_back();
      if (open_.empty()) return value;
    }
    if (open_.empty()) return value;
  }
  return std::nullopt;
}

void RespParser::Consume(std::size_t up_to) {
  begin_ = up_to;
  if (begin_ < buffer_.size() / 2) return;
  buffer_.erase(0, begin_);
  begin_ = 0;
}

RespParser::Step RespParser::ReadOne(RespValue& out) {
  const std::size_t end = buffer_.find("\r\n", begin_);
  const bool has_end = end != std::string::npos;
  // Without an end, the last byte may be the first one of that.
  const std::size_t bytes_max = limits::kRespLineBytesMax + (has_end ? 0 : 1);
  if ((has_end ? end : buffer_.size()) - begin_ > bytes_max) return Step::kBroken;
  if (!has_end) return Step::kNeedMore;
  const std::string_view line = std::string_view(buffer_).substr(begin_, end - begin_);
  if (line.empty()) return Step::kBroken;
  const char kind = line[0];
  if (kind == '+' || kind == '-') {
    out.kind = kind == '+' ? RespValue::Kind::kText : RespValue::Kind::kError;
    out.text = line.substr(1);
    Consume(end + 2);
    return Step::kValue;
  }
  const std::optional<std::int64_t> number = ReadInteger(line.substr(1));
  if (!number.has_value()) return Step::kBroken;
  switch (kind) {
    case ':':
      out.kind = RespValue::Kind::kInteger;
      out.integer = *number;
      Consume(end + 2);
      return Step::kValue;
    case '$':
      return ReadBulk(end + 2, *number, out);
    case '*':
      return BeginArray(end + 2, *number, out);
    default:
      return Step::kBroken;
  }
}

RespParser::Step RespParser::ReadBulk(std::size_t at, std::int64_t size, RespValue& out) {
  if (size == -1) {  // nil
    Consume(at);
    return Step::kValue;
  }
  if (size < 0 || size > static_cast<std::int64_t>(limits::kRespStringBytesMax))
    return Step::kBroken;
  const auto bytes = static_cast<std::size_t>(size);
  if (buffer_.size() - at < bytes + 2) return Step::kNeedMore;
  if (buffer_.compare(at + bytes, 2, "\r\n") != 0) return Step::kBroken;
  out.kind = RespValue::Kind::kText;
  out.text = buffer_.substr(at, bytes);
  Consume(at + bytes + 2);
  return Step::kValue;
}

RespParser::Step RespParser::BeginArray(std::size_t at, std::int64_t count, RespValue& out) {
  if (count < -1 || count > limits::kRespItemsMax) return Step::kBroken;
  if (count > 0 && open_.size() >= limits::kRespDepthMax) return Step::kBroken;
  Consume(at);
  if (count == -1) return Step::kValue;  // nil
  out.kind = RespValue::Kind::kArray;
  if (count == 0) return Step::kValue;
  open_.push_back({std::move(out), count});
  return Step::kArrayBegun;
}

}  // namespace fovea::wire
