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
  return json + "}\n";
}

}  // namespace oppen::digits_trainer
