#include "workers/cost/idle/idle_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace oppen::cost {
namespace {

using nlohmann::json;
using Wide = GpuTimeSum;

constexpr struct {
  char letter;
  std::int64_t GpuTime::*which;
} idle_times[] = {{'c', &GpuTime::capacity}, {'t', &GpuTime::taken}, {'u', &GpuTime::unknown}};

// Half up; at most a quarter of the largest amount there is, so that the sums of a row are amounts, too.
std::int64_t microusd_of(std::int64_t time, const IdleKey& key) {
  constexpr Wide largest = std::numeric_limits<std::int64_t>::max() / 4;
  constexpr Wide unit = Wide{3'600'000} * 1'000'000 * 1'000'000;
  Wide product = 0;
  if (__builtin_mul_overflow(Wide{time} * key.rate, Wide{key.multiplier}, &product))
    return static_cast<std::int64_t>(time < 0 ? -largest : largest);
  const Wide raised = product + unit / 2;
  const Wide rounded = raised / unit - (raised % unit < 0 ? 1 : 0);
  return static_cast<std::int64_t>(std::clamp(rounded, -largest, largest));
}

// What is absurd, and more than an amount can be, is the largest one.
void add_up(std::int64_t& sum, std::int64_t amount) {
  if (__builtin_add_overflow(sum, amount, &sum))
    sum = amount < 0 ? std::numeric_limits<std::int64_t>::min()
                     : std::numeric_limits<std::int64_t>::max();
}

}  // namespace

std::string idle_day(std::chrono::sys_days day) {
  const std::chrono::year_month_day date(day);
  return fmt::format("idle:{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::string idle_field(const IdleKey& key, std::int64_t GpuTime::*which) {
  const auto* const found = std::find_if(std::begin(idle_times), std::end(idle_times),
                                         [&](const auto& one) { return one.which == which; });
  return found->letter + json{key.node, key.gpu_type, key.rate, key.multiplier}.dump(
                             -1, ' ', false, json::error_handler_t::replace);
}

bool add_idle_field(IdleRows& rows, std::chrono::sys_days day, std::string_view field,
                    std::int64_t amount) {
  if (field.empty()) return false;
  const auto* const found =
      std::find_if(std::begin(idle_times), std::end(idle_times),
                   [&](const auto& one) { return one.letter == field.front(); });
  const auto key = json::parse(field.substr(1), nullptr, false);
  if (found == std::end(idle_times) || !key.is_array() || key.size() != 4 || !key[0].is_string() ||
      !key[1].is_string() || !key[2].is_number_integer() || !key[3].is_number_integer())
    return false;
  add_up(rows[{day, key[0], key[1], key[2], key[3]}].*(found->which), amount);
  return true;
}

IdleSum& IdleSum::operator+=(const IdleSum& other) {
  add_up(capacity_microusd, other.capacity_microusd);
  add_up(taken_microusd, other.taken_microusd);
  add_up(idle_microusd, other.idle_microusd);
  add_up(unreconciled_microusd, other.unreconciled_microusd);
  capacity_time += other.capacity_time;
  taken_time += other.taken_time;
  idle_time += other.idle_time;
  unreconciled_time += other.unreconciled_time;
  return *this;
}

IdleSum sum_of(const IdleKey& key, const GpuTime& time) {
  IdleSum sum;
  sum.capacity_microusd = microusd_of(time.capacity, key);
  const auto taken = microusd_of(time.taken, key);
  const auto unknown = microusd_of(time.unknown, key);
  sum.taken_microusd = taken + unknown;
  // More than there was is no negative idleness: it is a line of its own.
  sum.idle_microusd = std::max<std::int64_t>(sum.capacity_microusd - taken, 0);
  sum.unreconciled_microusd = unknown + std::max<std::int64_t>(taken - sum.capacity_microusd, 0);
  sum.capacity_time = time.capacity;
  sum.taken_time = Wide{time.taken} + time.unknown;
  sum.idle_time = std::max<Wide>(Wide{time.capacity} - time.taken, 0);
  sum.unreconciled_time = time.unknown + std::max<Wide>(Wide{time.taken} - time.capacity, 0);
  return sum;
}

void IdleSums::add(const IdleKey& key, const GpuTime& time) {
  const auto sum = sum_of(key, time);
  total += sum;
  gpu_types[key.gpu_type] += sum;
  nodes[key.node] += sum;
  days[{key.day, key.gpu_type}] += sum;
}

}  // namespace oppen::cost
