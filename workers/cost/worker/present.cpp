#include "workers/cost/worker/present.hpp"

#include <algorithm>

#include "workers/runtime/log.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto ask_every = 10s;
constexpr auto worth_saying = 1min;

}  // namespace

Result<Time> Present::now() {
  const auto steady = steady_clock::now();
  if (!told_at_ || steady >= *told_at_ + ask_every) {
    const auto told = other_();
    if (!told) return fail(told.error());
    told_ = *told;
    told_at_ = steady;
  }
  const Time ours = clock_.now();
  const Time theirs =
      told_ + std::chrono::duration_cast<std::chrono::milliseconds>(steady - *told_at_);
  const bool differ = ours > theirs + worth_saying || theirs > ours + worth_saying;
  if (differ && !differ_)
    spdlog::warn("the clock here says {}, Redis' {}: charges go by the earlier one",
                 to_rfc3339(ours), to_rfc3339(theirs));
  differ_ = differ;
  return std::min(ours, theirs);
}

}  // namespace oppen::cost
