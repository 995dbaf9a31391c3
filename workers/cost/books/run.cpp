#include "workers/cost/books/run.hpp"

#include <algorithm>

namespace oppen::cost {
namespace {

using nlohmann::json;
using std::chrono::sys_days;

// One description serves for writing and for reading. What is as it is by default is left out.
template <class V, class R>
void describe_run(V& v, R& run) {
  auto& r = run.record;
  v("j", r.job_id);
  v("i", r.run_id);
  v("n", r.name);
  v("t", r.team);
  v("p", r.project);
  v("u", r.user);
  v("m", r.model_type);
  v("w", r.workload_type);
  v("pr", r.priority);
  v("sp", r.spot);
  v("rg", r.resources.gpus);
  v("rs", r.resources.gpu_share);
  v("rt", r.resources.gpu_type);
  v("rc", r.resources.cpu_millicores);
  v("rm", r.resources.memory_bytes);
  v("g", r.gpu_type);
  v("og", r.other_gpu_types);
  v("st", r.state);
  v("a", r.attempts);
  v("e", r.epochs);
  v("ed", r.epochs_done);
  v("b", r.batch_size);
  v("pc", r.precision);
  v("s", r.started_at);
  v("x", r.ended_at);
  v("cu", r.charged_until);
  v("me", r.metrics);
  v("bm", r.baseline_metric);
  v("gu", r.gpu_utilization_percent);
  v("gx", r.gpu_utilization_max_percent);
  v("us", r.utilization_source);
  v("gm", r.gpu_memory_max_mb);
  v("cm", r.cpu_cores_mean);
  v("cx", r.cpu_cores_max);
  v("mx", r.memory_max_bytes);
  v("$g", r.spent.gpu_microusd);
  v("$c", r.spent.cpu_microusd);
  v("$m", r.spent.memory_microusd);
  v("$r", r.spent.run_ms);
  v("$G", r.spent.gpu_ms);
  v("$M", r.spent.measured_microusd);
  v("$E", r.spent.effective_microusd);
  v("q", run.seq);
  v("ea", run.epochs_attempt);
  v("ra", run.reported);
  v("te", run.tells_epochs);
  v("ta", run.tells_accuracies);
  v("d", run.advice_due);
  v("l", run.listed);
}

class RunWriter {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    if (value != T()) put(name, value);
  }
  void operator()(const char* name, Priority value) {
    if (value != Priority::normal) into[name] = static_cast<int>(value);
  }
  void operator()(const char* name, const json& value) {
    if (!value.empty()) into[name] = value;
  }
  json into = json::object();

 private:
  template <class T>
  void put(const char* name, const T& value) {
    into[name] = value;
  }
  template <class T>
  void put(const char* name, const std::optional<T>& value) {
    put(name, *value);
  }
  void put(const char* name, Time value) { into[name] = value.time_since_epoch().count(); }
  void put(const char* name, sys_days value) { into[name] = value.time_since_epoch().count(); }
};

class RunReader {
 public:
  explicit RunReader(const json& from) : from_(from) {}

  template <class T>
  void operator()(const char* name, T& value) {
    const auto found = from_.find(name);
    if (found == from_.end()) {
      value = T();
    } else {
      get(*found, value);
    }
  }
  void operator()(const char* name, json& value) { value = from_.value(name, json::object()); }
  void operator()(const char* name, Priority& value) {
    const auto found = from_.find(name);
    value = found == from_.end() ? Priority::normal
                                 : all_priorities[std::clamp(found->get<int>(), 0, 2)];
  }

 private:
  template <class T>
  static void get(const json& found, T& value) {
    found.get_to(value);
  }
  template <class T>
  static void get(const json& found, std::optional<T>& value) {
    get(found, value.emplace());
  }
  static void get(const json& found, Time& value) {
    value = Time(std::chrono::milliseconds(found.get<std::int64_t>()));
  }
  static void get(const json& found, sys_days& value) {
    value = sys_days(std::chrono::days(found.get<std::int64_t>()));
  }
  const json& from_;
};

}  // namespace

std::optional<Time> Run::keep_until() const {
  std::optional<Time> last = record.started_at;
  if (record.ended_at) last = std::max(last.value_or(*record.ended_at), *record.ended_at);
  if (listed) {
    const Time day_end = *listed + std::chrono::days(1);
    last = std::max(last.value_or(day_end), day_end);
  }
  if (last) *last += keep_runs;
  return last;
}

std::string run_key(const std::string& job_id, const std::string& run_id) {
  return job_id.empty() ? ":" + run_id : job_id;
}

std::string encode_run(const Run& run) {
  RunWriter writer;
  describe_run(writer, run);
  return writer.into.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Run> decode_run(std::string_view text) {
  try {
    const auto from = json::parse(text);
    Run run;
    RunReader reader(from);
    describe_run(reader, run);
    auto& record = run.record;
    auto& spent = record.spent;
    spent.total_microusd = spent.gpu_microusd + spent.cpu_microusd + spent.memory_microusd;
    record.run_seconds = static_cast<double>(spent.run_ms) / 1e3;
    return run;
  } catch (const json::exception& error) {
    return fail(ErrorKind::fatal,
                std::string("a run of the books in Redis is broken: ") + error.what());
  }
}

}  // namespace oppen::cost
