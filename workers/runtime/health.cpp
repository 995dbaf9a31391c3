#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>

#include "workers/runtime/health_server.hpp"

namespace oppen::runtime {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds stall_after{30};

}  // namespace

struct Health::Impl {
  std::atomic<Clock::time_point> last_beat{Clock::now()};
  std::mutex mutex;
  std::map<std::string, std::string> dependencies;  // "ok", or why not
};

Health::Health() : impl_(std::make_unique<Impl>()) {}
Health::~Health() = default;

void Health::beat() { impl_->last_beat = Clock::now(); }

void Health::set(const std::string& dependency, const Status& status) {
  const std::lock_guard lock(impl_->mutex);
  impl_->dependencies[dependency] = status ? "ok" : status.error().message;
}

bool Health::alive() const { return Clock::now() - impl_->last_beat.load() < stall_after; }

bool Health::ready() const {
  const std::lock_guard lock(impl_->mutex);
  for (const auto& [name, state] : impl_->dependencies) {
    if (state != "ok") return false;
  }
  return true;
}

std::string Health::readiness_json() const {
  const bool is_ready = ready();
  const std::lock_guard lock(impl_->mutex);
  return nlohmann::json{{"ready", is_ready}, {"dependencies", impl_->dependencies}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace oppen::runtime
