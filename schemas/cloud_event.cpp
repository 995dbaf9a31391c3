#include "schemas/cloud_event.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>

#include "schemas/binary_mode.hpp"
#include "schemas/text.hpp"

namespace oppen {
namespace {

using nlohmann::json;

constexpr int max_depth = 32;
constexpr std::string_view structured_prefix = "application/cloudevents";
constexpr std::string_view structured_type = "application/cloudevents+json";

tl::unexpected<Error> invalid(std::string message) {
  return fail(ErrorKind::invalid, std::move(message));
}

std::string quoted(std::string_view text) {
  return json(shortened(text)).dump(-1, ' ', false, json::error_handler_t::replace);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// The last header of that name, as Kafka's own clients take it.
std::optional<std::string_view> header(const KafkaRecord& record, std::string_view name) {
  for (auto it = record.headers.rbegin(); it != record.headers.rend(); ++it) {
    if (equal_ignoring_case(it->first, name)) return it->second;
  }
  return std::nullopt;
}

// The media type without its parameters, e.g. "; charset=utf-8".
std::string_view media_type(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  return content_type;
}

bool is_json_type(std::string_view content_type) {
  const std::string_view type = media_type(content_type);
  constexpr std::string_view suffix = "+json";
  return equal_ignoring_case(type, "application/json") ||
         (type.size() > suffix.size() &&
          equal_ignoring_case(type.substr(type.size() - suffix.size()), suffix));
}

// Looked at before parsing, so that no reader has to survive a tower of brackets.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > max_depth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

tl::unexpected<Error> too_deep(const char* what) {
  return invalid(
      fmt::format("the {} nests deeper than {} levels: expected flatter JSON", what, max_depth));
}
tl::unexpected<Error> not_json(std::string_view text, const char* what) {
  return invalid(fmt::format("the {} is {}: expected JSON in UTF-8", what, quoted(text)));
}

Result<json> parse_json(std::string_view text, const char* what,
                        const json::parser_callback_t& callback = nullptr) {
  if (is_too_deep(text)) return too_deep(what);
  json value = json::parse(text, callback, false);
  if (value.is_discarded()) return not_json(text, what);
  return value;
}

// Attributes are UTF-8 without control characters. An absent one that may be absent is "".
Status set_attribute(std::string& into, const char* name, std::optional<std::string_view> text,
                     bool required) {
  if (!text || text->empty()) {
    if (!required) return {};
    return invalid(
        fmt::format("the attribute {} is missing: expected a CloudEvents 1.0 event", name));
  }
  const bool clean = std::all_of(text->begin(), text->end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f;
  });
  if (!clean || !utf8_length(*text)) {
    return invalid(fmt::format("the attribute {} is {}: expected UTF-8 without control characters",
                               name, quoted(*text)));
  }
  into = *text;
  return {};
}

// `get` gives an attribute by its CloudEvents name.
template <class Get>
Result<CloudEvent> read_attributes(const Get& get) {
  const std::optional<std::string_view> version = get("specversion");
  if (version != "1.0") {
    return invalid(version ? "the attribute specversion is " + quoted(*version) + ": expected 1.0"
                           : "the attribute specversion is missing: expected 1.0");
  }
  CloudEvent event;
  std::string time;
  for (const auto& [into, name, required] :
       {std::tuple{&event.id, "id", true}, std::tuple{&event.source, "source", true},
        std::tuple{&event.type, "type", true}, std::tuple{&event.subject, "subject", false},
        std::tuple{&time, "time", false}}) {
    if (auto status = set_attribute(*into, name, get(name), required); !status) {
      return fail(status.error());
    }
  }
  if (!time.empty()) {
    const auto parsed = parse_rfc3339(time);
    if (!parsed) return fail(parsed.error().in_context("reading the attribute time"));
    event.time = *parsed;
  }
  return event;
}

std::optional<std::string> decode_base64(const std::string& text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const auto padding = static_cast<std::size_t>(
      std::count(text.end() - std::min<std::ptrdiff_t>(2, std::ssize(text)), text.end(), '='));
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

Result<json> structured_data(json& envelope) {
  if (const auto encoded = envelope.find("data_base64"); encoded != envelope.end()) {
    const auto* text = encoded->get_ptr<const std::string*>();
    const auto bytes = text ? decode_base64(*text) : std::nullopt;
    if (!bytes)
      return invalid("the event's data_base64 is not base64 text: expected JSON in base64");
    return parse_json(*bytes, "event's data_base64");
  }
  const auto data = envelope.find("data");
  if (data == envelope.end()) return invalid("the event has no data: expected a JSON object");
  return std::move(*data);
}

Result<CloudEvent> decode_structured(std::string_view value) {
  auto envelope = parse_json(value, "structured event");
  if (!envelope) return fail(envelope.error());
  if (!envelope->is_object()) {
    return invalid("the structured event is " + quoted(value) + ": expected a JSON object");
  }
  const auto get = [&](const char* name) -> std::optional<std::string_view> {
    const auto found = envelope->find(name);
    if (found == envelope->end()) return std::nullopt;
    const auto* text = found->template get_ptr<const std::string*>();
    return text ? std::optional<std::string_view>(*text) : std::nullopt;
  };
  if (const auto type = get("datacontenttype"); type && !is_json_type(*type)) {
    return invalid("the attribute datacontenttype is " + quoted(*type) +
                   ": expected application/json");
  }
  auto event = read_attributes(get);
  if (!event) return event;
  auto data = structured_data(*envelope);
  if (!data) return fail(data.error());
  event->data = std::move(*data);
  return event;
}

Result<CloudEvent> binary_attributes(const KafkaRecord& record) {
  if (const auto type = header(record, "content-type"); type && !is_json_type(*type)) {
    return invalid("the header content-type is " + quoted(*type) +
                   ": expected application/json or application/cloudevents+json");
  }
  return read_attributes(
      [&](const char* name) { return header(record, std::string("ce_") + name); });
}

// Whether the whole event is in the value; else its attributes are headers.
Result<bool> is_structured(const KafkaRecord& record) {
  if (!record.value) return invalid("the record's value is null: expected an event's JSON");
  const auto type = header(record, "content-type");
  if (!type || !equal_ignoring_case(type->substr(0, structured_prefix.size()), structured_prefix)) {
    return false;
  }
  if (!equal_ignoring_case(media_type(*type), structured_type)) {
    return invalid("the header content-type is " + quoted(*type) +
                   ": expected application/cloudevents+json, one event a record");
  }
  return true;
}

}  // namespace

KafkaRecord encode(const CloudEvent& event, std::string key) {
  return encode(event, std::move(key),
                event.data.dump(-1, ' ', false, json::error_handler_t::replace));
}

KafkaRecord encode(const CloudEvent& event_without_data, std::string key, std::string data_json) {
  const CloudEvent& event = event_without_data;
  KafkaRecord record{std::move(key), std::move(data_json), {}};
  const auto time = event.time == Time{} ? std::string() : to_rfc3339(event.time);
  const BinaryHeaders headers(event.id, event.source, event.type, time, event.subject);
  record.headers.reserve(headers.all().size());
  for (const auto& [name, value] : headers.all()) record.headers.emplace_back(name, value);
  return record;
}

Result<CloudEvent> decode(const KafkaRecord& record) {
  const auto structured = is_structured(record);
  if (!structured) return fail(structured.error());
  if (*structured) return decode_structured(*record.value);
  auto event = binary_attributes(record);
  if (!event) return event;
  auto data = parse_event_data(*record.value);
  if (!data) return fail(data.error());
  event->data = std::move(*data);
  return event;
}

Result<UnparsedEvent> decode_unparsed(const KafkaRecord& record) {
  const auto structured = is_structured(record);
  if (!structured) return fail(structured.error());
  auto event = *structured ? decode_structured(*record.value) : binary_attributes(record);
  if (!event) return fail(event.error());
  UnparsedEvent unparsed{std::move(*event), {}};
  if (*structured) unparsed.data = std::exchange(unparsed.event.data, {}).dump();
  return unparsed;
}

Result<json> parse_event_data(std::string_view text, const json::parser_callback_t& callback) {
  return parse_json(text, "record's value", callback);
}

Status walk_event_data(std::string_view text, json::json_sax_t& handler) {
  constexpr auto what = "record's value";
  if (is_too_deep(text)) return too_deep(what);
  if (!json::sax_parse(text, &handler)) return not_json(text, what);
  return {};
}

}  // namespace oppen
