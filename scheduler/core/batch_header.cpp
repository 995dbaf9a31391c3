#include "scheduler/core/batch_header.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "schemas/json_text.hpp"

namespace oppen::core {

using nlohmann::json;

std::string BatchHeader::encode() const {
  json data{{"state", state},   {"first_seen", first_seen.time_since_epoch().count()},
            {"offset", offset}, {"repeated", repeated},
            {"parts", parts},   {"received", received},
            {"counts", counts}, {"cancelled_by", cancelled_by},
            {"begun", begun},   {"begun_by", begun_by}};
  if (max_total) data["max_total"] = max_total->value;
  auto text = data.dump();
  if (jobs.empty()) return text;
  // Thousands of ids: no tree is made of them.
  text.pop_back();
  text += ",\"jobs\":[";
  for (const auto& id : jobs) {
    if (text.back() != '[') text += ',';
    append_json(text, std::string_view(id));
  }
  return text += "]}";
}

Result<BatchHeader> BatchHeader::decode(const std::string& text) {
  const auto data = json::parse(text, nullptr, false);
  if (!data.is_object()) return fail(ErrorKind::fatal, "a batch record in Redis is broken");
  BatchHeader header;
  header.state = data.value("state", "");
  header.first_seen = Time{std::chrono::milliseconds{data.value("first_seen", std::int64_t{0})}};
  header.offset = data.value("offset", std::int64_t{-1});
  header.repeated = data.value("repeated", std::int64_t{-1});
  header.parts = data.value("parts", 1);
  header.received = data.value("received", header.received);
  header.counts = data.value("counts", header.counts);
  header.cancelled_by = data.value("cancelled_by", "");
  header.begun = data.value("begun", 0);
  header.begun_by = data.value("begun_by", "");
  header.jobs = data.value("jobs", header.jobs);
  if (data.contains("max_total"))
    header.max_total = MicroUsd{data["max_total"].get<std::int64_t>()};
  return header;
}

std::string part_key(const std::string& batch_id, int part) {
  return fmt::format("batch:{}:part:{}", batch_id, part);
}

}  // namespace oppen::core
