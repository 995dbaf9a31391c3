#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <sstream>

#include "producers/cli/app.hpp"
#include "producers/cli/command_words.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/line_editor.hpp"

namespace oppen::cli {
namespace {

using Words = std::vector<std::string>;

// Commands that only this has; they are completed like the others.
std::vector<CompletionCommand> known_commands(const CLI::App& app) {
  auto commands = completion_commands(app);
  auto& root = commands.front().subcommands;
  std::erase_if(
      root, [](const auto& command) { return command.first == "repl" || command.first == "mcp"; });
  std::vector<std::string> names;
  for (const auto& [name, help] : root) names.push_back(name);
  root.emplace_back("help", "Lists the commands, or tells of one");
  root.emplace_back("exit", "Leaves");
  commands.push_back({"help", "", {}, {}, std::move(names)});
  commands.push_back({"exit", "", {}, {}, {}});
  return commands;
}

// One command with the options that were given to the REPL; those of its own go over them.
int run_words(const Context& outer, std::istream& in, bool in_is_terminal, Words words) {
  Words all = {"oppen",           "--kafka-brokers",  outer.kafka_brokers,
               "--topic-prefix",  outer.topic_prefix, "--console-url",
               outer.console_url, "--output",         outer.output};
  if (!outer.kafka_properties.empty())
    all.insert(all.end(), {"--kafka-properties", outer.kafka_properties});
  all.insert(all.end(), std::make_move_iterator(words.begin()),
             std::make_move_iterator(words.end()));
  std::vector<const char*> argv;
  for (const auto& word : all) argv.push_back(word.c_str());
  Context context(in, outer.out, outer.err);
  context.in_is_terminal = in_is_terminal;
  context.out_is_terminal = outer.out_is_terminal;
  context.width = outer.width;
  try {
    return run_app(context, static_cast<int>(argv.size()), argv.data());
  } catch (const std::exception& exception) {
    return context.fail_with(Error{ErrorKind::fatal, exception.what()});
  }
}

// In a process of its own: Ctrl-C ends the command and not the REPL, and so does whatever else may end a process.
int run_apart(const Context& context, Words words) {
  context.out.flush();
  // Held back until each of the two has settled what it does with it.
  sigset_t interrupt;
  sigset_t mask;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupt, &mask);
  const pid_t child = fork();
  const auto before = std::signal(SIGINT, child == 0 ? SIG_DFL : SIG_IGN);
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  if (child == 0) {
    const int code = run_words(context, context.in, true, std::move(words));
    context.out.flush();
    context.err.flush();
    _exit(code);
  }
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  std::signal(SIGINT, before);
  if (child < 0)
    return context.fail_with(Error{ErrorKind::unavailable, "no process can be made for a command"});
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  if (WTERMSIG(status) != SIGINT)
    context.err << "oppen: the command was ended by signal " << WTERMSIG(status) << '\n';
  else
    context.out << '\n';
  return 128 + WTERMSIG(status);  // as shells have it
}

struct Turn {
  bool leave = false;
  int code = done;
};

Turn take_line(const Context& context, const std::string& line,
               const std::function<int(Words)>& run) {
  auto words = split_words(line);
  if (!words) return {false, context.fail_with(words.error())};
  if (words->empty()) return {};
  const std::string& first = words->front();
  if (first == "exit" || first == "quit") return {true, done};
  if (first == "repl")
    return {false, context.fail_with(Error{ErrorKind::invalid, "this is it: type a command"})};
  if (first == "mcp")  // would take the lines that follow for its own
    return {false, context.fail_with(
                       Error{ErrorKind::invalid, "mcp takes the whole input: run `oppen mcp`"})};
  if (first == "help") {
    words->erase(words->begin());
    words->push_back("--help");
  }
  return {false, run(*std::move(words))};
}

int read_script(const Context& context) {
  int failed = done;
  std::string line;
  std::istringstream nothing;  // the lines are commands; none of them is input of another
  const auto run = [&](Words words) {
    return run_words(context, nothing, false, std::move(words));
  };
  while (std::getline(context.in, line)) {
    const auto turn = take_line(context, line, run);
    context.out.flush();
    if (turn.code != done) failed = turn.code;
    if (turn.leave) break;
  }
  return failed;
}

int converse(const Context& context, const CLI::App& app) {
  const auto commands = known_commands(app);
  LineEditor editor("oppen> ", history_file(),
                    [&commands](std::string_view line) { return continuations(commands, line); });
  context.out
      << "Commands as on the command line, without `oppen`; help lists them, Tab completes, "
         "Ctrl-D leaves.\n"
      << std::flush;
  int failed = done;
  while (const auto line = editor.read()) {
    editor.remember(*line);
    const auto turn = take_line(
        context, *line, [&context](Words words) { return run_apart(context, std::move(words)); });
    if (turn.code != done) failed = turn.code;
    if (turn.leave) return failed;
  }
  context.out << '\n';
  return failed;
}

}  // namespace

void add_repl(CLI::App& app, Context& context) {
  CLI::App* const command = app.add_subcommand(
      "repl", "Takes commands, one a line, from the keyboard or from the standard input.");
  command->footer(
      "Examples:\n"
      "  oppen repl\n"
      "  echo status | oppen repl\n"
      "  oppen -o json repl < commands.txt\n"
      "The options given to it hold for all its commands. What fails does not end it; it ends with "
      "the exit code of the\n"
      "last command that failed, 0 when none has.\n");
  command->callback([&app, &context] {
    context.run = [&app, &context] {
      return context.in_is_terminal && context.out_is_terminal ? converse(context, app)
                                                               : read_script(context);
    };
  });
}

}  // namespace oppen::cli
