// STUN messages as an ICE agent needs them: RFC 8489 (base), RFC 8445 section 16 (ICE attributes).
// Parsing checks structure and FINGERPRINT; integrity is a separate question with a key.
// Thread: plain values, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sfu/core/bytes.h"
#include "sfu/core/drop_reason.h"
#include "sfu/core/inline_vector.h"
#include "sfu/core/net_address.h"
#include "sfu/core/result.h"

namespace fovea::stun {

// HMAC-SHA1 comes from the owner, because only sfu/crypto may see the cryptographic library.
using Sha1Digest = std::array<std::uint8_t, 20>;
using HmacSha1 = Sha1Digest (*)(ByteSpan key, ByteSpan message);

using TransactionId = std::array<std::uint8_t, 12>;

inline constexpr std::size_t kHeaderBytes = 20;
inline constexpr std::uint32_t kMagicCookie = 0x2112A442;
inline constexpr std::uint16_t kBindingMethod = 0x001;

// The values are the two class bits C1 C0 of RFC 8489 section 5.
enum class MessageClass : std::uint8_t { kRequest = 0, kIndication = 1, kSuccess = 2, kError = 3 };

enum class Attribute : std::uint16_t {
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000A,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kSoftware = 0x8022,
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802A,
  // libwebrtc's renomination draft. A lite agent follows USE-CANDIDATE, so the value is not read.
  kNomination = 0xC001,
};

inline constexpr std::uint16_t kErrorUnknownAttribute = 420;
inline constexpr std::uint16_t kErrorRoleConflict = 487;

// A parsed message. Views point into the bytes that were parsed.
struct Message {
  ByteSpan bytes;
  std::uint16_t method = 0;
  MessageClass message_class = MessageClass::kRequest;
  bool use_candidate = false;
  bool has_fingerprint = false;  // and it was right, else Parse refuses
  TransactionId transaction_id{};
  std::string_view username;  // empty when absent
  std::string_view software;
  std::optional<std::uint32_t> priority;
  std::optional<std::uint64_t> ice_controlling;  // the tie-breaker
  std::optional<std::uint64_t> ice_controlled;
  std::optional<NetAddress> xor_mapped_address;
  std::optional<std::uint16_t> error_code;
  std::optional<std::size_t> integrity_offset;  // where the MESSAGE-INTEGRITY attribute begins
  // Comprehension-required attributes that we do not know; those beyond the capacity are not
  // listed.
  InlineVector<std::uint16_t, 8> unknown_required;
};

// RFC 7983: first byte 0 to 3, and the cookie where RFC 8489 has it.
[[nodiscard]] bool LooksLikeStun(ByteSpan datagram);

// Parses one datagram that holds exactly one message. Attributes behind MESSAGE-INTEGRITY are
// ignored except FINGERPRINT (RFC 8489 section 14.5); of repeated ones the first counts (section
// 14).
[[nodiscard]] Result<Message, DropReason> Parse(ByteSpan datagram);

// The local user fragment (what stands before ':' in USERNAME) of a Binding request. Verifies
// nothing: only good for finding the session that can. O(attributes).
[[nodiscard]] std::optional<std::string_view> PeekUfrag(ByteSpan datagram);

// Whether MESSAGE-INTEGRITY is present and made with `key`. Compares in constant time.
[[nodiscard]] bool VerifyIntegrity(const Message& message, ByteSpan key, HmacSha1 hmac);

// CRC-32 of `bytes` xor 0x5354554e, RFC 8489 section 14.7.
[[nodiscard]] std::uint32_t FingerprintOf(ByteSpan bytes);

}  // namespace fovea::stun
