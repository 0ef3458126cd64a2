#include "signaling/focus/device_watch.h"

#include <utility>

#include "sfu/core/limits.h"

namespace fovea::focus {

void DeviceWatch::Queue(const DeviceKey& key, Device& device, Instant at) {
  if (device.due_at != kNever) queue_.erase({device.due_at, key});
  device.due_at = at;
  if (at != kNever) queue_.emplace(at, key);
}

void DeviceWatch::Add(Instant now, const DeviceKey& key) {
  Device& device = devices_[key];
  ++device.tokens;
  if (!device.was_seen && !device.is_under_way) Queue(key, device, now);
}

void DeviceWatch::Remove(const DeviceKey& key) {
  const auto it = devices_.find(key);
  if (it == devices_.end() || --it->second.tokens > 0) return;
  Queue(key, it->second, kNever);
  if (it->second.is_under_way) --under_way_;
  devices_.erase(it);
}

void DeviceWatch::HandleConnected(Instant now, const DeviceKey& key) {
  const auto it = devices_.find(key);
  if (it == devices_.end()) return;
  Device& device = it->second;
  ++device.connections;
  if (!device.is_under_way && device.due_at == kNever) Queue(key, device, now + kAskEvery);
}

void DeviceWatch::HandleLeft(const DeviceKey& key) {
  const auto it = devices_.find(key);
  if (it != devices_.end() && it->second.connections > 0) --it->second.connections;
}

void DeviceWatch::HandleHint(Instant now, const std::string& user_id) {
  for (auto it = devices_.lower_bound({user_id, {}});
       it != devices_.end() && it->first.user_id == user_id; ++it) {
    if (it->second.is_under_way) {
      it->second.asks_again = true;
    } else {
      Queue(it->first, it->second, now);
    }
  }
}

std::optional<DeviceKey> DeviceWatch::Poll(Instant now) {
  if (under_way_ >= limits::kDeviceQuestionsMax || queue_.empty() || queue_.begin()->first > now) {
    return std::nullopt;
  }
  DeviceKey key = queue_.begin()->second;
  Device& device = devices_.at(key);
  Queue(key, device, kNever);
  device.is_under_way = true;
  ++under_way_;
  return key;
}

bool DeviceWatch::HandleAnswer(Instant now, const DeviceKey& key, matrix::DeviceAnswer answer) {
  const auto it = devices_.find(key);
  // Forgotten, and perhaps known anew, since the question left.
  if (it == devices_.end() || !it->second.is_under_way) return false;
  Device& device = it->second;
  device.is_under_way = false;
  --under_way_;
  const bool asks_again = std::exchange(device.asks_again, false);
  switch (answer) {
    case matrix::DeviceAnswer::kThere:
      device.was_seen = true;
      break;
    case matrix::DeviceAnswer::kGone:
      // Never seen: whatever the client called its device, there is nothing to wait for.
      return std::exchange(device.was_seen, false);
    case matrix::DeviceAnswer::kUnknown:
      Queue(key, device, now + kAskEvery);
      return false;
  }
  if (asks_again) {
    Queue(key, device, now);
  } else if (device.connections > 0) {
    Queue(key, device, now + kAskEvery);
  }
  return false;
}

Instant DeviceWatch::NextDeadline() const {
  if (queue_.empty() || under_way_ >= limits::kDeviceQuestionsMax) return kNever;
  return queue_.begin()->first;
}

bool DeviceWatch::IsConsistent() const {
  std::size_t queued = 0;
  std::size_t under_way = 0;
  for (const auto& [key, device] : devices_) {
    if (device.tokens <= 0) return false;
    if (device.is_under_way) ++under_way;
    if (device.due_at == kNever) continue;
    ++queued;
    if (device.is_under_way || !queue_.contains({device.due_at, key})) return false;
  }
  return queued == queue_.size() && under_way == under_way_ &&
         under_way_ <= limits::kDeviceQuestionsMax;
}

}  // namespace fovea::focus
