#include "producers/telemetry/sources/nvml.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <utility>

#include "producers/telemetry/sources/nvml_library.hpp"
#include "producers/telemetry/sources/values.hpp"

namespace oppen::telemetry {
namespace {

using nvml::Functions;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr double bytes_per_mib = 1024.0 * 1024.0;
constexpr unsigned most_processes = 4096;
constexpr int most_events = 256;  // taken at one reading; the rest waits for the next
constexpr std::chrono::milliseconds gpm_refresh{100};

// Calls one of NVML's functions that fills in a value. Nullopt: the library lacks it, or the GPU can't tell.
template <class Value, class Function, class... Arguments>
std::optional<Value> asked(Function* function, Arguments... arguments) {
  Value value{};
  if (function == nullptr || function(arguments..., &value) != nvml::success) return std::nullopt;
  return value;
}

std::optional<double> in_mib(unsigned long long bytes) {
  if (bytes == nvml::not_available) return std::nullopt;
  return as_memory_mb(static_cast<double>(bytes) / bytes_per_mib);
}

// A call that fills a list, of a length that only it knows. Nullopt: it can't tell.
template <class Item, class Call>
std::optional<std::vector<Item>> listed(Call call) {
  std::vector<Item> items(32);
  for (;;) {
    auto count = static_cast<unsigned>(items.size());
    const nvml::Return result = call(items.data(), &count);
    if (result == nvml::success) {
      items.resize(std::min<std::size_t>(count, items.size()));
      return items;
    }
    // By the next call it may have grown again.
    if (result != nvml::insufficient_size || items.size() >= most_processes) return std::nullopt;
    items.resize(
        std::min<std::size_t>(most_processes, std::max<std::size_t>(count + 8, items.size() * 2)));
  }
}

// SM activity of one GPU, from one reading to the next.
class SmActivity {
 public:
  SmActivity(const Functions& functions, nvml::Device device) : f_(functions), device_(device) {
    if (!f_.has_gpm()) return;
    nvml::GpmSupport support{nvml::gpm_version, 0};
    if (f_.gpm_support(device_, &support) != nvml::success || support.is_supported == 0) return;
    if (f_.gpm_alloc(&before_) != nvml::success) before_ = nullptr;
    if (f_.gpm_alloc(&now_) != nvml::success) now_ = nullptr;
  }
  SmActivity(const SmActivity&) = delete;
  SmActivity& operator=(const SmActivity&) = delete;
  ~SmActivity() {
    if (before_ != nullptr) f_.gpm_free(before_);
    if (now_ != nullptr) f_.gpm_free(now_);
  }

  std::optional<double> percent(nvml::GpmMetricsGet& request) {
    if (before_ == nullptr || now_ == nullptr) return std::nullopt;
    const SteadyTime time = std::chrono::steady_clock::now();
    // NVML's own counters are no fresher: the last answer still holds.
    if (began_ && time - before_at_ < gpm_refresh) return last_;
    last_ = std::nullopt;
    if (f_.gpm_sample(device_, now_) != nvml::success) {
      began_ = false;
      return last_;
    }
    if (began_) {
      request.version = nvml::gpm_version;
      request.count = 1;
      request.sample1 = before_;
      request.sample2 = now_;
      request.metrics[0] = {nvml::gpm_sm_utilization, 0, 0, nullptr, nullptr, nullptr};
      if (f_.gpm_metrics(&request) == nvml::success && request.metrics[0].result == nvml::success)
        last_ = as_percent(request.metrics[0].value);
    }
    std::swap(before_, now_);
    before_at_ = time;
    began_ = true;
    return last_;
  }

 private:
  const Functions& f_;
  nvml::Device device_;
  nvml::GpmSample before_ = nullptr;
  nvml::GpmSample now_ = nullptr;
  SteadyTime before_at_;
  bool began_ = false;  // before_ holds a sample
  std::optional<double> last_;
};

struct Gpu {
  Gpu(const Functions& functions, nvml::Device device)
      : handle(device), sm_activity(functions, device) {}

  nvml::Device handle;
  std::string uuid;
  std::string name;
  unsigned long long samples_seen = 0;  // the time stamp of the newest sample of a process
  SmActivity sm_activity;
  std::vector<int> new_xids;  // since the last reading
};

class NvmlSource final : public Source {
 public:
  NvmlSource(nvml::Library library, const Clock& clock)
      : library_(std::move(library)), f_(library_.functions()), clock_(clock) {}
  NvmlSource(const NvmlSource&) = delete;
  NvmlSource& operator=(const NvmlSource&) = delete;
  ~NvmlSource() override { stop(); }

  std::string name() const override { return "nvml"; }

  // Finds the GPUs. Errors: unavailable.
  Status start() {
    if (const nvml::Return result = f_.init(); result != nvml::success)
      return fail(failed("nvmlInit", result));
    running_ = true;
    unsigned count = 0;
    if (const nvml::Return result = f_.device_count(&count); result != nvml::success)
      return fail(failed("nvmlDeviceGetCount", result));
    count_ = count;
    for (unsigned index = 0; index < count; ++index) add(index);
    const bool any =
        std::any_of(gpus_.begin(), gpus_.end(), [](const auto& gpu) { return gpu != nullptr; });
    if (!any) return fail(ErrorKind::unavailable, "NVML knows of no GPU that answers");
    register_events();
    return {};
  }

  Result<Readings> read() override {
    unsigned count = 0;
    if (!running_ || f_.device_count(&count) != nvml::success || count != count_) {
      stop();
      if (const Status started = start(); !started) {
        stop();
        return fail(started.error());
      }
    }
    take_events();
    Readings readings;
    readings.at = clock_.now();
    for (std::size_t index = 0; index < gpus_.size(); ++index) {
      if (gpus_[index] == nullptr) continue;
      readings.gpus.push_back(read(*gpus_[index]));
      readings.gpus.back().index = static_cast<int>(index);
    }
    return readings;
  }

 private:
  Error failed(const std::string& call, nvml::Return result) const {
    const char* text = f_.error_string(result);
    return {ErrorKind::unavailable,
            call + ": " + (text == nullptr ? "error " + std::to_string(result) : text)};
  }

  std::string text_of(nvml::Return (*function)(nvml::Device, char*, unsigned), nvml::Device device,
                      unsigned size) const {
    std::vector<char> text(size + 1, '\0');
    if (function(device, text.data(), size) != nvml::success) return {};
    return text.data();
  }

  // A GPU that can't be named is passed over, and its place kept.
  void add(unsigned index) {
    auto& gpu = gpus_.emplace_back();
    nvml::Device device = nullptr;
    if (f_.device_by_index(index, &device) != nvml::success) return;
    std::string uuid = text_of(f_.uuid, device, nvml::uuid_size);
    if (uuid.empty()) return;
    gpu = std::make_unique<Gpu>(f_, device);
    gpu->uuid = std::move(uuid);
    gpu->name = text_of(f_.name, device, nvml::name_size);
  }

  void register_events() {
    if (!f_.has_events() || f_.event_set_create(&events_) != nvml::success) {
      events_ = nullptr;
      return;
    }
    for (const auto& gpu : gpus_) {
      if (gpu == nullptr) continue;
      const auto types = asked<unsigned long long>(f_.event_types, gpu->handle);
      // A GPU that refuses has no XID in its readings.
      if (types && (*types & nvml::xid_event) != 0 &&
          f_.register_events(gpu->handle, nvml::xid_event, events_) == nvml::success)
        last_xid_.try_emplace(gpu->uuid, 0);
    }
  }

  // What was told since the last reading, without waiting.
  void take_events() {
    for (int taken = 0; events_ != nullptr && taken < most_events; ++taken) {
      nvml::EventData event{};
      if (f_.event_wait(events_, &event, 0) != nvml::success) return;
      if (event.type != nvml::xid_event) continue;
      const auto gpu = std::find_if(gpus_.begin(), gpus_.end(), [&](const auto& known) {
        return known != nullptr && known->handle == event.device;
      });
      const auto xid = as_xid(static_cast<double>(event.data));
      if (gpu == gpus_.end() || !xid) continue;
      last_xid_[(*gpu)->uuid] = *xid;
      if (*xid > 0) (*gpu)->new_xids.push_back(*xid);
    }
  }

  GpuReading read(Gpu& gpu) {
    GpuReading reading;
    reading.uuid = gpu.uuid;
    reading.name = gpu.name;
    if (const auto rates = asked<nvml::Utilization>(f_.utilization, gpu.handle))
      reading.utilization_percent = as_percent(rates->gpu);
    reading.sm_active_percent = gpu.sm_activity.percent(*gpm_request_);
    read_memory(gpu, reading);
    if (const auto celsius = asked<unsigned>(f_.temperature, gpu.handle, nvml::temperature_of_gpu))
      reading.temperature_celsius = as_celsius(*celsius);
    if (const auto milliwatts = asked<unsigned>(f_.power, gpu.handle))
      reading.power_watts = as_watts(*milliwatts / 1000.0);
    if (const auto errors = asked<unsigned long long>(
            f_.ecc_errors, gpu.handle, nvml::uncorrected_errors, nvml::volatile_count))
      reading.ecc_errors_total = as_count(static_cast<double>(*errors));
    if (const auto bits = asked<unsigned long long>(f_.throttle_reasons, gpu.handle))
      reading.throttle_reasons = throttle_reasons(*bits);
    if (const auto xid = last_xid_.find(gpu.uuid); xid != last_xid_.end())
      reading.last_xid = xid->second;
    reading.new_xids = std::exchange(gpu.new_xids, {});
    read_processes(gpu, reading);
    return reading;
  }

  void read_memory(const Gpu& gpu, GpuReading& reading) const {
    nvml::Memory2 memory2{};
    memory2.version = nvml::memory2_version;
    if (f_.memory2 != nullptr && f_.memory2(gpu.handle, &memory2) == nvml::success) {
      reading.memory_used_mb = in_mib(memory2.used);
      reading.memory_total_mb = in_mib(memory2.total);
    } else if (const auto memory = asked<nvml::Memory>(f_.memory, gpu.handle)) {
      reading.memory_used_mb = in_mib(memory->used);
      reading.memory_total_mb = in_mib(memory->total);
    }
  }

  void read_processes(Gpu& gpu, GpuReading& reading) const {
    const auto take = [&](const auto& processes) {
      for (const auto& process : processes)
        reading.processes.push_back({process.pid, in_mib(process.used_memory), std::nullopt});
    };
    if (f_.processes != nullptr) {
      const auto processes =
          listed<nvml::ProcessInfo>([&](nvml::ProcessInfo* items, unsigned* count) {
            return f_.processes(gpu.handle, count, items);
          });
      if (processes) take(*processes);
    } else if (f_.processes1 != nullptr) {
      const auto processes =
          listed<nvml::ProcessInfo1>([&](nvml::ProcessInfo1* items, unsigned* count) {
            return f_.processes1(gpu.handle, count, items);
          });
      if (processes) take(*processes);
    }
    read_process_samples(gpu, reading);
  }

  // Only processes that did something since the last samples are in NVML's list. Where it has none at all, nothing is known.
  void read_process_samples(Gpu& gpu, GpuReading& reading) const {
    if (f_.process_samples == nullptr || reading.processes.empty()) return;
    const auto samples =
        listed<nvml::ProcessSample>([&](nvml::ProcessSample* items, unsigned* count) {
          return f_.process_samples(gpu.handle, items, count, gpu.samples_seen);
        });
    if (!samples || samples->empty()) return;
    std::map<std::int64_t, const nvml::ProcessSample*> newest;
    for (const auto& sample : *samples) {
      gpu.samples_seen = std::max(gpu.samples_seen, sample.time_stamp);
      auto& known = newest[sample.pid];
      if (known == nullptr || known->time_stamp < sample.time_stamp) known = &sample;
    }
    for (GpuProcess& process : reading.processes) {
      const auto sample = newest.find(process.pid);
      process.utilization_percent = sample == newest.end() ? 0 : as_percent(sample->second->sm);
    }
  }

  void stop() {
    gpus_.clear();
    if (events_ != nullptr) f_.event_set_free(events_);
    events_ = nullptr;
    if (running_) f_.shutdown();
    running_ = false;
  }

  nvml::Library library_;
  const Functions& f_;
  const Clock& clock_;
  bool running_ = false;  // between init and shutdown
  unsigned count_ = 0;
  std::vector<std::unique_ptr<Gpu>> gpus_;  // by NVML's index; null where there is no talking to it
  nvml::EventSet events_ = nullptr;         // null: this driver has none
  std::map<std::string, int> last_xid_;     // by uuid, of those that tell
  std::unique_ptr<nvml::GpmMetricsGet> gpm_request_ = std::make_unique<nvml::GpmMetricsGet>();
};

}  // namespace

Result<std::unique_ptr<Source>> open_nvml(const std::string& library, const Clock& clock) {
  auto loaded = nvml::Library::load(library);
  if (!loaded) return fail(loaded.error());
  auto source = std::make_unique<NvmlSource>(std::move(*loaded), clock);
  if (const Status started = source->start(); !started) return fail(started.error());
  return source;
}

}  // namespace oppen::telemetry
