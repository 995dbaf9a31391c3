#include "workers/anomaly/spend/keys.hpp"

#include <algorithm>

namespace oppen::anomaly {

Values values_of(const SpentOn& on) {
  return {on.team, on.project, on.model_type, on.gpu_type, on.pod_namespace};
}

std::string series_key(std::string_view dimension, std::string_view value) {
  return std::string(dimension) + between_parts + std::string(value);
}

const std::string& total_key() {
  static const std::string key = series_key("scope", "total");
  return key;
}

std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == between_parts)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::string text_of(const WorkloadKey& key) {
  std::string text;
  for (const auto& value : key.values) (text += value) += between_parts;
  return ((text += key.workload_type) += between_parts) += key.spot ? '1' : '0';
}

WorkloadKey workload_key(const std::vector<std::string>& parts) {
  return {{parts[0], parts[1], parts[2], parts[3], parts[4]}, parts[5], parts[6] == "1"};
}

std::map<std::string, std::string> labels_of(const std::string& key) {
  const auto parts = parts_of(key);
  return {{parts[0], parts[1]}};
}

bool contains(const std::string& series, const WorkloadKey& workload) {
  if (series == total_key()) return true;
  for (std::size_t i = 0; i < spend_dimensions.size(); ++i)
    if (series.starts_with(spend_dimensions[i]) &&
        series[spend_dimensions[i].size()] == between_parts)
      return std::string_view(series).substr(spend_dimensions[i].size() + 1) == workload.values[i];
  return false;
}

std::size_t rank_of(const std::string& series) {
  const auto dimension = series.substr(0, series.find(between_parts));
  const auto found = std::find(spend_dimensions.begin(), spend_dimensions.end(), dimension);
  return found == spend_dimensions.end()
             ? 0
             : 1 + static_cast<std::size_t>(found - spend_dimensions.begin());
}

}  // namespace oppen::anomaly
