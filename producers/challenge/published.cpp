#include "producers/challenge/published.hpp"

namespace oppen::challenge {
namespace {

// github.com/mlcommons/inference_results_v0.7 and _v1.0, closed/NVIDIA/results/{T4x1_TRT,A100-PCIex1_TRT}/resnet50: single stream by its
// mean latency, offline by its samples a second. No batch is told of offline: the model is asked for 128.
const std::string mlperf_07 = "MLPerf Inference v0.7, T4x1_TRT";
const std::string mlperf_10 = "MLPerf Inference v1.0, A100-PCIex1_TRT";
// github.com/NVIDIA/DeepLearningExamples, PyTorch/Classification/ConvNets/resnet50v1.5/README.md, "Inference performance results", of
// pytorch-21.03, by their mean latency.
const std::string examples = "NVIDIA DeepLearningExamples, PyTorch";

constexpr int offline_batch = 128;

double offline_ms(double samples_per_second) { return 1e3 * offline_batch / samples_per_second; }

}  // namespace

const std::vector<Published>& published() {
  using enum Precision;
  static const std::vector<Published> results = {
      {"T4", int8, 1, &engine(), 1.000, mlperf_07 + ", single stream"},
      {"T4", int8, offline_batch, &engine(), offline_ms(6'035.57), mlperf_07 + ", offline"},
      {"A100", int8, 1, &engine(), 0.497, mlperf_10 + ", single stream"},
      {"A100", int8, offline_batch, &engine(), offline_ms(31'063.5), mlperf_10 + ", offline"},
      {"T4", fp32, 1, &eager(), 10.7, examples},
      {"T4", fp32, 8, &eager(), 22.41, examples},
      {"T4", fp32, 128, &eager(), 309.26, examples},
      {"T4", fp16, 1, &eager(), 12.96, examples},
      {"T4", fp16, 8, &eager(), 12.82, examples},
      {"T4", fp16, 128, &eager(), 114.24, examples},
      {"V100", fp32, 1, &eager(), 10.37, examples},
      {"V100", fp32, 8, &eager(), 11.5, examples},
      {"V100", fp32, 128, &eager(), 109.26, examples},
      {"V100", fp16, 1, &eager(), 12.78, examples},
      {"V100", fp16, 8, &eager(), 13.65, examples},
      {"V100", fp16, 128, &eager(), 43.55, examples},
  };
  return results;
}

double model_ms(const Published& result) {
  return 1e3 * batch_seconds(resnet50(), *gpu_of(result.gpu_type), result.precision,
                             result.batch_size, *result.runtime);
}

double error_percent(const Published& result) {
  return 100 * (model_ms(result) / result.batch_ms - 1);
}

}  // namespace oppen::challenge
