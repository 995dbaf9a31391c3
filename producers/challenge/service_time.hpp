#pragma once
// How long a GPU takes for a batch of inferences, by the roofline model (S. Williams, A. Waterman, D. Patterson, "Roofline: An
// Insightful Visual Performance Model for Multicore Architectures", CACM 52(4), 2009):
//
//   roofline(b) = max( b x FLOP / (peak of the precision x compute share),
//                      (b x activations x accesses + parameters) x bytes of the precision / (bandwidth x memory share) )
//
//   seconds(b)  = launch + roofline(b), or the larger of the two where one batch is launched while the one before is computed
//
// docs/challenge.md says where each figure is from and how far the model is off what NVIDIA has published. Pure, any thread.
#include <string>
#include <string_view>
#include <vector>

namespace oppen::challenge {

enum class Precision { fp32, fp16, int8 };
inline constexpr Precision all_precisions[] = {Precision::fp32, Precision::fp16, Precision::int8};
std::string_view to_string(Precision precision);  // "FP32"
double bytes_of(Precision precision);

// As the datasheet says.
struct Gpu {
  std::string type;
  double tera_per_second[3] = {};  // operations of FP32, FP16 (tensor cores), INT8
  double gigabytes_per_second = 0;
  bool has_int8 = true;  // false: the datasheet names no rate, that of FP16 stands in its place
};
const std::vector<Gpu>& gpus();            // T4, V100, A100
const Gpu* gpu_of(std::string_view type);  // nullptr: not known

// A neural network, by one inference.
struct Network {
  std::string name;
  double giga_operations = 0;  // floating point; a multiply-add is two
  double million_parameters = 0;
  double million_activations = 0;   // outputs of its layers
  double accuracy_percent[3] = {};  // by precision
};
const Network& resnet50();

// What runs it.
struct Runtime {
  std::string name;
  double launch_seconds = 0;  // of a batch, whatever its size
  bool overlaps = false;      // layers are launched while those before are computed
  double accesses = 0;        // of each activation in the GPU's memory
};
const Runtime& engine();  // compiled and fused, as by TensorRT
const Runtime& eager();   // layer by layer, as by PyTorch

// Of what the datasheet promises, how much is reached.
inline constexpr double compute_share = 0.53;
inline constexpr double memory_share = 0.45;

double batch_seconds(const Network& network, const Gpu& gpu, Precision precision, int batch_size,
                     const Runtime& runtime);

}  // namespace oppen::challenge
