#include "sfu/control/worker_proxy.h"

namespace fovea::control {

void WorkerProxy::Post(const WorkerCommand& command) {
  // Behind a waiting command nothing may overtake: order is part of the contract.
  if (!outbox_.empty() || !channel_.commands.TryPush(command)) outbox_.push_back(command);
  dirty_ = true;
}

bool WorkerProxy::PostAppData(const AppData& data) {
  dirty_ = true;
  return channel_.app_data_down.TryPush(data);
}

void WorkerProxy::Flush() {
  while (!outbox_.empty() && channel_.commands.TryPush(outbox_.front())) {
    outbox_.pop_front();
    dirty_ = true;
  }
  if (!dirty_) return;
  dirty_ = !outbox_.empty();
  if (channel_.worker_parker.TakeWake() && waker_ != nullptr) waker_->Wake();
}

}  // namespace fovea::control
