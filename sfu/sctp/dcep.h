// Data Channel Establishment Protocol: the two messages of RFC 8832 section 5, and the payload
// protocol identifiers of RFC 8831 section 8. Thread: plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sfu/core/bytes.h"
#include "sfu/core/limits.h"

namespace fovea::sctp {

enum class PayloadProtocol : std::uint32_t {
  kDcep = 50,
  kString = 51,
  kBinary = 53,
  kStringEmpty = 56,  // SCTP cannot carry zero bytes, so the sender puts one that does not count
  kBinaryEmpty = 57,
};

struct Reliability {
  bool ordered = true;
  // At most one of the two; neither: delivered for certain.
  std::optional<std::uint32_t> max_retransmits;
  std::optional<std::uint32_t> max_lifetime_ms;

  bool operator==(const Reliability&) const = default;
};

// DATA_CHANNEL_OPEN. The texts point into what was parsed.
struct OpenMessage {
  Reliability reliability;
  std::uint16_t priority = 0;
  std::string_view label;
  std::string_view protocol;
};

inline constexpr std::size_t kOpenMessageBytesMax = 12 + 2 * limits::kDataChannelLabelBytesMax;

// nullopt for anything but one well-formed DATA_CHANNEL_OPEN.
[[nodiscard]] std::optional<OpenMessage> ParseOpen(ByteSpan bytes);
[[nodiscard]] bool IsAck(ByteSpan bytes);

// What was written, as a part of `out`; empty if the texts are too long or `out` too small.
[[nodiscard]] ByteSpan WriteOpen(const OpenMessage& message, MutableByteSpan out);
inline constexpr std::uint8_t kAckMessage[1] = {0x02};

}  // namespace fovea::sctp
