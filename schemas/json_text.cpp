#include "schemas/json_text.hpp"

#include <fmt/compile.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

namespace oppen {
namespace {

bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
}

}  // namespace

void append_json(std::string& out, std::string_view text) {
  using nlohmann::json;
  if (std::all_of(text.begin(), text.end(), is_plain)) {
    out += '"';
    out += text;
    out += '"';
  } else {
    out += json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  }
}

void append_json(std::string& out, std::int64_t value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

void append_json(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  const auto begin = out.size();
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}"), value);
  // Readers that tell whole numbers from real ones shall see a real one.
  if (out.find_first_of(".e", begin) == std::string::npos) out += ".0";
}

void append_json(std::string& out, bool value) { out += value ? "true" : "false"; }

std::string& JsonObjectText::member(std::string_view name) {
  last_begin_ = out_.size();
  any_before_ = any_;
  if (any_) out_ += ',';
  any_ = true;
  out_ += '"';
  out_ += name;
  out_ += "\":";
  value_begin_ = out_.size();
  return out_;
}

void JsonObjectText::drop_if_empty() {
  const auto value = std::string_view(out_).substr(value_begin_);
  if (value != "\"\"" && value != "[]" && value != "{}" && value != "null") return;
  out_.resize(last_begin_);
  any_ = any_before_;
}

}  // namespace oppen
