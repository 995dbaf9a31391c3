#include "producers/telemetry/sources/recording.hpp"

#include <simdjson.h>

#include <limits>

#include "producers/telemetry/sources/values.hpp"
#include "schemas/json_text.hpp"
#include "schemas/text.hpp"

namespace oppen::telemetry {
namespace {

namespace json = simdjson::ondemand;

constexpr std::size_t longest_text = 256;  // bytes of a uuid, a name, a reason
constexpr std::size_t most_gpus = 1024;
constexpr std::size_t most_processes = 4096;  // of a GPU
constexpr std::size_t most_reasons = 64;

// Reads a line's fields into Readings. A function that returns false has left in `fault` what is wrong.
class RecordingLine {
 public:
  bool read(json::object line, Readings& into) {
    bool timed = false;
    bool listed = false;
    const bool read = members(line, [&](std::string_view key, json::value& value) {
      if (key == "at") return timed = time(value, into.at);
      if (key == "gpus") {
        return listed = items(value, key, most_gpus,
                              [&](json::value& item) { return gpu(item, into.gpus); });
      }
      return true;
    });
    return read && (timed || missing("at")) && (listed || missing("gpus"));
  }

  std::string fault;

 private:
  bool wrong(std::string_view field, std::string_view value, std::string_view expected) {
    fault = where_ + std::string(field) + " is " + shortened(trimmed(value)) + ": expected " +
            std::string(expected);
    return false;
  }

  bool missing(std::string_view field) {
    fault = where_ + std::string(field) + " is missing";
    return false;
  }

  bool broken(simdjson::error_code error) {
    fault = "it is no JSON: " + std::string(simdjson::error_message(error));
    return false;
  }

  // Calls on_member for every member until it returns false.
  template <class OnMember>
  bool members(json::object& object, OnMember on_member) {
    for (auto member : object) {
      std::string_view key;
      json::value value;
      if (const auto error = member.unescaped_key().get(key)) return broken(error);
      if (const auto error = member.value().get(value)) return broken(error);
      if (!on_member(key, value)) return false;
    }
    return true;
  }

  template <class OnMember>
  bool object(std::string_view field, json::value& value, OnMember on_member) {
    const std::string_view text = value.raw_json_token();
    json::object object;
    if (value.get_object().get(object)) return wrong(field, text, "an object");
    return members(object, on_member);
  }

  template <class OnItem>
  bool items(json::value& value, std::string_view field, std::size_t most, OnItem on_item) {
    const std::string_view text = value.raw_json_token();
    json::array array;
    if (value.get_array().get(array)) return wrong(field, text, "a list");
    std::size_t count = 0;
    for (auto element : array) {
      json::value item;
      if (const auto error = element.get(item)) return broken(error);
      if (++count > most)
        return wrong(field, "longer", "at most " + std::to_string(most) + " items");
      if (!on_item(item)) return false;
    }
    return true;
  }

  static bool is_null(json::value& value) {
    json::json_type type{};
    return !value.type().get(type) && type == json::json_type::null;
  }

  bool text(std::string_view field, json::value& value, std::string& into) {
    const std::string_view raw = value.raw_json_token();
    if (is_null(value)) return true;
    std::string_view text;
    if (value.get_string().get(text) || text.size() > longest_text)
      return wrong(field, raw, "a string of at most 256 bytes");
    into.assign(text);
    return true;
  }

  bool time(json::value& value, Time& into) {
    const std::string_view raw = value.raw_json_token();
    std::string_view text;
    if (!value.get_string().get(text)) {
      if (const auto parsed = parse_rfc3339(text)) {
        into = *parsed;
        return true;
      }
    }
    return wrong("at", raw, "an RFC 3339 time");
  }

  // `as` says which numbers the field can hold.
  template <class Value>
  bool number(std::string_view field, json::value& value, std::optional<Value> (*as)(double),
              std::string_view expected, std::optional<Value>& into) {
    const std::string_view raw = value.raw_json_token();
    if (is_null(value)) return true;
    double number = 0;
    if (value.get_double().get(number)) return wrong(field, raw, expected);
    into = as(number);
    return into || wrong(field, raw, expected);
  }

  template <class Integer>
  bool integer(std::string_view field, json::value& value, Integer& into) {
    const std::string_view raw = value.raw_json_token();
    std::uint64_t number = 0;
    if (value.get_uint64().get(number) ||
        number > static_cast<std::uint64_t>(std::numeric_limits<Integer>::max()))
      return wrong(field, raw, "a whole number from 0");
    into = static_cast<Integer>(number);
    return true;
  }

  bool percent(std::string_view field, json::value& value, std::optional<double>& into) {
    return number(field, value, as_percent, "a number from 0 to 100", into);
  }

  bool memory(std::string_view field, json::value& value, std::optional<double>& into) {
    return number(field, value, as_memory_mb, "a number of MiB", into);
  }

  bool process(json::value& value, std::vector<GpuProcess>& into) {
    GpuProcess process;
    bool named = false;
    const bool read = object("processes", value, [&](std::string_view key, json::value& member) {
      if (key == "pid") return named = integer(key, member, process.pid);
      if (key == "memory_mb") return memory(key, member, process.memory_mb);
      if (key == "utilization_percent") return percent(key, member, process.utilization_percent);
      return true;
    });
    if (!read || !(named || missing("processes: pid"))) return false;
    into.push_back(process);
    return true;
  }

  bool pod(json::value& value, std::vector<PodName>& into) {
    PodName pod;
    const bool read = object("sharing", value, [&](std::string_view key, json::value& member) {
      if (key == "pod") return text(key, member, pod.name);
      if (key == "pod_namespace") return text(key, member, pod.pod_namespace);
      return true;
    });
    if (!read || !(!pod.name.empty() || missing("sharing: pod"))) return false;
    into.push_back(std::move(pod));
    return true;
  }

  bool gpu(json::value& value, std::vector<GpuReading>& into) {
    const std::string place = "gpus[" + std::to_string(into.size()) + "]";
    GpuReading& gpu = into.emplace_back();
    const bool read = object(place, value, [&](std::string_view key, json::value& member) {
      where_ = place + ".";
      return field_of(gpu, key, member);
    });
    where_ = place + ".";
    if (!read || !(!gpu.uuid.empty() || missing("uuid"))) return false;
    where_.clear();
    return true;
  }

  bool field_of(GpuReading& gpu, std::string_view key, json::value& member) {
    if (key == "uuid") return text(key, member, gpu.uuid);
    if (key == "index") return integer(key, member, gpu.index);
    if (key == "name") return text(key, member, gpu.name);
    if (key == "utilization_percent") return percent(key, member, gpu.utilization_percent);
    if (key == "sm_active_percent") return percent(key, member, gpu.sm_active_percent);
    if (key == "memory_used_mb") return memory(key, member, gpu.memory_used_mb);
    if (key == "memory_total_mb") return memory(key, member, gpu.memory_total_mb);
    if (key == "temperature_celsius") {
      return number(key, member, as_celsius, "a number from -50 to 250", gpu.temperature_celsius);
    }
    if (key == "power_watts")
      return number(key, member, as_watts, "a number from 0 to 100000", gpu.power_watts);
    if (key == "last_xid")
      return number(key, member, as_xid, "a whole number from 0 to 9999", gpu.last_xid);
    if (key == "ecc_errors_total")
      return number(key, member, as_count, "a whole number from 0", gpu.ecc_errors_total);
    if (key == "throttle_reasons") {
      return items(member, key, most_reasons, [&](json::value& item) {
        return text(key, item, gpu.throttle_reasons.emplace_back());
      });
    }
    if (key == "processes") {
      return items(member, key, most_processes,
                   [&](json::value& item) { return process(item, gpu.processes); });
    }
    if (key == "pod") return text(key, member, gpu.pod);
    if (key == "pod_namespace") return text(key, member, gpu.pod_namespace);
    if (key == "sharing") {
      return items(member, key, most_processes,
                   [&](json::value& item) { return pod(item, gpu.sharing); });
    }
    return true;
  }

  std::string where_;  // "gpus[3].", "" outside of a GPU
};

template <class Value>
void append_known(JsonObjectText& object, std::string_view name,
                  const std::optional<Value>& value) {
  if (!value) return;
  if constexpr (std::is_integral_v<Value>)
    append_json(object.member(name), static_cast<std::int64_t>(*value));
  else
    append_json(object.member(name), *value);
}

void append_known(JsonObjectText& object, std::string_view name, const std::string& value) {
  if (!value.empty()) append_json(object.member(name), value);
}

// A list that isn't empty, item by item.
template <class Item, class Append>
void append_list(JsonObjectText& object, std::string_view name, const std::vector<Item>& items,
                 Append append) {
  if (items.empty()) return;
  std::string& out = object.member(name);
  char before = '[';
  for (const Item& item : items) {
    out += before;
    append(out, item);
    before = ',';
  }
  out += ']';
}

void append_process(std::string& out, const GpuProcess& process) {
  JsonObjectText object(out);
  append_json(object.member("pid"), process.pid);
  append_known(object, "memory_mb", process.memory_mb);
  append_known(object, "utilization_percent", process.utilization_percent);
  object.end();
}

void append_pod(std::string& out, const PodName& pod) {
  JsonObjectText object(out);
  append_json(object.member("pod"), pod.name);
  append_known(object, "pod_namespace", pod.pod_namespace);
  object.end();
}

void append_gpu(std::string& out, const GpuReading& gpu) {
  JsonObjectText object(out);
  append_json(object.member("uuid"), gpu.uuid);
  append_json(object.member("index"), std::int64_t{gpu.index});
  append_known(object, "name", gpu.name);
  append_known(object, "utilization_percent", gpu.utilization_percent);
  append_known(object, "sm_active_percent", gpu.sm_active_percent);
  append_known(object, "memory_used_mb", gpu.memory_used_mb);
  append_known(object, "memory_total_mb", gpu.memory_total_mb);
  append_known(object, "temperature_celsius", gpu.temperature_celsius);
  append_known(object, "power_watts", gpu.power_watts);
  append_known(object, "last_xid", gpu.last_xid);
  append_known(object, "ecc_errors_total", gpu.ecc_errors_total);
  append_list(object, "throttle_reasons", gpu.throttle_reasons,
              [](std::string& text, const std::string& reason) { append_json(text, reason); });
  append_list(object, "processes", gpu.processes, append_process);
  append_known(object, "pod", gpu.pod);
  append_known(object, "pod_namespace", gpu.pod_namespace);
  append_list(object, "sharing", gpu.sharing, append_pod);
  object.end();
}

}  // namespace

struct RecordingParser::Impl {
  json::parser parser{longest_recorded_line};
};

RecordingParser::RecordingParser() : impl_(std::make_unique<Impl>()) {}
RecordingParser::~RecordingParser() = default;

Result<Readings> RecordingParser::parse(std::string& line) {
  const auto not_an_object = [](simdjson::error_code error) {
    return fail(ErrorKind::invalid,
                std::string("expected a JSON object: ") + simdjson::error_message(error));
  };
  line.reserve(line.size() + simdjson::SIMDJSON_PADDING);
  json::document document;
  json::object object;
  if (const auto error =
          impl_->parser.iterate(line.data(), line.size(), line.capacity()).get(document))
    return not_an_object(error);
  if (const auto error = document.get_object().get(object)) return not_an_object(error);
  Readings readings;
  RecordingLine reader;
  if (!reader.read(object, readings)) return fail(ErrorKind::invalid, reader.fault);
  // Behind the object there is nothing, which simdjson calls out of bounds.
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
    return fail(ErrorKind::invalid, "something stands behind the JSON object");
  return readings;
}

std::string recorded_line(const Readings& readings) {
  std::string line;
  JsonObjectText object(line);
  append_json(object.member("at"), to_rfc3339(readings.at));
  std::string& gpus = object.member("gpus");
  char before = '[';
  for (const GpuReading& gpu : readings.gpus) {
    gpus += before;
    append_gpu(gpus, gpu);
    before = ',';
  }
  gpus += readings.gpus.empty() ? "[]" : "]";
  object.end();
  line += '\n';
  return line;
}

}  // namespace oppen::telemetry
