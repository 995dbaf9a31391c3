#include "scheduler/kube/pulse.hpp"

#include <chrono>
#include <utility>

namespace oppen::kube {
namespace {

constexpr std::chrono::milliseconds period{5'000};
// A server under load answers this path before others, but may be slow all the same.
constexpr std::chrono::milliseconds patience{10'000};

}  // namespace

Pulse::Pulse(ApiCaller& caller, std::function<void(const Status&)> on_health)
    : caller_(caller), on_health_(std::move(on_health)) {}

void Pulse::ask() {
  runtime::HttpRequest request = caller_.access().request("GET", "/livez");
  request.timeout = patience;
  // Past the caller's queue: what hangs there must not hold this up.
  caller_.http().start(std::move(request), [this](const Result<runtime::HttpResponse>& answer) {
    if (answer) {
      on_health_({});
    } else {
      on_health_(
          fail(Error{answer.error()}.in_context("asking the API server for a sign of life")));
    }
    caller_.http().run_after(period, [this] { ask(); });
  });
}

}  // namespace oppen::kube
