#include "scheduler/core/first_record.hpp"

#include <fmt/format.h>

#include <sstream>

namespace oppen::core {
namespace {

constexpr auto trying_field = "trying:jobs";

}  // namespace

Tried Tried::parse(const std::string& text) {
  std::istringstream words(text);
  Tried tried;
  if (!(words >> tried.offset >> tried.count)) return {};
  words >> tried.instance;
  return tried;
}

std::string Tried::text() const { return fmt::format("{} {} {}", offset, count, instance); }

Tried Tried::next(std::int64_t its_offset, const std::string& its_instance) const {
  if (its_offset != offset) return {its_offset, 1, its_instance};
  return {offset, its_instance == instance ? count : count + 1, its_instance};
}

FirstRecord::FirstRecord(State& state, std::string instance)
    : state_(state), instance_(std::move(instance)) {}

Result<std::optional<std::string>> FirstRecord::begin(std::int64_t offset) {
  if (std::exchange(begun_, true)) return std::nullopt;
  const auto stored = state_.store.meta(trying_field);
  if (!stored) return fail(stored.error());
  const auto before = Tried::parse(stored->value_or(""));
  const auto now = before.next(offset, instance_);
  if (now.count > Tried::most) {
    return fmt::format(
        "{} schedulers have begun this record and none has finished it: it seems to crash them",
        before.count);
  }
  open_ = true;
  return state_.commit(queue::Changes().meta(trying_field, now.text())).map([](auto&&) {
    return std::optional<std::string>();
  });
}

Status FirstRecord::end() {
  if (!std::exchange(open_, false)) return {};
  return state_.commit(queue::Changes().meta(trying_field, "")).map([](auto&&) {});
}

}  // namespace oppen::core
