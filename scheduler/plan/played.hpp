#pragma once
// What has been played through of a long queue, for the next who asks about jobs behind the same others: a batch and the same one on spot
// nodes, say. One thread.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "scheduler/plan/project.hpp"

namespace oppen::plan {

class Played {
 public:
  using Queue = std::chrono::steady_clock::time_point;

  Played();
  ~Played();
  Played(const Played&) = delete;
  Played& operator=(const Played&) = delete;

  // As project. `queue` tells the reading of what waits and runs before the first of these jobs, of which nothing but policies, quotas and
  // windows may have changed since.
  std::vector<Expected> project(const View& view, std::span<const std::uint32_t> indices,
                                Queue queue);

  // How often what was kept counted.
  std::size_t hits() const { return hits_; }

 private:
  struct Kept;
  std::unique_ptr<Kept> kept_;
  std::size_t hits_ = 0;
};

}  // namespace oppen::plan
