#pragma once
// The names of what is watched: a series by its dimension and value, a workload by the values of all dimensions. Pure functions, any thread.
#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "workers/anomaly/spend/spending.hpp"

namespace oppen::anomaly {

inline constexpr std::array<std::string_view, 5> spend_dimensions{"team", "project", "model_type",
                                                                  "gpu_type", "namespace"};
inline constexpr char between_parts = '\x1f';
using Values = std::array<std::string, spend_dimensions.size()>;

struct WorkloadKey {
  Values values;
  std::string workload_type;
  bool spot = false;
  auto operator<=>(const WorkloadKey&) const = default;
};

Values values_of(const SpentOn& on);
std::string series_key(std::string_view dimension, std::string_view value);
const std::string& total_key();
std::vector<std::string> parts_of(std::string_view text);
std::string text_of(const WorkloadKey& key);
WorkloadKey workload_key(const std::vector<std::string>& parts);  // of text_of; seven
std::map<std::string, std::string> labels_of(const std::string& key);
bool contains(const std::string& series, const WorkloadKey& workload);
// In this order what tells the same is told.
std::size_t rank_of(const std::string& series);

}  // namespace oppen::anomaly
