// Base64 and base64url, RFC 4648 sections 4 and 5. Encoders give the form each use wants (padded
// base64, bare base64url); decoders take either form. Thread: pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sfu/core/bytes.h"

namespace fovea::wire {

[[nodiscard]] inline ByteSpan AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

[[nodiscard]] std::string Base64Encode(ByteSpan bytes);     // padded with '='
[[nodiscard]] std::string Base64UrlEncode(ByteSpan bytes);  // without padding, as JWT wants it

// Nothing for a character outside the alphabet, an impossible length, wrong padding, or stray bits
// behind the last byte: every value has one spelling with padding and one without.
[[nodiscard]] std::optional<std::string> Base64Decode(std::string_view text);
[[nodiscard]] std::optional<std::string> Base64UrlDecode(std::string_view text);

}  // namespace fovea::wire
