#include "deploy/images/digits-trainer/report.hpp"

#include <algorithm>
#include <cstdio>

namespace oppen::digits_trainer {
namespace {

constexpr std::size_t epochs_listed = 256;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.5g", value);
  return text;
}

// The nearest rank of `sorted`, which is not empty.
double percentile(const std::vector<double>& sorted, std::size_t percent) {
  return sorted[(sorted.size() * percent + 99) / 100 - 1];
}

}  // namespace

std::string metrics_json(const Outcome& outcome) {
  const std::vector<Epoch>& epochs = outcome.epochs;
  std::string json = "{";
  if (!epochs.empty()) {
    json += "\"accuracy\":" + number(epochs.back().accuracy);
    json += ",\"loss\":" + number(epochs.back().loss) + ",";
  }
  json += "\"epochs\":" + std::to_string(epochs.size());
  json += ",\"epoch_seconds\":[";
  for (std::size_t i = epochs.size() - std::min(epochs.size(), epochs_listed); i < epochs.size();
       ++i) {
    if (json.back() != '[') json += ',';
    json += number(epochs[i].seconds);
  }
  json += "]";
  if (outcome.seconds > 0)
    json +=
        ",\"samples_per_second\":" + number(static_cast<double>(outcome.samples) / outcome.seconds);
  if (const std::vector<double>& latencies = outcome.served.latencies; !latencies.empty()) {
    const double answers = static_cast<double>(latencies.size());
    json += ",\"requests\":" + std::to_string(latencies.size());
    json += ",\"answered_rightly\":" + number(static_cast<double>(outcome.served.right) / answers);
    json += ",\"inferences_per_second\":" + number(answers / outcome.served.seconds);
    json += ",\"latency_p50_ms\":" + number(percentile(latencies, 50) * 1000);
    json += ",\"latency_p99_ms\":" + number(percentile(latencies, 99) * 1000);
  }
  if (outcome.cpu_seconds > 0) json += ",\"cpu_seconds\":" + number(outcome.cpu_seconds);
  if (outcome.memory_peak_mb > 0) json += ",\"memory_peak_mb\":" + number(outcome.memory_peak_mb);
  return json + "}\n";
}

}  // namespace oppen::digits_trainer
