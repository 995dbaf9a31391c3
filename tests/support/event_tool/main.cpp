// event-tool MODE: lets tests in other languages use the project's own codec. Reads one JSON object
// a line from standard input and answers each with one JSON object a line.
//
//   encode     {"type", "id", "key", "data"}     -> {"key", "headers": [[name, value], ...],
//   "value"} decode     {"key", "headers", "value"}       -> {"id", "source", "type", "time",
//   "subject", "data"} check      {"type", "data"}                  -> {"data"} as we would write
//   it partition  {"key", "partitions"}             -> {"partition"} types      (no input) ->
//   {"type", "topic"} for each event type, and
//                                                   {"topic", "partitions", "retention_hours"} for
//                                                   each topic
//
// What is refused is answered by {"error"}, with {"fields": [{"path", "value", "expected"}, ...]}
// where the data is wrong.
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "schemas/cloud_event.hpp"
#include "schemas/event_types.hpp"
#include "schemas/topics.hpp"

namespace {

using nlohmann::json;
using namespace oppen;

json checked(const std::string& type, const json& data) {
  const EventType* known = find_event_type(type);
  if (known == nullptr) return {{"error", "there is no event type " + type}};
  const auto written = known->rewrite(data);
  if (written) return {{"data", *written}};
  json fields = json::array();
  for (const auto& error : written.error()) {
    fields.push_back({{"path", error.path}, {"value", error.value}, {"expected", error.expected}});
  }
  return {{"error", sentences(written.error())}, {"fields", fields}};
}

json encoded(const json& in) {
  const std::string type = in.at("type");
  json answer = checked(type, in.at("data"));
  if (answer.contains("error")) return answer;
  const CloudEvent event{in.at("id"),         "/oppen/event-tool", type,
                         SystemClock().now(), in.at("key"),        answer.at("data")};
  const KafkaRecord record = encode(event, in.at("key"));
  json headers = json::array();
  for (const auto& [name, value] : record.headers) headers.push_back({name, value});
  return {{"key", record.key}, {"headers", headers}, {"value", record.value.value()}};
}

json decoded(const json& in) {
  KafkaRecord record{in.at("key"), std::nullopt, {}};
  if (!in.at("value").is_null()) record.value = in.at("value").get<std::string>();
  for (const auto& header : in.at("headers"))
    record.headers.emplace_back(header.at(0), header.at(1));
  const auto event = decode(record);
  if (!event) return {{"error", event.error().message}};
  json answer = checked(event->type, event->data);
  answer["id"] = event->id;
  answer["source"] = event->source;
  answer["type"] = event->type;
  answer["time"] = to_rfc3339(event->time);
  answer["subject"] = event->subject;
  return answer;
}

void print_types() {
  for (const auto& type : event_types()) {
    std::cout << json({{"type", type.type}, {"topic", type.topic}}) << '\n';
  }
  for (const auto& topic : topics::all()) {
    std::cout << json({{"topic", topic.name},
                       {"partitions", topic.partitions},
                       {"retention_hours", topic.retention.count()}})
              << '\n';
  }
}

json answer(const std::string& mode, const json& in) {
  if (mode == "encode") return encoded(in);
  if (mode == "decode") return decoded(in);
  if (mode == "check") return checked(in.at("type"), in.at("data"));
  return {{"partition", partition_of(in.at("key").get<std::string>(), in.at("partitions"))}};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc == 2 ? argv[1] : "";
  if (mode == "types") {
    print_types();
    return 0;
  }
  if (mode != "encode" && mode != "decode" && mode != "check" && mode != "partition") {
    std::cerr << "usage: event-tool encode|decode|check|partition|types\n";
    return 2;
  }
  try {
    for (std::string line; std::getline(std::cin, line);) {
      std::cout << answer(mode, json::parse(line)) << std::endl;
    }
  } catch (const json::exception& error) {
    std::cerr << "event-tool " << mode
              << ": the line of input is not as described: " << error.what() << '\n';
    return 2;
  }
  return 0;
}
