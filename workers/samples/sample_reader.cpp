#include "workers/samples/sample_reader.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <span>

#include "schemas/cloud_event.hpp"
#include "schemas/parse.hpp"

namespace oppen::samples {
namespace {

namespace ondemand = simdjson::ondemand;
enum class Form { text, some, texts, time, whole, real };

// A field as schemas/telemetry.cpp describes it. Wrong by less would be found by the test that compares the two on bent records.
struct Rule {
  std::string_view name;
  Form form = Form::text;
  bool required = false;
  double min = std::numeric_limits<double>::lowest();
  double max = std::numeric_limits<double>::max();
  bool above_min = false;
};

constexpr double most_int = std::numeric_limits<int>::max();
constexpr double most = std::numeric_limits<double>::max();
constexpr double least = std::numeric_limits<double>::lowest();

namespace gpu {
enum Field : std::size_t {
  node,
  gpu_uuid,
  gpu_index,
  gpu_type,
  sampled_at,
  interval_seconds,
  utilization_percent,
  utilization_max_percent,
  sm_active_percent,
  memory_used_mb,
  memory_total_mb,
  temperature_celsius,
  power_watts,
  xid,
  ecc_errors,
  throttle_reasons,
  pod,
  pod_namespace,
  job_id,
  attempt,
  share,
  process_memory_mb,
  count
};
constexpr std::array<Rule, count> rules = {{
    {"node", Form::some, true},
    {"gpu_uuid", Form::some, true},
    {"gpu_index", Form::whole, true, 0, most_int},
    {"gpu_type", Form::text, true},
    {"sampled_at", Form::time, true},
    {"interval_seconds", Form::real, true, 0, 86400, true},
    {"utilization_percent", Form::real, true, 0, 100},
    {"utilization_max_percent", Form::real, false, 0, 100},
    {"sm_active_percent", Form::real, false, 0, 100},
    {"memory_used_mb", Form::real, true, 0, most},
    {"memory_total_mb", Form::real, true, 0, most},
    {"temperature_celsius", Form::real, true, least, most},
    {"power_watts", Form::real, true, 0, most},
    {"xid", Form::whole, false, 0, most_int},
    {"ecc_errors", Form::whole, false, 0, most},
    {"throttle_reasons", Form::texts},
    {"pod", Form::text},
    {"namespace", Form::text},
    {"job_id", Form::text},
    {"attempt", Form::whole, false, 1, most_int},
    {"share", Form::real, false, 0, 1, true},
    {"process_memory_mb", Form::real, false, 0, most},
}};
}  // namespace gpu

namespace pod {
enum Field : std::size_t {
  name,
  pod_namespace,
  node,
  job_id,
  attempt,
  sampled_at,
  interval_seconds,
  cpu_cores,
  memory_bytes,
  count
};
constexpr std::array<Rule, count> rules = {{
    {"pod", Form::some, true},
    {"namespace", Form::some, true},
    {"node", Form::text, true},
    {"job_id", Form::text},
    {"attempt", Form::whole, false, 1, most_int},
    {"sampled_at", Form::time, true},
    {"interval_seconds", Form::real, true, 0, 86400, true},
    {"cpu_cores", Form::real, true, 0, most},
    {"memory_bytes", Form::whole, true, 0, most},
}};
}  // namespace pod

struct Value {
  std::string_view text;
  std::int64_t whole = 0;
  double real = 0;
  Time time{};
};

template <class Word>
Word load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// The same as memcmp, without a call: it is done some thirty times for each sample, with short text.
bool same(const char* a, const char* b, std::size_t size) {
  if (size >= 8) {
    for (std::size_t i = 0; i + 8 < size; i += 8)
      if (load<std::uint64_t>(a + i) != load<std::uint64_t>(b + i)) return false;
    return load<std::uint64_t>(a + size - 8) == load<std::uint64_t>(b + size - 8);
  }
  if (size >= 4)
    return load<std::uint32_t>(a) == load<std::uint32_t>(b) &&
           load<std::uint32_t>(a + size - 4) == load<std::uint32_t>(b + size - 4);
  return std::equal(a, a + size, b);
}
bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && same(a.data(), b.data(), a.size());
}

// Printable ASCII throughout, looked at eight bytes at a time.
bool is_plain(std::string_view text) {
  constexpr std::uint64_t each = 0x0101010101010101;
  constexpr std::uint64_t high = 0x80 * each;
  const auto is_strange = [](std::uint64_t word) {
    const std::uint64_t low_seven = word & ~high;
    const std::uint64_t not_control = low_seven + (0x80 - 0x20) * each;  // high bit: 0x20 or above
    const std::uint64_t is_delete = low_seven + each;                    // high bit: 0x7f
    return ((word | ~not_control | is_delete) & high) != 0;
  };
  for (std::uint64_t word = 0; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
    word = load<std::uint64_t>(text.data());
    if (is_strange(word)) return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// An event has the time of its sample, so that most of what is read here has just been read.
class TimeReader {
 public:
  std::optional<Time> read(std::string_view text) {
    if (!text_.empty() && same(text, text_)) return time_;
    const auto time = parse_rfc3339(text);
    if (!time) return std::nullopt;
    text_ = text;
    return time_ = *time;
  }

 private:
  std::string text_;
  Time time_{};
};

// The event's type where its headers are such as our own encode() writes; else "": to be looked at more closely.
std::string_view plain_type(std::span<const HeaderView> headers, TimeReader& times) {
  enum : unsigned { id = 1, source = 2, type = 4, version = 8, needed = 15, time = 16, other = 32 };
  std::string_view event_type;
  unsigned seen = 0;
  for (const auto& [c_name, value] : headers) {
    const std::string_view name = c_name;
    unsigned which = 0;
    bool good = !value.empty() && is_plain(value);
    if (same(name, "ce_id")) {
      which = id;
    } else if (same(name, "ce_source")) {
      which = source;
    } else if (same(name, "ce_type")) {
      which = type;
      event_type = value;
    } else if (same(name, "ce_specversion")) {
      which = version;
      good = value == "1.0";
    } else if (same(name, "ce_time")) {
      which = time;
      good = times.read(value).has_value();
    } else if (same(name, "ce_subject")) {
      which = other;
    } else if (same(name, "content-type")) {
      which = other << 1U;
      good = same(value, "application/json");
    } else if (!name.empty() && (name.front() == 'c' || name.front() == 'C')) {
      return {};  // an attribute in a spelling of its own, perhaps
    } else {
      continue;
    }
    if (!good || (seen & which) != 0) return {};
    seen |= which;
  }
  return (seen & needed) == needed ? event_type : std::string_view();
}

// Fails whenever anything is unusual.
class Fields {
 public:
  // Of a document without a backslash: its strings are as they stand there.
  bool read(ondemand::document& document, std::span<const Rule> rules, TimeReader& times) {
    ondemand::object object;
    if (document.get_object().get(object)) return false;
    present_ = 0;
    texts_.clear();
    std::size_t next = 0;
    for (auto member : object) {
      ondemand::raw_json_string key;
      ondemand::value value;
      if (member.key().get(key) || member.value().get(value)) return false;
      const std::size_t which = find(rules, next, key);
      if (which == rules.size()) {
        if (!is_good_scalar(value)) return false;
        continue;
      }
      const auto bit = std::uint32_t{1} << which;
      if ((present_ & bit) != 0 || !take(value, rules[which], times, values_[which])) return false;
      present_ |= bit;
      next = which + 1;
    }
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
      return false;  // there is more behind the object
    for (std::size_t i = 0; i < rules.size(); ++i)
      if (rules[i].required && !has(i)) return false;
    return true;
  }

  bool has(std::size_t which) const { return (present_ >> which & 1U) != 0; }
  // Of a field that was there.
  const Value& operator[](std::size_t which) const { return values_[which]; }
  std::string_view text(std::size_t which) const {
    return has(which) ? values_[which].text : std::string_view();
  }
  // None where the field was not there.
  std::optional<double> real(std::size_t which) const {
    return has(which) ? std::optional(values_[which].real) : std::nullopt;
  }
  template <class Whole>
  std::optional<Whole> whole(std::size_t which) const {
    return has(which) ? std::optional(static_cast<Whole>(values_[which].whole)) : std::nullopt;
  }
  // Of the one field that is a list.
  std::span<const std::string_view> texts() const { return texts_; }

 private:
  // Most producers keep the order of the schema, so that the first look finds it.
  static std::size_t find(std::span<const Rule> rules, std::size_t next,
                          const ondemand::raw_json_string& key) {
    for (std::size_t i = 0; i < rules.size(); ++i, ++next) {
      if (next >= rules.size()) next = 0;
      const auto name = rules[next].name;
      // No name has a quote in it, so that the first one behind the key ends it.
      if (key.raw()[name.size()] == '"' && same(key.raw(), name.data(), name.size())) return next;
    }
    return rules.size();
  }

  static bool is_text(ondemand::value value, std::string_view& text) {
    ondemand::raw_json_string raw;
    if (value.get_raw_json_string().get(raw)) return false;
    const char* const begin = raw.raw();
    // Closed it is, else the parser would have refused the document.
    text = {begin,
            static_cast<std::size_t>(static_cast<const char*>(rawmemchr(begin, '"')) - begin)};
    return true;
  }

  // On-demand parsing looks at nothing that is not asked for.
  static bool is_good_scalar(ondemand::value& value) {
    ondemand::json_type type{};
    if (value.type().get(type)) return false;
    std::string_view text;
    double number = 0;
    bool flag = false;
    switch (type) {
      case ondemand::json_type::string:
        return is_text(value, text);
      case ondemand::json_type::number:
        return !value.get_double().get(number);
      case ondemand::json_type::boolean:
        return !value.get_bool().get(flag);
      case ondemand::json_type::null:
        return !value.is_null().get(flag) && flag;
      default:
        return false;
    }
  }

  bool take(ondemand::value& value, const Rule& rule, TimeReader& times, Value& into) {
    const auto within = [&rule](double number) {
      return number >= rule.min && number <= rule.max && !(rule.above_min && number == rule.min);
    };
    switch (rule.form) {
      case Form::text:
        return is_text(value, into.text);
      case Form::some:
        return is_text(value, into.text) && !into.text.empty();
      case Form::texts:
        return take_texts(value);
      case Form::time: {
        if (!is_text(value, into.text)) return false;
        const auto time = times.read(into.text);
        if (time) into.time = *time;
        return time.has_value();
      }
      case Form::whole:
        return !value.get_int64().get(into.whole) && within(static_cast<double>(into.whole));
      case Form::real:
        return !value.get_double().get(into.real) && within(into.real);
    }
    return false;
  }

  bool take_texts(ondemand::value& value) {
    ondemand::array list;
    if (value.get_array().get(list)) return false;
    for (auto element : list) {
      ondemand::value item;
      std::string_view text;
      if (element.get(item) || !is_text(item, text)) return false;
      texts_.push_back(text);
    }
    return true;
  }

  std::uint32_t present_ = 0;
  std::array<Value, gpu::count> values_;
  std::vector<std::string_view> texts_;
};

GpuView gpu_view(const Fields& fields) {
  GpuView view;
  view.node = fields[gpu::node].text;
  view.gpu_uuid = fields[gpu::gpu_uuid].text;
  view.gpu_type = fields[gpu::gpu_type].text;
  view.pod = fields.text(gpu::pod);
  view.pod_namespace = fields.text(gpu::pod_namespace);
  view.job_id = fields.text(gpu::job_id);
  view.attempt = fields.whole<int>(gpu::attempt);
  view.sampled_at = fields[gpu::sampled_at].time;
  view.interval_seconds = fields[gpu::interval_seconds].real;
  view.utilization_percent = fields[gpu::utilization_percent].real;
  view.sm_active_percent = fields.real(gpu::sm_active_percent);
  view.memory_used_mb = fields[gpu::memory_used_mb].real;
  view.temperature_celsius = fields[gpu::temperature_celsius].real;
  view.xid = fields.whole<int>(gpu::xid);
  view.ecc_errors = fields.whole<std::int64_t>(gpu::ecc_errors);
  view.throttle_reasons = fields.texts();
  view.share = fields.real(gpu::share);
  view.process_memory_mb = fields.real(gpu::process_memory_mb);
  return view;
}

GpuView gpu_view(const GpuSample& sample, std::vector<std::string_view>& texts) {
  texts.assign(sample.throttle_reasons.begin(), sample.throttle_reasons.end());
  GpuView view;
  view.node = sample.node;
  view.gpu_uuid = sample.gpu_uuid;
  view.gpu_type = sample.gpu_type;
  view.pod = sample.pod;
  view.pod_namespace = sample.pod_namespace;
  view.job_id = sample.job_id;
  view.attempt = sample.attempt;
  view.sampled_at = sample.sampled_at;
  view.interval_seconds = sample.interval_seconds;
  view.utilization_percent = sample.utilization_percent;
  view.sm_active_percent = sample.sm_active_percent;
  view.memory_used_mb = sample.memory_used_mb;
  view.temperature_celsius = sample.temperature_celsius;
  view.xid = sample.xid;
  view.ecc_errors = sample.ecc_errors;
  view.throttle_reasons = texts;
  view.share = sample.share;
  view.process_memory_mb = sample.process_memory_mb;
  return view;
}

PodView pod_view(const Fields& fields) {
  PodView view;
  view.pod = fields[pod::name].text;
  view.job_id = fields.text(pod::job_id);
  view.attempt = fields.whole<int>(pod::attempt);
  view.sampled_at = fields[pod::sampled_at].time;
  view.interval_seconds = fields[pod::interval_seconds].real;
  view.cpu_cores = fields[pod::cpu_cores].real;
  view.memory_bytes = fields[pod::memory_bytes].whole;
  return view;
}

PodView pod_view(const PodSample& sample) {
  return {sample.pod,         sample.job_id,           sample.attempt,
          sample.sampled_at,  sample.interval_seconds, sample.cpu_cores,
          sample.memory_bytes};
}

}  // namespace

struct SampleReader::Fast {
  ondemand::parser parser;
  std::string buffer;  // the value, and the room behind it that simdjson reads
  Fields fields;
  TimeReader times;

  std::optional<SampleView> read(std::string_view value, std::span<const HeaderView> headers) {
    const auto type = plain_type(headers, times);
    const bool of_gpu = type == GpuSample::type;
    if (value.data() == nullptr || (!of_gpu && type != PodSample::type)) return std::nullopt;
    if (value.find('\\') != std::string_view::npos) return std::nullopt;
    buffer.reserve(value.size() + simdjson::SIMDJSON_PADDING);
    buffer.assign(value);
    ondemand::document document;
    if (parser.iterate(buffer.data(), buffer.size(), buffer.capacity()).get(document))
      return std::nullopt;
    if (of_gpu) {
      if (!fields.read(document, gpu::rules, times)) return std::nullopt;
      return gpu_view(fields);
    }
    if (!fields.read(document, pod::rules, times)) return std::nullopt;
    return pod_view(fields);
  }
};

SampleReader::SampleReader() : fast_(std::make_unique<Fast>()) {}
SampleReader::~SampleReader() = default;

Result<std::optional<SampleView>> SampleReader::read(std::string_view value,
                                                     std::span<const HeaderView> headers) {
  auto view = fast_->read(value, headers);
  if (!view) return read_slowly(value, headers);
  return view;
}

Result<std::optional<SampleView>> SampleReader::read_slowly(std::string_view value,
                                                            std::span<const HeaderView> headers) {
  KafkaRecord record;
  if (value.data() != nullptr) record.value = value;
  for (const auto& header : headers) record.headers.emplace_back(header.name, header.value);
  const auto event = decode(record);
  if (!event) return fail(event.error());
  if (event->type == GpuSample::type) {
    auto sample = parse_data<GpuSample>(event->data);
    if (!sample) return fail(ErrorKind::invalid, sentences(sample.error()));
    gpu_ = std::move(*sample);
    return std::optional<SampleView>(gpu_view(gpu_, texts_));
  }
  if (event->type == PodSample::type) {
    auto sample = parse_data<PodSample>(event->data);
    if (!sample) return fail(ErrorKind::invalid, sentences(sample.error()));
    pod_ = std::move(*sample);
    return std::optional<SampleView>(pod_view(pod_));
  }
  return std::nullopt;
}

}  // namespace oppen::samples
