#pragma once
// What the rule of daily cost is told: what was spent, and what else happened that may explain it. Plain values.
#include <cstdint>
#include <string>

#include "schemas/control.hpp"
#include "schemas/costs.hpp"
#include "schemas/time.hpp"
#include "schemas/units.hpp"

namespace oppen::anomaly {

// By what spending is told apart; "" where it is not known.
struct SpentOn {
  std::string team;
  std::string project;
  std::string model_type;
  std::string gpu_type;
  std::string pod_namespace;
  std::string workload_type;
};

struct Spending {
  std::string id;  // ce_id; whoever calls has dropped repetitions
  Time start{};
  Time end{};
  MicroUsd amount;  // negative for a correction
  std::string job_id;
  int attempt = 0;
  SpentOn on;
  double units = 1;            // GPUs held; cores of what has no GPU; 1 where neither is told
  double time_multiplier = 1;  // what the hour of the day does to the price
  bool spot = false;           // paid as spot
};

Spending spending_of(std::string id, const CostAccrued& cost);

enum class NoteKind : std::uint8_t { queued, started, requeued, failed, gpu_fault, price_change };
inline constexpr std::size_t note_kinds = 6;

struct Note {
  NoteKind kind = NoteKind::queued;
  Time at{};
  SpentOn on;  // of a price change the GPU type alone, or nothing
  int gpus = 0;
};

// Policies whose prices are others than before.
Note note_of(const PolicyChanged& event);

}  // namespace oppen::anomaly
