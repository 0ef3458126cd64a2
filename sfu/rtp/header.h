// The RTP header: parsed into offsets, patched in place, written for outgoing packets.
// RFC 3550 section 5.1 and 5.3.1; demultiplexing from RTCP by RFC 5761 section 4.
// Thread: plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sfu/core/bytes.h"
#include "sfu/core/drop_reason.h"
#include "sfu/core/result.h"
#include "sfu/core/strong_id.h"

namespace fovea::rtp {

inline constexpr std::size_t kFixedHeaderBytes = 12;
// A packet of ours never carries more than 255 bytes of padding: the count is one byte.
inline constexpr std::size_t kPaddingBytesMax = 255;

// Where the parts of one RTP packet lie. Holds offsets, not pointers, so that it stays true when
// the bytes are moved or decrypted in place.
//
// Invariants:
//  (1) extension_offset + extension_length <= payload_offset, when there is an extension block.
//  (2) payload_offset + payload_length + padding_length == size of the packet that was parsed.
struct RtpView {
  bool marker = false;
  PayloadType pt;
  std::uint16_t seq = 0;  // unwrap to ExtSeq at once; see seq.h
  RtpTimestamp ts;
  Ssrc ssrc;
  bool has_extension = false;
  std::uint16_t extension_profile = 0;  // "defined by profile": which form the block has
  std::uint16_t extension_offset = 0;   // of the first element, behind the block's own 4 bytes
  std::uint16_t extension_length = 0;   // bytes
  std::uint16_t payload_offset = 0;
  std::uint16_t payload_length = 0;  // padding excluded
  std::uint8_t padding_length = 0;   // the count byte included

  // Fails with kRtpTooShort, kRtpTooLong, kRtpBadVersion, kRtpBadExtension or kRtpBadPadding.
  [[nodiscard]] static Result<RtpView, DropReason> Parse(ByteSpan packet);

  // Fixed header, contributing sources and extension block.
  [[nodiscard]] std::size_t header_length() const { return payload_offset; }
  [[nodiscard]] bool is_padding_only() const { return payload_length == 0; }
  // REQUIRES: `packet` is the packet that was parsed (or a copy of it).
  [[nodiscard]] ByteSpan Payload(ByteSpan packet) const {
    return packet.subspan(payload_offset, payload_length);
  }
  [[nodiscard]] ByteSpan ExtensionBlock(ByteSpan packet) const {
    return packet.subspan(extension_offset, extension_length);
  }
};

// True when a datagram in RFC 7983's RTP range (first byte 128..191) is RTCP: payload types 64..95
// are not used for RTP, so that a second byte of 192..223 is always an RTCP packet type.
[[nodiscard]] bool IsRtcp(ByteSpan datagram);

// What an outgoing packet's fixed header says. The sequence number is already in wire form.
struct RtpHeaderFields {
  bool marker = false;
  PayloadType pt;
  std::uint16_t seq = 0;
  RtpTimestamp ts;
  Ssrc ssrc;
};

// Writes the fixed header without contributing sources. `extension_block` is empty or a complete
// block as ExtensionWriter makes it (profile, length, elements, padded to 4 bytes). False, and the
// writer failed, when it does not fit or the block is not made of whole 32-bit words.
[[nodiscard]] bool WriteRtpHeader(const RtpHeaderFields& fields, ByteSpan extension_block,
                                  ByteWriter& writer);

// Patches in place. REQUIRES: packet.size() >= kFixedHeaderBytes (RtpView::Parse accepted it).
void SetMarker(MutableByteSpan packet, bool marker);
void SetPayloadType(MutableByteSpan packet, PayloadType payload_type);
void SetSeq(MutableByteSpan packet, std::uint16_t seq);
void SetTimestamp(MutableByteSpan packet, RtpTimestamp timestamp);
void SetSsrc(MutableByteSpan packet, Ssrc ssrc);

// Cuts the padding off and clears the P bit. Returns the shorter packet; `view` follows it.
[[nodiscard]] MutableByteSpan StripPadding(MutableByteSpan packet, RtpView& view);

}  // namespace fovea::rtp
