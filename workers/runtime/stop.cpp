#include "workers/runtime/stop.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

namespace oppen::runtime {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

struct StopSignal::Impl {
  std::stop_source source;
  std::atomic<bool> ending{false};
  std::thread waiter;

  void wait_for_signals() {
    const auto signals = stop_signals();
    for (int received = 0;;) {
      int signal = 0;
      if (sigwait(&signals, &signal) != 0) continue;
      if (ending) return;
      if (++received > 1) _exit(130);
      source.request_stop();
    }
  }
};

StopSignal::StopSignal() : impl_(std::make_unique<Impl>()) {
  const auto signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE,
              SIG_IGN);  // a peer that went away is an error of write(), not of the process
  impl_->waiter = std::thread([state = impl_.get()] { state->wait_for_signals(); });
}

StopSignal::~StopSignal() {
  impl_->ending = true;
  pthread_kill(impl_->waiter.native_handle(), SIGTERM);  // wakes the sigwait of that thread alone
  impl_->waiter.join();
}

std::stop_token StopSignal::token() const { return impl_->source.get_token(); }

void StopSignal::request() { impl_->source.request_stop(); }

}  // namespace oppen::runtime
