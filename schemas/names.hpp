#pragma once
// The names of the enumerations as the events spell them, in one table each. Constants, any thread.
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "schemas/job.hpp"

namespace oppen {

// In the order of the enumerators, which count from 0.
template <class Enum>
inline constexpr auto names = nullptr;
template <>
inline constexpr std::array<std::string_view, 3> names<Priority> = {"urgent", "normal",
                                                                    "background"};
template <>
inline constexpr std::array<std::string_view, 8> names<JobState> = {
    "queued", "launching", "running", "cancelling", "succeeded", "failed", "cancelled", "rejected"};
template <>
inline constexpr std::array<std::string_view, 8> names<FailureClass> = {
    "user_error", "oom", "node", "lost", "preempted", "deadline", "launch", "dependency"};

template <class Enum>
std::string_view name_of(Enum value) {
  return names<Enum>[static_cast<std::size_t>(value)];
}

template <class Enum>
std::optional<Enum> named(std::string_view text) {
  for (std::size_t i = 0; i < names<Enum>.size(); ++i) {
    if (names<Enum>[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace oppen
