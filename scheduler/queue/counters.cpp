#include "scheduler/queue/counters.hpp"

#include <cstdlib>
#include <string_view>

#include "scheduler/queue/keys.hpp"

namespace oppen::queue {

plan::Amounts Counters::usage_total() const {
  plan::Amounts total;
  for (const auto& part : usage) total += part;
  return total;
}

Counters parse_counters(const runtime::RedisReply& flat) {
  constexpr std::pair<char, JobState> states[] = {
      {'l', JobState::launching}, {'r', JobState::running}, {'x', JobState::cancelling},
      {'s', JobState::succeeded}, {'f', JobState::failed},  {'c', JobState::cancelled},
      {'j', JobState::rejected}};
  Counters counters;
  for (std::size_t i = 0; i + 1 < flat.elements.size(); i += 2) {
    const std::string_view field = flat.elements[i].text;
    const std::int64_t value = std::strtoll(flat.elements[i + 1].text.c_str(), nullptr, 10);
    const auto colon = field.find(':');
    if (colon == std::string_view::npos || colon + 1 >= field.size()) continue;
    const auto name = field.substr(0, colon);
    if (name == "committed" || name == "reserved") {
      auto& sums = name == "committed" ? counters.committed : counters.reserved;
      sums[std::string(field.substr(colon + 1))] = {value};
      continue;
    }
    const char priority_letter = field[colon + 1];
    const std::size_t priority = priority_letter == 'u' ? 0 : priority_letter == 'n' ? 1 : 2;
    if (name == "state") {
      for (const auto& [state_letter, state] : states) {
        if (state_letter != field.back()) continue;
        counters.jobs[state] += value;
        counters.jobs_by_priority[priority][state] = value;
      }
      continue;
    }
    if (name == "queued") counters.queued[priority] = value;
    if (name == "cost") counters.pending_cost[priority].value = value;
    if (name == "milliseconds")
      counters.pending_seconds[priority] = static_cast<double>(value) / 1000;
    if (name == "pods") counters.usage[priority].pods = value;
    if (name == "gpus") counters.usage[priority].gpus = value;
    if (name == "cpu") counters.usage[priority].cpu_millicores = value;
    if (name == "memory") counters.usage[priority].memory_bytes = value;
  }
  return counters;
}

std::vector<std::pair<std::string, MicroUsd>> parse_unseen(const runtime::RedisReply& flat) {
  std::vector<std::pair<std::string, MicroUsd>> fields;
  for (std::size_t i = 0; i + 1 < flat.elements.size(); i += 2) {
    fields.emplace_back(flat.elements[i].text,
                        MicroUsd{std::strtoll(flat.elements[i + 1].text.c_str(), nullptr, 10)});
  }
  return fields;
}

}  // namespace oppen::queue
