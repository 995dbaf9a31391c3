#include "workers/cost/budgets/unseen.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace oppen::budgets {
namespace {

constexpr std::string_view unnamed = "-";  // which is no label value

std::string name_of(std::string_view word) { return std::string(word == unnamed ? "" : word); }

}  // namespace

std::string unseen_field(const std::string& team, const std::string& project, Time ended) {
  const auto step =
      std::chrono::floor<std::chrono::seconds>(ended.time_since_epoch()) / unseen_step;
  const auto word = [](const std::string& name) {
    return name.empty() ? unnamed : std::string_view(name);
  };
  return fmt::format("{} {} {}", step * unseen_step.count(), word(team), word(project));
}

std::optional<Commitment> read_unseen(const std::string& field, MicroUsd cost) {
  std::int64_t second = 0;
  const auto* end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, second);
  const auto first = field.find(' ');
  const auto last = field.rfind(' ');
  if (error != std::errc{} || stop == end || first == last) return std::nullopt;
  Commitment commitment;
  commitment.team = name_of(std::string_view(field).substr(first + 1, last - first - 1));
  commitment.project = name_of(std::string_view(field).substr(last + 1));
  commitment.cost = cost;
  commitment.ended = Time(std::chrono::seconds(second)) + unseen_step;
  return commitment;
}

std::optional<Commitment> read_reserved(const std::string& pair, MicroUsd cost) {
  const auto space = pair.find(' ');
  if (space == std::string::npos) return std::nullopt;
  Commitment commitment;
  commitment.team = name_of(std::string_view(pair).substr(0, space));
  commitment.project = name_of(std::string_view(pair).substr(space + 1));
  commitment.cost = cost;
  return commitment;
}

}  // namespace oppen::budgets
