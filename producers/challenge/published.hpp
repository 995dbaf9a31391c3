#pragma once
// Inference results of ResNet-50 v1.5 that NVIDIA has published, and how far the model is off them. Pure, any thread.
#include <string>
#include <vector>

#include "producers/challenge/service_time.hpp"

namespace oppen::challenge {

struct Published {
  std::string gpu_type;
  Precision precision = Precision::fp32;
  int batch_size = 1;
  const Runtime* runtime = nullptr;
  double batch_ms = 0;  // published, or the batch over the published rate
  std::string source;
};
const std::vector<Published>& published();

double model_ms(const Published& result);
// Of the model's time, against the published: 10 when it is 10 % too slow.
double error_percent(const Published& result);

}  // namespace oppen::challenge
