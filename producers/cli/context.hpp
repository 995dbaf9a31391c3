#pragma once
// What every command of `oppen` is given: where things are, how to speak, and what to do when it
// fails. One per run of the program, one thread.
#include <functional>
#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "producers/access/endpoints.hpp"
#include "schemas/error.hpp"

namespace oppen::cli {

using namespace access;  // what the commands share with the agent's tools

// The exit codes of the contract.
enum ExitCode : int {
  done = 0,
  answer_is_no = 1,
  bad_input = 2,
  unreachable = 3,
  no_such_thing = 4
};

struct Context : Endpoints {
  // The streams must outlive this. `width` of the terminal in columns; 0: not a terminal, as wide
  // as it takes.
  Context(std::istream& its_in, std::ostream& its_out, std::ostream& its_err)
      : in(its_in), out(its_out), err(its_err) {}

  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  int width = 0;

  std::string output = "text";  // a global option, like the endpoints

  std::function<int()> run;  // the command that was chosen; gives the exit code

  bool json() const { return output == "json"; }
  // Prints one JSON value on a line of its own (`pretty`: over several).
  void print(const nlohmann::json& value, bool pretty = true) const;

  // Says what went wrong, on stderr, or with -o json as {"error":{"code","message"}} on stdout;
  // gives the exit code.
  int fail_with(const Error& error) const;
  // Every fault of an input; exit code bad_input. `what`: "the job".
  int fail_with(const std::string& what, const FieldErrors& errors) const;
};

ExitCode exit_code_of(ErrorKind kind);

// The text of a file, or of the standard input for "-". Errors: invalid, naming the file.
Result<std::string> read_input(Context& context, const std::string& path);

}  // namespace oppen::cli
