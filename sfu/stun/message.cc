#include "sfu/stun/message.h"

#include <algorithm>
#include <cstring>

#include "sfu/core/limits.h"

namespace fovea::stun {
namespace {

constexpr std::uint32_t kFingerprintXor = 0x5354554E;
constexpr std::size_t kIntegrityBytes = 4 + std::tuple_size_v<Sha1Digest>;

constexpr std::array<std::uint32_t, 256> MakeCrcTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kCrcTable = MakeCrcTable();

std::string_view AsText(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct RawAttribute {
  std::uint16_t type = 0;
  std::size_t offset = 0;  // of the attribute header
  ByteSpan value;
};

// Reads the attribute at the reader and its padding to 32 bits. False at a truncated one.
bool ReadAttribute(ByteReader& reader, RawAttribute& attribute) {
  attribute.offset = reader.position();
  attribute.type = reader.U16();
  const std::size_t length = reader.U16();
  attribute.value = reader.Bytes(length);
  reader.Skip((4 - length % 4) % 4);
  return !reader.failed();
}

// RFC 8489 section 14.2: port and address are xored with the cookie, IPv6 with the id as well.
//
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// |0 0 0 0 0 0 0 0|    Family     |           X-Port              |
// |                X-Address (32 or 128 bits)                     |
std::optional<NetAddress> ParseXorAddress(ByteSpan value, ByteSpan cookie_and_id) {
  if (value.size() < 4) return std::nullopt;
  const std::uint16_t port = static_cast<std::uint16_t>(
      LoadBe16(&value[2]) ^ static_cast<std::uint16_t>(kMagicCookie >> 16));
  if (value[1] == 1 && value.size() == 8) {
    return NetAddress::V4(LoadBe32(&value[4]) ^ kMagicCookie, port);
  }
  if (value[1] != 2 || value.size() != 20) return std::nullopt;
  NetAddress address;
  for (std::size_t i = 0; i < 16; ++i) {
    address.ip[i] = static_cast<std::uint8_t>(value[4 + i] ^ cookie_and_id[i]);
  }
  address.port = port;
  return address;
}

template <class T>
void KeepFirst(std::optional<T>& field, T value) {
  if (!field) field = value;
}

// Stores one attribute that stands before MESSAGE-INTEGRITY. False when its width is wrong.
bool Store(const RawAttribute& attribute, Message& message) {
  const ByteSpan value = attribute.value;
  switch (static_cast<Attribute>(attribute.type)) {
    case Attribute::kUsername:
      if (value.empty()) return false;
      if (message.username.empty()) message.username = AsText(value);
      return true;
    case Attribute::kMessageIntegrity:
      if (value.size() != std::tuple_size_v<Sha1Digest>) return false;
      message.integrity_offset = attribute.offset;
      return true;
    case Attribute::kErrorCode:
      if (value.size() < 4 || (value[2] & 7) < 3 || (value[2] & 7) > 6 || value[3] > 99)
        return false;
      KeepFirst(message.error_code, static_cast<std::uint16_t>((value[2] & 7) * 100 + value[3]));
      return true;
    case Attribute::kXorMappedAddress: {
      const std::optional<NetAddress> address =
          ParseXorAddress(value, message.bytes.subspan(4, 16));
      if (!address) return false;
      KeepFirst(message.xor_mapped_address, *address);
      return true;
    }
    case Attribute::kPriority:
      if (value.size() != 4) return false;
      KeepFirst(message.priority, LoadBe32(value.data()));
      return true;
    case Attribute::kUseCandidate:
      if (!value.empty()) return false;
      message.use_candidate = true;
      return true;
    case Attribute::kSoftware:
      if (message.software.empty()) message.software = AsText(value);
      return true;
    case Attribute::kIceControlled:
    case Attribute::kIceControlling: {
      if (value.size() != 8) return false;
      const bool controlled = static_cast<Attribute>(attribute.type) == Attribute::kIceControlled;
      KeepFirst(controlled ? message.ice_controlled : message.ice_controlling,
                LoadBe64(value.data()));
      return true;
    }
    case Attribute::kUnknownAttributes:
    case Attribute::kFingerprint:
    case Attribute::kNomination:
      return true;
  }
  // RFC 8489 section 14: types from 0x8000 may be skipped, those below must be understood.
  if (attribute.type < 0x8000) (void)message.unknown_required.TryPush(attribute.type);
  return true;
}

bool FingerprintIsRight(const RawAttribute& attribute, ByteSpan datagram) {
  return attribute.value.size() == 4 &&
         LoadBe32(attribute.value.data()) == FingerprintOf(datagram.first(attribute.offset));
}

}  // namespace

std::uint32_t FingerprintOf(ByteSpan bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint8_t byte : bytes) crc = (crc >> 8) ^ kCrcTable[(crc ^ byte) & 0xFF];
  return ~crc ^ kFingerprintXor;
}

bool LooksLikeStun(ByteSpan datagram) {
  return datagram.size() >= kHeaderBytes && datagram[0] <= 3 &&
         LoadBe32(&datagram[4]) == kMagicCookie;
}

// RFC 8489 section 5. M: method, C: class, both spread over the type.
//
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// |0 0|M M M M M|C|M M M|C|M M M M|         Message Length        |
// |                         Magic Cookie                          |
// |                     Transaction ID (96 bits)                  |
Result<Message, DropReason> Parse(ByteSpan datagram) {
  const Failure malformed{DropReason::kStunMalformed};
  if (!LooksLikeStun(datagram) || datagram.size() > limits::kDatagramBytesMax) return malformed;
  // The length is compared with what arrived before it is used: a lying one is not read behind.
  if (std::size_t{LoadBe16(&datagram[2])} + kHeaderBytes != datagram.size()) return malformed;
  if (datagram.size() % 4 != 0) return malformed;

  Message message;
  message.bytes = datagram;
  const std::uint16_t type = LoadBe16(datagram.data());
  message.message_class = static_cast<MessageClass>(((type >> 7) & 2) | ((type >> 4) & 1));
  message.method =
      static_cast<std::uint16_t>((type & 0x000F) | ((type & 0x00E0) >> 1) | ((type & 0x3E00) >> 2));
  std::copy_n(&datagram[8], message.transaction_id.size(), message.transaction_id.begin());

  ByteReader reader(datagram);
  reader.Skip(kHeaderBytes);
  while (reader.remaining() > 0) {
    RawAttribute attribute;
    if (message.has_fingerprint || !ReadAttribute(reader, attribute)) return malformed;
    if (static_cast<Attribute>(attribute.type) == Attribute::kFingerprint) {
      if (!FingerprintIsRight(attribute, datagram)) return malformed;
      message.has_fingerprint = true;
    } else if (!message.integrity_offset && !Store(attribute, message)) {
      return malformed;
    }
  }
  return message;
}

std::optional<std::string_view> PeekUfrag(ByteSpan datagram) {
  constexpr std::uint16_t kBindingRequest = 0x0001;
  if (!LooksLikeStun(datagram) || LoadBe16(datagram.data()) != kBindingRequest) return std::nullopt;
  ByteReader reader(datagram);
  reader.Skip(kHeaderBytes);
  RawAttribute attribute;
  while (reader.remaining() > 0 && ReadAttribute(reader, attribute)) {
    if (static_cast<Attribute>(attribute.type) != Attribute::kUsername) continue;
    const std::string_view username = AsText(attribute.value);
    const std::size_t colon = username.find(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    return username.substr(0, colon);
  }
  return std::nullopt;
}

// RFC 8489 section 14.5: the digest covers everything before the attribute, with a header length as
// if the message ended right behind it. FINGERPRINT may follow, so the length is set in a copy.
bool VerifyIntegrity(const Message& message, ByteSpan key, HmacSha1 hmac) {
  if (!message.integrity_offset) return false;
  const std::size_t covered = *message.integrity_offset;
  std::array<std::uint8_t, limits::kDatagramBytesMax> copy;
  std::memcpy(copy.data(), message.bytes.data(), covered);
  StoreBe16(&copy[2], static_cast<std::uint16_t>(covered + kIntegrityBytes - kHeaderBytes));
  const Sha1Digest expected = hmac(key, ByteSpan(copy).first(covered));
  const ByteSpan received = message.bytes.subspan(covered + 4, expected.size());
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    difference = static_cast<std::uint8_t>(difference | (expected[i] ^ received[i]));
  }
  return difference == 0;
}

}  // namespace fovea::stun
