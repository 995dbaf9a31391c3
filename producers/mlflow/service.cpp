#include "producers/mlflow/service.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace oppen::mlflow {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds longest_backoff = 60s;

void wait(std::chrono::seconds duration, runtime::Health& health, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any turn;
  std::unique_lock lock(mutex);
  const auto end = std::chrono::steady_clock::now() + duration;
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < end) {
    health.beat();
    turn.wait_until(lock, stop, std::min(end, std::chrono::steady_clock::now() + 1s),
                    [] { return false; });
  }
}

}  // namespace

Status run_service(Bridge& bridge, const HttpApi& api, runtime::Health& health,
                   std::chrono::seconds interval, const std::stop_token& stop) {
  const SystemClock clock;
  runtime::Recurring trouble;
  auto backoff = 1s;
  while (!stop.stop_requested()) {
    const auto passed = bridge.pass(clock.now());
    if (stop.stop_requested()) break;
    if (passed) {
      if (trouble.end()) SPDLOG_INFO("going on");
      backoff = 1s;
      wait(interval, health, stop);
      continue;
    }
    if (passed.error().kind == ErrorKind::fatal) return passed;
    if (trouble.begin_or_due()) SPDLOG_WARN("trying again: {}", passed.error().message);
    wait(std::max(backoff, api.retry_after()), health, stop);
    backoff = std::min(2 * backoff, longest_backoff);
  }
  return {};
}

}  // namespace oppen::mlflow
