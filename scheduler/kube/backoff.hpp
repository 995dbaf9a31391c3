#pragma once
// How long to wait before asking again: doubling from `first` to `longest`, half of it by chance so
// that many clients don't come back together. One thread.
#include <algorithm>
#include <chrono>
#include <random>

namespace oppen::kube {

class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;

  Backoff(Milliseconds first, Milliseconds longest)
      : first_(first), longest_(longest), next_(first) {}

  Milliseconds next() {
    const Milliseconds bound = next_;
    next_ = std::min(next_ * 2, longest_);
    std::uniform_int_distribution<Milliseconds::rep> between(bound.count() / 2, bound.count());
    return Milliseconds{between(random_)};
  }

  void reset() { next_ = first_; }

 private:
  Milliseconds first_;
  Milliseconds longest_;
  Milliseconds next_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace oppen::kube
