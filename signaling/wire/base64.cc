#include "signaling/wire/base64.h"

#include <array>
#include <cstdint>

namespace fovea::wire {
namespace {

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kInvalid = 0xff;

constexpr std::array<std::uint8_t, 256> Invert(std::string_view alphabet) {
  std::array<std::uint8_t, 256> values{};
  values.fill(kInvalid);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}

constexpr auto kStandardValues = Invert(kStandard);
constexpr auto kUrlValues = Invert(kUrl);

std::string Encode(ByteSpan bytes, std::string_view alphabet) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  int bit_count = 0;
  for (const std::uint8_t byte : bytes) {
    bits = (bits << 8) | byte;
    bit_count += 8;
    while (bit_count >= 6) {
      bit_count -= 6;
      out.push_back(alphabet[(bits >> bit_count) & 63]);
    }
  }
  if (bit_count > 0) out.push_back(alphabet[(bits << (6 - bit_count)) & 63]);
  return out;
}

std::optional<std::string_view> WithoutPadding(std::string_view text) {
  const std::size_t end = text.find('=');
  if (end == std::string_view::npos) return text;
  if (text.size() % 4 != 0 || text.size() - end > 2) return std::nullopt;
  if (text.find_first_not_of('=', end) != std::string_view::npos) return std::nullopt;
  return text.substr(0, end);
}

std::optional<std::string> Decode(std::string_view text,
                                  const std::array<std::uint8_t, 256>& values) {
  const auto digits = WithoutPadding(text);
  if (!digits || digits->size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(digits->size() * 3 / 4);
  std::uint32_t bits = 0;
  int bit_count = 0;
  for (const char c : *digits) {
    const std::uint8_t value = values[static_cast<unsigned char>(c)];
    if (value == kInvalid) return std::nullopt;
    bits = (bits << 6) | value;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      out.push_back(static_cast<char>((bits >> bit_count) & 0xff));
    }
  }
  const std::uint32_t stray = bits & ((1U << bit_count) - 1);
  if (stray != 0) return std::nullopt;
  return out;
}

}  // namespace

std::string Base64Encode(ByteSpan bytes) {
  std::string out = Encode(bytes, kStandard);
  while (out.size() % 4 != 0) out.push_back('=');
  return out;
}

std::string Base64UrlEncode(ByteSpan bytes) { return Encode(bytes, kUrl); }

std::optional<std::string> Base64Decode(std::string_view text) {
  return Decode(text, kStandardValues);
}

std::optional<std::string> Base64UrlDecode(std::string_view text) {
  return Decode(text, kUrlValues);
}

}  // namespace fovea::wire
