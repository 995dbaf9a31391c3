#pragma once
// What every command of `oppen` is given: where things are, how to speak, and what to do when it
// fails. One per run of the program, one thread.
#include <chrono>
#include <functional>
#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "producers/client/kafka.hpp"
#include "schemas/error.hpp"

namespace oppen::cli {

// How long a broker may take before it counts as unreachable.
inline constexpr std::chrono::seconds reach_deadline{10};

// The exit codes of the contract.
enum ExitCode : int {
  done = 0,
  answer_is_no = 1,
  bad_input = 2,
  unreachable = 3,
  no_such_thing = 4
};

struct Context {
  // The streams must outlive this. `width` of the terminal in columns; 0: not a terminal, as wide
  // as it takes.
  Context(std::istream& its_in, std::ostream& its_out, std::ostream& its_err)
      : in(its_in), out(its_out), err(its_err) {}

  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_is_terminal = false;
  int width = 0;

  // Global options.
  std::string kafka_brokers = "127.0.0.1:9092";
  std::string kafka_properties;  // secret
  std::string topic_prefix = "oppen.";
  std::string console_url = "http://127.0.0.1:8088";
  std::string output = "text";

  std::function<int()> run;  // the command that was chosen; gives the exit code

  bool json() const { return output == "json"; }
  // Prints one JSON value on a line of its own (`pretty`: over several).
  void print(const nlohmann::json& value, bool pretty = true) const;

  // Errors: invalid, for malformed kafka_properties.
  Result<client::KafkaSettings> kafka() const;
  // A failure to reach Kafka, with where it was looked for and the setting that says so.
  Error kafka_error(const Error& error) const;

  // Says what went wrong, on stderr, or with -o json as {"error":{"code","message"}} on stdout;
  // gives the exit code.
  int fail_with(const Error& error) const;
  // Every fault of an input; exit code bad_input. `what`: "the job".
  int fail_with(const std::string& what, const FieldErrors& errors) const;
};

ExitCode exit_code_of(ErrorKind kind);

// Who asks: $USER, else the name of the user by whom this runs, "unknown" where there is none.
std::string user_name();

// The text of a file, or of the standard input for "-". Errors: invalid, naming the file.
Result<std::string> read_input(Context& context, const std::string& path);

}  // namespace oppen::cli
