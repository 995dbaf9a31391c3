#include "producers/cli/context.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace oppen::cli {

void Context::print(const nlohmann::json& value, bool pretty) const {
  out << value.dump(pretty ? 2 : -1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n'
      << std::flush;
}

Result<client::KafkaSettings> Context::kafka() const {
  auto properties = client::parse_kafka_properties(kafka_properties);
  if (!properties)
    return fail(
        properties.error().in_context("reading --kafka-properties (OPPEN_KAFKA_PROPERTIES)"));
  client::KafkaSettings settings;
  settings.brokers = kafka_brokers;
  settings.properties = *std::move(properties);
  settings.topic_prefix = topic_prefix;
  settings.client_id = "oppen-cli";
  return settings;
}

Error Context::kafka_error(const Error& error) const {
  if (error.kind == ErrorKind::unavailable) {
    return {error.kind,
            "Kafka at " + kafka_brokers +
                " can't be reached (--kafka-brokers or OPPEN_KAFKA_BROKERS says where it is): " +
                error.message};
  }
  // A missing topic is a stack that was not set up, not a job that isn't there.
  if (error.kind == ErrorKind::not_found) {
    return {ErrorKind::unavailable, "Kafka at " + kafka_brokers + ": " + error.message +
                                        " (are the topics created? --topic-prefix is \"" +
                                        topic_prefix + "\")"};
  }
  return error;
}

int Context::fail_with(const Error& error) const {
  if (json()) {
    print({{"error", {{"code", to_string(error.kind)}, {"message", error.message}}}});
  } else {
    err << "oppen: " << error.message << '\n';
  }
  return exit_code_of(error.kind);
}

int Context::fail_with(const std::string& what, const FieldErrors& errors) const {
  if (json()) {
    nlohmann::json fields = nlohmann::json::array();
    for (const FieldError& error : errors) {
      fields.push_back(
          {{"path", error.path}, {"value", error.value}, {"expected", error.expected}});
    }
    print({{"error",
            {{"code", to_string(ErrorKind::invalid)},
             {"message", what + " is not valid"},
             {"fields", fields}}}});
    return bad_input;
  }
  err << "oppen: " << what << " is not valid; nothing was submitted:\n";
  for (const FieldError& error : errors) err << "  " << error.sentence() << '\n';
  return bad_input;
}

ExitCode exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return bad_input;
    case ErrorKind::not_found:
      return no_such_thing;
    case ErrorKind::conflict:
    case ErrorKind::refused:
      return answer_is_no;
    case ErrorKind::unavailable:
    case ErrorKind::fenced:
    case ErrorKind::fatal:
      return unreachable;
  }
  return unreachable;
}

std::string user_name() {
  const char* const user = std::getenv("USER");
  if (user != nullptr && *user != '\0') return user;
  const passwd* const entry = getpwuid(geteuid());  // jobs of cron and containers have no USER
  return entry != nullptr ? entry->pw_name : "unknown";
}

Result<std::string> read_input(Context& context, const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(context.in), {});
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file.is_open() || file.bad()) {
    return fail(ErrorKind::invalid, "the file " + path + " can't be read: " + std::strerror(errno));
  }
  return text;
}

}  // namespace oppen::cli
