#include "producers/telemetry/sources/nvidia_smi.hpp"

#include <map>

#include "producers/telemetry/sources/child.hpp"
#include "producers/telemetry/sources/nvidia_smi_text.hpp"
#include "producers/telemetry/sources/values.hpp"
#include "schemas/text.hpp"

namespace oppen::telemetry {
namespace {

constexpr std::size_t most_output = std::size_t{1} << 20;

std::string joined(const Columns& columns) {
  std::string text;
  for (const std::string& column : columns) text += (text.empty() ? "" : ",") + column;
  return text;
}

class NvidiaSmiSource final : public Source {
 public:
  NvidiaSmiSource(std::string file, const Clock& clock, std::chrono::milliseconds patience)
      : file_(std::move(file)), clock_(clock), patience_(patience) {}

  std::string name() const override { return "nvidia-smi"; }

  Result<Readings> read() override {
    Readings readings;
    auto gpus = read_gpus();
    if (!gpus) return fail(gpus.error());
    readings.gpus = std::move(*gpus);
    readings.at = clock_.now();
    if (const Status added = add_processes(readings.gpus); !added) return fail(added.error());
    return readings;
  }

 private:
  Result<ChildOutput> query(const char* what, const Columns& columns) {
    return child_.run(file_, {what + joined(columns), "--format=csv,noheader,nounits"}, patience_,
                      most_output);
  }

  // Every round ends or leaves a column out, for good.
  Result<std::vector<GpuReading>> read_gpus() {
    for (;;) {
      const auto output = query("--query-gpu=", columns_);
      if (!output) return fail(output.error());
      const auto unknown = unknown_field(output->out + output->error);
      if (!unknown) {
        // An exit code that isn't 0 may be of one lost GPU; the others' rows are there.
        auto gpus = parse_gpus(output->out, columns_);
        if (!gpus && (output->exit_code != 0 || gpus.error().kind == ErrorKind::unavailable))
          return fail(failed(*output));
        return gpus;
      }
      auto fewer = without(columns_, *unknown);
      if (!fewer) return fail(fewer.error());
      columns_ = std::move(*fewer);
    }
  }

  Status add_processes(std::vector<GpuReading>& gpus) {
    const auto output = query("--query-compute-apps=", process_columns());
    if (!output) return fail(output.error());
    auto rows = parse_processes(output->out);
    // One lost GPU must not hide the others here either. Without rows or a word of that it is a failure, and no idle GPU.
    const bool some = rows && (!rows->empty() || tells_of_lost_gpu(output->out));
    if (output->exit_code != 0 && !some) return fail(failed(*output));
    if (!rows) return fail(rows.error());
    std::map<std::string, GpuReading*, std::less<>> by_uuid;
    for (GpuReading& gpu : gpus) by_uuid.emplace(gpu.uuid, &gpu);
    for (ProcessRow& row : *rows) {
      if (const auto gpu = by_uuid.find(row.gpu_uuid); gpu != by_uuid.end())
        gpu->second->processes.push_back(row.process);
    }
    return {};
  }

  // What nvidia-smi said instead of readings: its first line.
  Error failed(const ChildOutput& output) const {
    auto said = trimmed(output.out).empty() ? trimmed(output.error) : trimmed(output.out);
    said = trimmed(take_line(said));
    return {ErrorKind::unavailable, file_ + " ended with exit code " +
                                        std::to_string(output.exit_code) + " and told of no GPU" +
                                        (said.empty() ? "" : ": " + shortened(said, 300))};
  }

  std::string file_;
  const Clock& clock_;
  std::chrono::milliseconds patience_;
  ChildRunner child_;
  Columns columns_ = gpu_columns();
};

}  // namespace

Result<std::unique_ptr<Source>> open_nvidia_smi(const std::string& program, const Clock& clock,
                                                std::chrono::milliseconds patience) {
  auto file = find_program(program);
  if (!file) return fail(file.error());
  return std::make_unique<NvidiaSmiSource>(std::move(*file), clock, patience);
}

}  // namespace oppen::telemetry
