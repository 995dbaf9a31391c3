#include "workers/cost/books/run.hpp"

#include <algorithm>
#include <iterator>

#include "schemas/cloud_event.hpp"
#include "schemas/text.hpp"

namespace oppen::cost {
namespace {

using nlohmann::json;
using std::chrono::sys_days;

// One description serves for writing and for reading: the order of what there is. What is as it is by default is left out.
template <class V, class R>
void describe_run(V& v, R& run) {
  auto& r = run.record;
  v(r.run_id);
  v(r.name);
  v(r.team);
  v(r.project);
  v(r.user);
  v(r.model_type);
  v(r.workload_type);
  v(r.priority);
  v(r.spot);
  v(r.resources.gpus);
  v(r.resources.gpu_share);
  v(r.resources.gpu_type);
  v(r.resources.cpu_millicores);
  v(r.resources.memory_bytes);
  v(r.gpu_type);
  v(r.other_gpu_types);
  v(r.state);
  v(r.attempts);
  v(r.epochs);
  v(r.epochs_done);
  v(r.batch_size);
  v(r.precision);
  v(r.started_at);
  v.since(r.started_at, r.ended_at);
  v.since(r.ended_at, r.charged_until);
  v(r.metrics);
  v(r.baseline_metric);
  v(r.gpu_utilization_percent);
  v(r.gpu_utilization_max_percent);
  v(r.utilization_source);
  v(r.gpu_memory_max_mb);
  v(r.cpu_cores_mean);
  v(r.cpu_cores_max);
  v(r.memory_max_bytes);
  v(r.spent.gpu_microusd);
  v(r.spent.cpu_microusd);
  v(r.spent.memory_microusd);
  v(r.spent.run_ms);
  v(r.spent.gpu_ms);
  v(r.spent.measured_microusd);
  v(r.spent.effective_microusd);
  v(run.seq);
  v(run.epochs_attempt);
  v(run.reported);
  v(run.tells_epochs);
  v(run.tells_accuracies);
  v(run.advice_due);
  v(run.listed);
}

// Words that stand in most records: their place here is written instead.
constexpr std::string_view words[] = {"training",  "inference",      "batch",  "queued",
                                      "running",   "succeeded",      "failed", "cancelled",
                                      "sm_active", "gpu_utilization"};

// A list: which of all there is, bit by bit, then the values of those, then the attempts.
class RunWriter {
 public:
  template <class T>
  void operator()(const T& value) {
    if (value != T()) put(value);
    ++number_;
  }
  void operator()(Priority value) {
    if (value != Priority::normal) add(static_cast<int>(value));
    ++number_;
  }
  void operator()(const json& value) {
    if (!value.empty()) add(value);
    ++number_;
  }
  // A short number, where a time is a long one.
  void since(std::optional<Time> begin, std::optional<Time> value) {
    if (value) add((*value - begin.value_or(Time())).count());
    ++number_;
  }

  std::string bytes(std::string_view attempts) {
    values_[0] = present_;
    if (!attempts.empty()) values_.push_back(json::parse(attempts));
    std::string bytes;
    json::to_msgpack(values_, bytes);
    return bytes;
  }

 private:
  void add(json value) {
    present_ |= std::uint64_t{1} << number_;
    values_.push_back(std::move(value));
  }
  template <class T>
  void put(const T& value) {
    add(value);
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(*value);
  }
  void put(const std::string& value) {
    const auto* const word = std::find(std::begin(words), std::end(words), value);
    if (word != std::end(words)) return add(word - std::begin(words));
    if (utf8_length(value)) return add(value);
    // Whoever writes it as JSON could not.
    add(json::parse(json(value).dump(-1, ' ', false, json::error_handler_t::replace)));
  }
  void put(Time value) { add(value.time_since_epoch().count()); }
  void put(sys_days value) { add(value.time_since_epoch().count()); }

  json values_ = {0};
  std::uint64_t present_ = 0;
  unsigned number_ = 0;
};

class RunReader {
 public:
  explicit RunReader(const json& from) : from_(from), present_(from.at(0).get<std::uint64_t>()) {}

  template <class T>
  void operator()(T& value) {
    const auto* const found = next();
    if (found == nullptr) {
      value = T();
    } else {
      get(*found, value);
    }
  }
  void operator()(json& value) {
    const auto* const found = next();
    value = found == nullptr ? json::object() : *found;
  }
  void operator()(Priority& value) {
    const auto* const found = next();
    value =
        found == nullptr ? Priority::normal : all_priorities[std::clamp(found->get<int>(), 0, 2)];
  }

  void since(std::optional<Time> begin, std::optional<Time>& value) {
    const auto* const found = next();
    value.reset();
    if (found != nullptr)
      value = begin.value_or(Time()) + std::chrono::milliseconds(found->get<std::int64_t>());
  }

  // What stands behind all that is described; "" for nothing.
  std::string rest() const { return place_ < from_.size() ? from_.at(place_).dump() : ""; }

 private:
  // nullptr: it is as it is by default.
  const json* next() {
    const bool there = (present_ >> number_++ & 1U) != 0;
    return there ? &from_.at(place_++) : nullptr;
  }
  template <class T>
  static void get(const json& found, T& value) {
    found.get_to(value);
  }
  template <class T>
  static void get(const json& found, std::optional<T>& value) {
    get(found, value.emplace());
  }
  static void get(const json& found, std::string& value) {
    if (found.is_number()) {
      value = words[std::min(found.get<std::size_t>(), std::size(words) - 1)];
    } else {
      found.get_to(value);
    }
  }
  static void get(const json& found, Time& value) {
    value = Time(std::chrono::milliseconds(found.get<std::int64_t>()));
  }
  static void get(const json& found, sys_days& value) {
    value = sys_days(std::chrono::days(found.get<std::int64_t>()));
  }

  const json& from_;
  std::uint64_t present_;
  unsigned number_ = 0;
  std::size_t place_ = 1;
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

int day_slice(sys_days day, Time started) {
  constexpr auto slice = std::chrono::minutes(5);
  constexpr int last = std::chrono::days(1) / slice;
  if (started < day) return 0;
  return static_cast<int>(std::min<std::int64_t>((started - day) / slice + 1, last));
}

int name_part(const std::string& name) { return partition_of(name, 16'384); }

std::string encode_run(const Run& run, std::string_view attempts) {
  RunWriter writer;
  describe_run(writer, run);
  return writer.bytes(attempts);
}

Result<Run> decode_run(const std::string& key, std::string_view text, std::string* attempts) {
  // As JSON, which no MessagePack of ours begins like.
  if (text.starts_with('{')) {
    return fail(ErrorKind::fatal,
                "the books in Redis were written by a cost worker of another version (run " + key +
                    "): docs/cost-model.md says how they are rebuilt");
  }
  try {
    const auto from = json::from_msgpack(text);
    Run run;
    RunReader reader(from);
    describe_run(reader, run);
    if (attempts != nullptr) *attempts = reader.rest();
    auto& record = run.record;
    (key.starts_with(':') ? record.run_id : record.job_id) = key.substr(key.starts_with(':'));
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
