#include "workers/cost/books/charge_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace oppen::cost {
namespace {

using nlohmann::json;

struct Amount {
  char letter;
  std::int64_t Spent::*value;
};
constexpr Amount day_amounts[] = {
    {'g', &Spent::gpu_microusd},
    {'c', &Spent::cpu_microusd},
    {'m', &Spent::memory_microusd},
    {'r', &Spent::run_ms},
    {'G', &Spent::gpu_ms},
    {'C', &Spent::core_ms},
    {'Y', &Spent::gib_ms},
    {'M', &Spent::measured_microusd},
    {'E', &Spent::effective_microusd},
};

}  // namespace

Spent spent_of(const CostAccrued& charge) {
  Spent spent;
  spent.gpu_microusd = charge.gpu.value;
  spent.cpu_microusd = charge.cpu.value;
  spent.memory_microusd = charge.memory.value;
  spent.total_microusd = charge.total.value;
  spent.run_ms = (charge.interval_end - charge.interval_start).count();
  if (charge.correction) spent.run_ms = -spent.run_ms;
  const auto times = [&](double held) {
    return std::llround(static_cast<double>(spent.run_ms) * held);
  };
  constexpr double bytes_of_gib = 1 << 30;
  spent.gpu_ms = times(charge.gpus.value_or(0));
  spent.core_ms = times(charge.cpu_cores.value_or(0));
  spent.gib_ms = times(static_cast<double>(charge.memory_bytes.value_or(0)) / bytes_of_gib);
  return spent;
}

DayKey day_key_of(const CostAccrued& charge) {
  return {std::chrono::floor<std::chrono::days>(charge.interval_start),
          charge.team,
          charge.project,
          charge.model_type,
          charge.workload_type,
          charge.gpu_type,
          charge.pod_namespace};
}

std::string day_text(std::chrono::sys_days day) {
  const std::chrono::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::vector<std::pair<std::string, std::int64_t>> day_fields(const DayRow& row) {
  const auto& [day, team, project, model_type, workload_type, gpu_type, pod_namespace] = row.key;
  const auto key = json{team, project, model_type, workload_type, gpu_type, pod_namespace}.dump(
      -1, ' ', false, json::error_handler_t::replace);
  std::vector<std::pair<std::string, std::int64_t>> fields;
  for (const auto& [letter, value] : day_amounts) {
    if (row.spent.*value != 0) fields.emplace_back(letter + key, row.spent.*value);
  }
  return fields;
}

std::size_t DayRows::number_of(Key key) {
  return numbers_.try_emplace(std::move(key), numbers_.size()).first->second;
}

Spent& DayRows::at(std::chrono::sys_days day, std::size_t number) {
  auto& spent = days_[day];
  if (spent.size() <= number) spent.resize(number + 1);
  if (!spent[number]) spent[number].emplace();
  return *spent[number];
}

void DayRows::add(const DayRow& row) {
  const auto& [day, team, project, model_type, workload_type, gpu_type, pod_namespace] = row.key;
  at(day, number_of({team, project, model_type, workload_type, gpu_type, pod_namespace})) +=
      row.spent;
}

bool DayRows::add(std::chrono::sys_days day, std::string_view field, std::int64_t amount) {
  if (field.empty()) return false;
  const auto* const known_amount =
      std::find_if(std::begin(day_amounts), std::end(day_amounts),
                   [&field](const Amount& one) { return one.letter == field.front(); });
  if (known_amount == std::end(day_amounts)) return false;
  const auto text = field.substr(1);
  auto known = known_.find(text);
  if (known == known_.end()) {
    const auto key = json::parse(text, nullptr, false);
    if (!key.is_array() || key.size() != 6 ||
        !std::all_of(key.begin(), key.end(), [](const json& part) { return part.is_string(); }))
      return false;
    known = known_.emplace(text, number_of({key[0], key[1], key[2], key[3], key[4], key[5]})).first;
  }
  auto& spent = at(day, known->second);
  spent.*(known_amount->value) += amount;
  spent.total_microusd = spent.gpu_microusd + spent.cpu_microusd + spent.memory_microusd;
  return true;
}

std::vector<DayRow> DayRows::take() {
  std::vector<DayRow> rows;
  for (const auto& [day, all_spent] : days_) {
    for (const auto& [key, number] : numbers_) {
      if (number >= all_spent.size() || !all_spent[number]) continue;
      const auto& [team, project, model_type, workload_type, gpu_type, pod_namespace] = key;
      rows.push_back({{day, team, project, model_type, workload_type, gpu_type, pod_namespace},
                      *all_spent[number]});
    }
  }
  *this = {};
  return rows;
}

}  // namespace oppen::cost
