#include "producers/mlflow/value.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace oppen::mlflow {
namespace {

using nlohmann::json;

constexpr double million = 1e6;
// Of a return on investment. What is larger comes of a cost of nearly nothing, and tells nothing.
constexpr double largest = 1e12;

class Batch {
 public:
  explicit Batch(const Run& run) : run_(run) {}

  void add_metric(const char* name, double value) {
    auto at = std::max(run_.end_time_ms, run_.start_time_ms);
    if (const auto last = run_.metrics.find(name); last != run_.metrics.end())
      at = last->second.timestamp_ms + (last->second.value == value ? 0 : 1);
    metrics_.push_back({{"key", name}, {"value", value}, {"timestamp", at}, {"step", 0}});
  }

  void add_tag(const char* name, std::string text) {
    const auto present = run_.tags.find(name);
    news_ |= present == run_.tags.end() || present->second != text;
    tags_.push_back({{"key", name}, {"value", std::move(text)}});
  }

  std::optional<json> request() && {
    if (!news_) return std::nullopt;
    return json{{"run_id", run_.id}, {"metrics", std::move(metrics_)}, {"tags", std::move(tags_)}};
  }

 private:
  const Run& run_;
  json metrics_ = json::array();
  json tags_ = json::array();
  bool news_ = false;
};

}  // namespace

std::optional<json> to_write(const Run& run, const Outcome& outcome, MicroUsd cost) {
  Batch batch(run);
  batch.add_metric("oppen.cost_usd", static_cast<double>(cost.value) / million);
  batch.add_tag(cost_tag, std::to_string(cost.value));
  if (outcome.epochs > 0) {
    const auto each = std::llround(static_cast<double>(cost.value) / outcome.epochs);
    batch.add_metric("oppen.cost_per_epoch_usd", static_cast<double>(each) / million);
    batch.add_tag("oppen.cost_per_epoch_microusd", std::to_string(each));
  }
  if (outcome.improvement_percent && cost.value > 0) {
    auto roi = *outcome.improvement_percent * million / static_cast<double>(cost.value);
    if (std::abs(roi) < largest) {
      roi =
          std::round(roi * 1000) / 1000;  // more digits than that tell nothing, and are in the way
      batch.add_metric("oppen.roi", roi);
      batch.add_tag("oppen.roi", fmt::format("{:.3f}", roi));
    }
  }
  return std::move(batch).request();
}

}  // namespace oppen::mlflow
