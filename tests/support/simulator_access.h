// The one way to null crypto. It stands here, outside of every target that ships.
#pragma once

#include <memory>

#include "sfu/crypto/null_channel.h"

namespace fovea::crypto {

struct SimulatorAccessForTests {
  [[nodiscard]] static SimulatorAccess Make() { return {}; }
};

}  // namespace fovea::crypto

namespace fovea::test {

[[nodiscard]] inline std::unique_ptr<crypto::SecureChannel> MakeNullChannel(
    const crypto::Fingerprint& local, bool is_client) {
  return std::make_unique<crypto::NullChannel>(crypto::SimulatorAccessForTests::Make(), local,
                                               is_client);
}

}  // namespace fovea::test
