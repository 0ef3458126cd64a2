#include "signaling/livekit/ids.h"

#include <array>
#include <cstdint>

namespace fovea::livekit {
namespace {

// No 0, O, I, l, 1: people read these aloud.
constexpr std::string_view kAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

}  // namespace

std::string NewId(Rng& rng, std::string_view prefix) {
  constexpr std::size_t kLength = 12;
  std::string id(prefix);
  for (std::size_t i = 0; i < kLength; ++i) {
    id.push_back(kAlphabet[rng.Below(static_cast<std::uint32_t>(kAlphabet.size()))]);
  }
  return id;
}

std::string NewIceText(RandomBytesFn random_bytes, std::size_t length) {
  std::string text(length, '\0');
  random_bytes(MutableByteSpan(reinterpret_cast<std::uint8_t*>(text.data()), text.size()));
  // The modulo bias costs 0.06 bits of 5.8 per character; 24 characters leave more than the 128
  // bits that RFC 8445 section 5.3 asks for.
  for (char& c : text) c = kAlphabet[static_cast<std::uint8_t>(c) % kAlphabet.size()];
  return text;
}

std::string NewUuid(RandomBytesFn random_bytes) {
  std::array<std::uint8_t, 16> bytes{};
  random_bytes(bytes);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);  // version 4
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);  // RFC variant
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text.push_back(kHex[bytes[i] >> 4]);
    text.push_back(kHex[bytes[i] & 0x0f]);
  }
  return text;
}

}  // namespace fovea::livekit
