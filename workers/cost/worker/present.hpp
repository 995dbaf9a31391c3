#pragma once
// What time it is, by the earlier of two clocks: one that has jumped ahead would charge what has not run yet. One thread.
#include <chrono>
#include <functional>

#include "schemas/error.hpp"
#include "schemas/time.hpp"

namespace oppen::cost {

class Present {
 public:
  // `clock` must outlive this. `other` asks the second one, Redis'; it is asked at times and goes on by the steady clock meanwhile.
  Present(const Clock& clock, std::function<Result<Time>()> other)
      : clock_(clock), other_(std::move(other)) {}

  // Errors: of `other`.
  Result<Time> now();

 private:
  const Clock& clock_;
  std::function<Result<Time>()> other_;
  Time told_{};
  std::optional<std::chrono::steady_clock::time_point> told_at_;
  bool differ_ = false;
};

}  // namespace oppen::cost
