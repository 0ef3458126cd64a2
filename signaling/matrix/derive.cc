#include "signaling/matrix/derive.h"

#include "sfu/crypto/hmac.h"
#include "signaling/matrix/canonical_json.h"
#include "signaling/wire/base64.h"

namespace fovea::matrix {
namespace {

std::string HashOf(const std::string& text) {
  std::string out = wire::Base64Encode(crypto::Sha256(wire::AsBytes(text)));
  while (out.ends_with('=')) out.pop_back();
  return out;
}

}  // namespace

std::string RoomName(std::string_view room_id, std::string_view slot_id) {
  return HashOf(CanonicalArray({room_id, slot_id}));
}

std::string SaltedRoomName(std::string_view room_id, std::string_view slot_id,
                           std::string_view salt) {
  return HashOf(CanonicalArray({room_id, slot_id, salt}));
}

std::string LegacyIdentity(std::string_view user_id, std::string_view device_id) {
  std::string out(user_id);
  out += ':';
  out += device_id;
  return out;
}

std::string MemberIdentity(std::string_view user_id, std::string_view device_id,
                           std::string_view member_id) {
  return HashOf(CanonicalArray({user_id, device_id, member_id}));
}

std::string HomeserverIdentity(std::string_view user_id, std::string_view member_id) {
  return HashOf(CanonicalArray({user_id, member_id}));
}

}  // namespace fovea::matrix
