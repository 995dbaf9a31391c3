#pragma once
// A CloudEvents 1.0 event and its Kafka protocol binding.
//
// We write binary mode: attributes as `ce_` headers, content-type application/json, the value is
// the data. We read binary and structured mode (content-type application/cloudevents+json). Pure
// functions, any thread.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/error.hpp"
#include "schemas/time.hpp"

namespace oppen {

struct CloudEvent {
  std::string id;
  std::string source;   // "/oppen/scheduler"
  std::string type;     // "dev.oppen.job.submit.v1"
  Time time{};          // UTC
  std::string subject;  // the job id where there is one, else ""
  nlohmann::json data;
};

// A record as it goes to or comes from Kafka. Headers keep their order; a name may repeat. A null
// value is nullopt.
struct KafkaRecord {
  std::string key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::string>> headers;
};

// Binary mode. `key` is the record's key (the job, batch or thing id of the contract).
KafkaRecord encode(const CloudEvent& event, std::string key);
// The same for data that is JSON text already, so that it is not parsed to be printed again.
KafkaRecord encode(const CloudEvent& event_without_data, std::string key, std::string data_json);

// Errors are of kind invalid and name the header or field, its value and what was expected: no
// specversion, a specversion other than 1.0, no id/source/type, a malformed time, a value that is
// not JSON or not UTF-8, nesting deeper than 32, a null value. An absent time is the epoch (1970):
// the caller takes the record's timestamp instead.
Result<CloudEvent> decode(const KafkaRecord& record);

// The same with the data left as JSON text, for data that is too large to be in memory parsed. That it
// is JSON is the caller's to find out, by parse_event_data.
struct UnparsedEvent {
  CloudEvent event;  // without data
  std::string data;  // "": the record's value is the data
};
Result<UnparsedEvent> decode_unparsed(const KafkaRecord& record);
// `callback` as of nlohmann::json::parse: it may take parts and leave them out of the result.
Result<nlohmann::json> parse_event_data(
    std::string_view text, const nlohmann::json::parser_callback_t& callback = nullptr);
// Tells `handler` of it piece by piece, and keeps nothing.
Status walk_event_data(std::string_view text, nlohmann::json::json_sax_t& handler);

// The Java client's default partitioner (murmur2 of the key, sign bit cleared, modulo), so that
// every client agrees.
int partition_of(std::string_view key, int partition_count);

}  // namespace oppen
