#pragma once
// A bench that can't measure ends at once, with the reason and exit code 1. Its servers are
// bench/run's to stop.
#include <string>
#include <utility>

#include "schemas/error.hpp"

namespace oppen::bench {

[[noreturn]] void give_up(const std::string& doing, const std::string& why);

template <class T>
T must(Result<T> result, const std::string& doing) {
  if (!result) give_up(doing, result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace oppen::bench
