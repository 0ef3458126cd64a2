// Whether the devices that asked for tokens are still logged in. A device that was logged out or
// deleted leaves no trace in any room; the homeserver knows it, and may be asked. matrixrtc
// reference, section 6.4. Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "sfu/core/time.h"
#include "signaling/matrix/appservice_answers.h"

namespace fovea::focus {

struct DeviceKey {
  std::string user_id;
  std::string device_id;
  auto operator<=>(const DeviceKey&) const = default;
};

// A client names its device itself, and may name one that never was. So a device is gone when the
// homeserver has shown it to us before and then says that there is none.
//
// Invariants:
//  (1) Everything in queue_ is known, not under way, and due at that time.
//  (2) At most kDeviceQuestionsMax questions are under way.
// Limits: one entry per row of AdmissionTable at most.
class DeviceWatch {
 public:
  // How often a device that is connected is asked about. Shorter notices a logout earlier and costs
  // the homeserver a request per device; where it pushes hints, they are what is fast.
  static constexpr Duration kAskEvery = Seconds(60);

  // A token was given to it, or forgotten.
  void Add(Instant now, const DeviceKey& device);
  void Remove(const DeviceKey& device);
  void HandleConnected(Instant now, const DeviceKey& device);
  void HandleLeft(const DeviceKey& device);
  // The homeserver says that something changed about that user's devices.
  void HandleHint(Instant now, const std::string& user_id);

  // The next device to ask about, or nothing. Each is answered once, by HandleAnswer.
  [[nodiscard]] std::optional<DeviceKey> Poll(Instant now);
  // True: it was there and is no more.
  [[nodiscard]] bool HandleAnswer(Instant now, const DeviceKey& device,
                                  matrix::DeviceAnswer answer);
  [[nodiscard]] Instant NextDeadline() const;
  [[nodiscard]] std::size_t size() const { return devices_.size(); }
  [[nodiscard]] bool IsConsistent() const;

 private:
  struct Device {
    int tokens = 0;
    int connections = 0;
    bool was_seen = false;
    bool is_under_way = false;
    bool asks_again = false;  // a hint came while it was under way
    Instant due_at = kNever;  // kNever: not queued
  };
  void Queue(const DeviceKey& key, Device& device, Instant at);

  std::map<DeviceKey, Device> devices_;
  std::set<std::pair<Instant, DeviceKey>> queue_;
  std::size_t under_way_ = 0;
};

}  // namespace fovea::focus
