#include "schemas/forms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "schemas/text.hpp"

namespace oppen::forms {
namespace {

bool is_id(std::string_view text) { return is_dns_label(text, max_id_length); }
bool is_some(std::string_view text) { return !text.empty(); }
bool is_full_label_value(std::string_view text) { return !text.empty() && is_label_value(text); }

std::optional<std::int64_t> whole(const json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return std::nullopt;
    }
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  return std::nullopt;
}

bool is_clean_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos && utf8_length(text).has_value();
}

bool is_clean(const json& value) {
  if (const auto* text = value.get_ptr<const std::string*>()) return is_clean_text(*text);
  if (const auto* object = value.get_ptr<const json::object_t*>()) {
    return std::all_of(object->begin(), object->end(), [](const auto& member) {
      return is_clean_text(member.first) && is_clean(member.second);
    });
  }
  if (const auto* list = value.get_ptr<const json::array_t*>()) {
    return std::all_of(list->begin(), list->end(), [](const json& item) { return is_clean(item); });
  }
  return !value.is_discarded();
}

// As its dump(), which costs more than the rest of an event.
void append_value(std::string& out, const json& value) {
  switch (value.type()) {
    case json::value_t::string:
      append_json(out, std::string_view(value.get_ref<const std::string&>()));
      break;
    case json::value_t::number_integer:
      append_json(out, value.get<std::int64_t>());
      break;
    case json::value_t::number_float:
      append_json(out, value.get<double>());
      break;
    case json::value_t::boolean:
      append_json(out, value.get<bool>());
      break;
    case json::value_t::object:
      out += '{';
      for (const auto& [name, element] : value.get_ref<const json::object_t&>()) {
        if (out.back() != '{') out += ',';
        append_json(out, std::string_view(name));
        out += ':';
        append_value(out, element);
      }
      out += '}';
      break;
    case json::value_t::array:
      out += '[';
      for (const auto& element : value) {
        if (out.back() != '[') out += ',';
        append_value(out, element);
      }
      out += ']';
      break;
    default:
      out += value.dump();
  }
}

// Reads quantity text or a plain number with one of the parsers of units.hpp.
template <class Form, class Parser>
bool read_quantity(const Form& form, Parser parser, const json& value, std::int64_t& into,
                   const Place& place) {
  const auto* text = value.get_ptr<const std::string*>();
  if (text != nullptr || value.is_number()) {
    const auto amount = parser(text != nullptr ? *text : value.dump());
    if (amount && *amount >= form.min && *amount <= form.max) {
      into = *amount;
      return true;
    }
  }
  return place.wrong(value, form.expected());
}

template <class Form, class Format>
std::string expected_quantity(const char* what, const Form& form, Format format) {
  if (form.max == std::numeric_limits<std::int64_t>::max()) return what;
  return fmt::format("{} from {} to {}", what, format(form.min), format(form.max));
}

}  // namespace

const Text id{max_id_length, is_id,
              "a DNS label of 1 to 50 characters (a-z, 0-9, -, letter or digit at both ends)"};
const Text some{std::numeric_limits<std::size_t>::max(), is_some, "text that is not empty"};
const Text label_value{63, is_label_value,
                       "a Kubernetes label value (at most 63 of A-Z, a-z, 0-9, -, _ and ., letter "
                       "or digit at both ends)"};
const Text model_type{63, is_full_label_value,
                      "a Kubernetes label value that is not empty (1 to 63 of A-Z, a-z, 0-9, -, _ "
                      "and ., letter or digit at both ends)"};

bool Text::read(const json& value, std::string& into, const Place& place) const {
  const auto* text = value.get_ptr<const std::string*>();
  if (text != nullptr && takes(*text)) {
    into = *text;
    return true;
  }
  return secret ? place.wrong_secret(expected()) : place.wrong(value, expected());
}

bool Text::takes(std::string_view value) const {
  if (value.find('\0') != std::string_view::npos) return false;
  const auto length = utf8_length(value);
  return length && *length <= max && (check == nullptr || check(value));
}

std::string Text::expected() const {
  if (description != nullptr) return description;
  const std::string plain = "UTF-8 text without NUL";
  return max == std::numeric_limits<std::size_t>::max()
             ? plain
             : fmt::format("{} of at most {} characters", plain, max);
}

bool Whole::read(const json& value, std::int64_t& into, const Place& place) const {
  const auto number = whole(value);
  if (!number || *number < min || *number > max) return place.wrong(value, expected());
  into = *number;
  return true;
}

bool Whole::read(const json& value, int& into, const Place& place) const {
  using Limits = std::numeric_limits<int>;
  const Whole narrow{std::max<std::int64_t>(min, Limits::min()),
                     std::min<std::int64_t>(max, Limits::max())};
  std::int64_t number = 0;
  if (!narrow.read(value, number, place)) return false;
  into = static_cast<int>(number);
  return true;
}

std::string Whole::expected() const {
  using Limits = std::numeric_limits<std::int64_t>;
  if (min == Limits::min()) return "a whole number";
  if (max == Limits::max()) return fmt::format("a whole number of at least {}", min);
  return fmt::format("a whole number from {} to {}", min, max);
}

bool Real::read(const json& value, double& into, const Place& place) const {
  if (value.is_number()) {
    const auto number = value.get<double>();
    if (takes(number)) {
      into = number;
      return true;
    }
  }
  return place.wrong(value, expected());
}

bool Real::takes(double value) const {
  return std::isfinite(value) && value >= min && value <= max && !(above_min && value == min);
}

std::string Real::expected() const {
  using Limits = std::numeric_limits<double>;
  if (min == Limits::lowest()) return "a number";
  if (max == Limits::max()) return fmt::format("a number of at least {}", min);
  return fmt::format("a number {} {} and at most {}", above_min ? "above" : "of at least", min,
                     max);
}

bool Flag::read(const json& value, bool& into, const Place& place) const {
  if (!value.is_boolean()) return place.wrong(value, expected());
  into = value.get<bool>();
  return true;
}

bool Instant::read(const json& value, Time& into, const Place& place) const {
  if (const auto* text = value.get_ptr<const std::string*>()) {
    if (const auto time = parse_rfc3339(*text)) {
      into = *time;
      return true;
    }
  }
  return place.wrong(value, expected());
}

bool Instant::takes(Time value) const {
  using namespace std::chrono;
  return value >= Time{} && value < sys_days{year{10000} / 1 / 1};  // as parse_rfc3339
}

bool Money::read(const json& value, MicroUsd& into, const Place& place) const {
  const auto number = whole(value);
  if (!number || *number < min) return place.wrong(value, expected());
  into.value = *number;
  return true;
}

bool Cpu::read(const json& value, std::int64_t& into, const Place& place) const {
  return read_quantity(*this, parse_millicores, value, into, place);
}

std::string Cpu::expected() const {
  return expected_quantity("a CPU quantity such as 500m or 2", *this, format_millicores);
}

bool Memory::read(const json& value, std::int64_t& into, const Place& place) const {
  return read_quantity(*this, parse_bytes, value, into, place);
}

std::string Memory::expected() const {
  return expected_quantity("a memory quantity such as 512Mi or 2Gi", *this, format_bytes);
}

bool Object::read(const json& value, json& into, const Place& place) const {
  if (!takes(value)) return place.wrong(value, expected());
  into = value;
  return true;
}

void Object::write(std::string& out, const json& value) const { append_value(out, value); }

bool Object::takes(const json& value) const { return value.is_object() && is_clean(value); }

std::string one_of_text(const std::string_view* begin, const std::string_view* end) {
  return fmt::format("one of {}", fmt::join(begin, end, ", "));
}

}  // namespace oppen::forms
