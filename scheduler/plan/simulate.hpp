#pragma once
// What a batch would do if it were submitted now. Pure; any thread; the spans are borrowed for the call.
// See project.hpp for how starts are projected, and what can't be known.
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "scheduler/plan/played.hpp"
#include "scheduler/plan/project.hpp"

namespace oppen::plan {

struct Simulation {
  std::vector<Expected> batch;  // in its own order
  // Of the jobs that wait already: those whose p50 start would be later.
  std::size_t delayed = 0;
  double mean_delay_seconds = 0;  // of these
  double longest_delay_seconds = 0;
  std::optional<std::size_t> longest_delayed;  // index in view.waiting
};

// Each job of the batch goes behind the waiting ones of its priority. Its dependencies are indices as in
// View::dependencies, where view.waiting.size() + view.running.size() + i is the i-th of the batch. Costs
// two projections of the whole queue.
Simulation simulate(const View& view, std::span<const Waiting> batch,
                    std::span<const std::uint32_t> batch_dependencies);
// Without the delays of others: costs what lies before the last of the batch, as far as that has not been played through. `queue`: as
// Played has it.
std::vector<Expected> simulate_batch(const View& view, std::span<const Waiting> batch,
                                     std::span<const std::uint32_t> batch_dependencies,
                                     Played& played, Played::Queue queue);

}  // namespace oppen::plan
