#pragma once
// What the GPUs of a node could do on a day, and how much of that attempts took: as it is stored, and in money. Plain values, pure functions.
//
// Time of GPUs is an integer, in millionths of a GPU times milliseconds, so that it adds up exactly, shares of a GPU included. Money is made of
// it once for each row, at the list rate: without the multipliers of time and priority, which say what a job pays, not what the GPU is worth;
// with the one of spot on a spot node. What is rounded is capacity, and what was taken, each once (half up); what is idle is their difference.
#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace oppen::cost {

struct IdleKey {
  std::chrono::sys_days day;  // of UTC
  std::string node;
  std::string gpu_type;
  std::int64_t rate = 0;        // of a GPU, in micro-dollars an hour
  std::int64_t multiplier = 0;  // in millionths: of spot, else 1,000,000

  auto operator<=>(const IdleKey&) const = default;
};

// In millionths of a GPU times milliseconds: of a node on a day.
struct GpuTime {
  std::int64_t capacity = 0;  // while the node was up, as far as is known
  std::int64_t taken = 0;     // of that, by attempts, as they were charged
  std::int64_t unknown =
      0;  // charged on the node while it was not known to be up, or was never seen
};

using IdleRows = std::map<IdleKey, GpuTime>;

// The hash of a day.
std::string idle_day(std::chrono::sys_days day);
// Its field for one of the times of a row.
std::string idle_field(const IdleKey& key, std::int64_t GpuTime::*which);
// Adds such a field. False when it is none.
bool add_idle_field(IdleRows& rows, std::chrono::sys_days day, std::string_view field,
                    std::int64_t amount);

// The same of many nodes and days: 64 bits hold 106,751 days of a GPU, which a thousand have in a hundred days.
__extension__ using GpuTimeSum = __int128;

// capacity + unreconciled = taken + idle, in money and in time.
struct IdleSum {
  std::int64_t capacity_microusd = 0;
  std::int64_t taken_microusd = 0;  // at the list rate
  std::int64_t idle_microusd = 0;
  std::int64_t unreconciled_microusd = 0;  // taken beyond what is known to have been there
  GpuTimeSum capacity_time = 0;
  GpuTimeSum taken_time = 0;
  GpuTimeSum idle_time = 0;
  GpuTimeSum unreconciled_time = 0;

  IdleSum& operator+=(const IdleSum& other);
};
IdleSum sum_of(const IdleKey& key, const GpuTime& time);

// Of some days.
struct IdleSums {
  IdleSum total;
  std::map<std::string, IdleSum> gpu_types;
  std::map<std::string, IdleSum> nodes;
  std::map<std::pair<std::chrono::sys_days, std::string>, IdleSum> days;  // by type of GPU

  void add(const IdleKey& key, const GpuTime& time);
};

}  // namespace oppen::cost
