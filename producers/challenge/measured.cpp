#include <limits>
#include <nlohmann/json.hpp>

#include "producers/challenge/challenge.hpp"
#include "schemas/text.hpp"

namespace oppen::challenge {
namespace {

using nlohmann::json;

std::string shown(const json& value) {
  return shortened(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

// One object of the list.
class MeasuredReader {
 public:
  MeasuredReader(const json& object, std::string path, FieldErrors& errors)
      : object_(object), path_(std::move(path)), errors_(errors) {}

  bool has(const char* name) const { return object_.contains(name); }
  void fault(const char* name, const std::string& expected) {
    errors_.push_back({path_ + "." + name, has(name) ? shown(object_[name]) : "absent", expected});
  }
  double number(const char* name, double least, double most, const std::string& expected) {
    if (has(name) && object_[name].is_number()) {
      const double value = object_[name].get<double>();
      if (value >= least && value <= most) return value;
    }
    fault(name, expected);
    return 1;
  }
  std::string text(const char* name) const {
    return has(name) && object_[name].is_string() ? object_[name].get<std::string>() : "";
  }

 private:
  const json& object_;
  std::string path_;
  FieldErrors& errors_;
};

Measured read_one(MeasuredReader reader) {
  Measured one;
  one.gpu_type = reader.text("gpu_type");
  if (gpu_of(one.gpu_type) == nullptr) reader.fault("gpu_type", "T4, V100 or A100");
  const auto precision = reader.text("precision");
  bool known = false;
  for (const auto each : all_precisions) {
    if (precision != to_string(each)) continue;
    one.precision = each;
    known = true;
  }
  if (!known) reader.fault("precision", "FP32, FP16 or INT8");
  const double batch = reader.number("batch_size", 1, 4'096, "a whole number from 1 to 4096");
  one.batch_size = static_cast<int>(batch);
  if (batch != one.batch_size) reader.fault("batch_size", "a whole number from 1 to 4096");
  if (reader.has("batch_ms")) {
    one.batch_seconds =
        reader.number("batch_ms", 1e3 * least_batch_seconds, 1e3 * most_batch_seconds,
                      "the milliseconds of a batch, from 0.001 to 3600000") /
        1e3;
  } else {
    one.batch_seconds =
        one.batch_size /
        reader.number("inferences_per_second", one.batch_size / most_batch_seconds,
                      one.batch_size / least_batch_seconds,
                      "a rate here, by which a batch takes a microsecond to an hour, or the "
                      "milliseconds of a batch in batch_ms");
  }
  if (reader.has("accuracy_percent"))
    one.accuracy_percent = reader.number("accuracy_percent", std::numeric_limits<double>::min(),
                                         100, "above 0, at most 100");
  return one;
}

}  // namespace

tl::expected<std::vector<Measured>, FieldErrors> parse_measured(std::string_view text) {
  const json list = json::parse(text, nullptr, false);
  if (!list.is_array())
    return tl::unexpected(FieldErrors{
        {"the list", list.is_discarded() ? "not JSON" : shown(list), "a JSON array of runs"}});
  FieldErrors errors;
  std::vector<Measured> measured;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string path = "[" + std::to_string(i) + "]";
    if (!list[i].is_object()) {
      errors.push_back({path, shown(list[i]), "an object"});
    } else {
      measured.push_back(read_one({list[i], path, errors}));
    }
  }
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  return measured;
}

}  // namespace oppen::challenge
