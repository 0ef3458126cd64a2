// LiveKit room names and identities as MatrixRTC derives them. MSC4195, three generations.
// Thread: pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace fovea::matrix {

// The slot of a room's own call; what /sfu/get means, which names none.
inline constexpr std::string_view kCallSlot = "m.call#ROOM";

// Standard base64 without padding of SHA-256 over the canonical array, each of them.
[[nodiscard]] std::string RoomName(std::string_view room_id, std::string_view slot_id);
[[nodiscard]] std::string SaltedRoomName(std::string_view room_id, std::string_view slot_id,
                                         std::string_view salt);

// Generation 1: "user:device", readable.
[[nodiscard]] std::string LegacyIdentity(std::string_view user_id, std::string_view device_id);
// Generation 2.
[[nodiscard]] std::string MemberIdentity(std::string_view user_id, std::string_view device_id,
                                         std::string_view member_id);
// Generation 3: the homeserver vouches for the user, nobody for the device.
[[nodiscard]] std::string HomeserverIdentity(std::string_view user_id, std::string_view member_id);

}  // namespace fovea::matrix
