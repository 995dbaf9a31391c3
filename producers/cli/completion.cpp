#include "producers/cli/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

namespace oppen::cli {
namespace {

// The words of "{text,json}" in what CLI11 says of an option's type.
std::vector<std::string> words_of(const std::string& type) {
  const auto open = type.find('{');
  const auto close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return {};
  return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

// Also of its groups of options, which are apps without a name.
void collect_options(const CLI::App& app, CompletionCommand& command) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      command.values = words_of(option->get_type_name());
      continue;
    }
    CompletionOption named{{},
                           words_of(option->get_type_name()),
                           option->get_type_size() > 0,
                           option->get_description()};
    for (const auto& name : option->get_lnames()) named.names.push_back("--" + name);
    for (const auto& name : option->get_snames()) named.names.push_back("-" + name);
    command.options.push_back(std::move(named));
  }
  for (const CLI::App* group :
       app.get_subcommands([](const CLI::App* sub) { return sub->get_name().empty(); }))
    collect_options(*group, command);
}

void collect(const CLI::App& app, const std::string& path, std::vector<CompletionCommand>& into) {
  CompletionCommand command{path, app.get_description(), {}, {}, {}};
  collect_options(app, command);
  const auto all =
      app.get_subcommands([](const CLI::App* sub) { return !sub->get_name().empty(); });
  for (const CLI::App* sub : all)
    command.subcommands.emplace_back(sub->get_name(), sub->get_description());
  into.push_back(std::move(command));
  for (const CLI::App* sub : all)
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), into);
}

std::vector<std::string> names_of(const CompletionCommand& command) {
  std::vector<std::string> names;
  for (const auto& option : command.options)
    names.insert(names.end(), option.names.begin(), option.names.end());
  return names;
}

std::vector<std::string> words_of(const CompletionCommand& command) {
  std::vector<std::string> words = command.values;
  for (const auto& [name, help] : command.subcommands) words.push_back(name);
  return words;
}

// For a single-quoted string of fish and zsh, without what _arguments would take for itself.
std::string quoted(std::string text) {
  std::replace(text.begin(), text.end(), '\'', ' ');
  std::replace(text.begin(), text.end(), '[', '(');
  std::replace(text.begin(), text.end(), ']', ')');
  std::replace(text.begin(), text.end(), ':', ' ');
  return text;
}

// The shell function that finds the command on the line, by the paths there are.
std::string paths_pattern(const std::vector<CompletionCommand>& commands) {
  std::vector<std::string> quoted_paths;
  for (const auto& command : commands) {
    if (!command.path.empty()) quoted_paths.push_back("'" + command.path + "'");
  }
  return fmt::format("{}", fmt::join(quoted_paths, "|"));
}

}  // namespace

std::vector<CompletionCommand> completion_commands(const CLI::App& app) {
  std::vector<CompletionCommand> commands;
  collect(app, "", commands);
  return commands;
}

std::string bash_completion(const std::vector<CompletionCommand>& commands) {
  std::string values;
  std::string words;
  for (const auto& command : commands) {
    for (const auto& option : command.options) {
      if (!option.takes_value) continue;
      for (const auto& name : option.names) {
        values += fmt::format("    '{} {}'{}", command.path, name,
                              command.path.empty() ? "|*' " + name + "'" : "");
        values += option.values.empty()
                      ? ") COMPREPLY=(); return ;;\n"
                      : fmt::format(") COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return ;;\n",
                                    fmt::join(option.values, " "));
      }
    }
    words += fmt::format("    '{}') words='{}'; flags='{}' ;;\n", command.path,
                         fmt::join(words_of(command), " "), fmt::join(names_of(command), " "));
  }
  const std::string global = fmt::format("{}", fmt::join(names_of(commands.front()), " "));
  return fmt::format(
      R"(# bash completion for oppen; source it, or put it into bash's completion folder.
_oppen() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} path= word words flags
  COMPREPLY=()
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "${{path:+$path }}$word" in {}) path="${{path:+$path }}$word" ;; esac
  done
  case "$path $prev" in
{}  esac
  case "$path" in
{}  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags {}" -- "$cur"))
  elif [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else
    COMPREPLY=($(compgen -f -- "$cur"))
  fi
}}
complete -F _oppen oppen
)",
      paths_pattern(commands), values, words, global);
}

std::string zsh_completion(const std::vector<CompletionCommand>& commands) {
  std::string cases;
  for (const auto& command : commands) {
    std::string body;
    for (const auto& [name, help] : command.subcommands)
      body += fmt::format(" '{}:{}'", name, quoted(help));
    for (const auto& value : command.values) body += fmt::format(" '{}'", value);
    std::string flags;
    for (const auto& option : command.options) {
      for (const auto& name : option.names)
        flags += fmt::format(" '{}:{}'", name, quoted(option.help));
    }
    cases += fmt::format("    '{}') words_=({}); flags_=({}) ;;\n", command.path, body, flags);
  }
  std::string values;
  for (const auto& command : commands) {
    for (const auto& option : command.options) {
      if (option.values.empty()) continue;
      for (const auto& name : option.names) {
        values += fmt::format("    '{} {}'{}) compadd -- {}; return ;;\n", command.path, name,
                              command.path.empty() ? "|*' " + name + "'" : "",
                              fmt::join(option.values, " "));
      }
    }
  }
  return fmt::format(R"(#compdef oppen
# zsh completion for oppen; put it as _oppen into a folder of $fpath.
_oppen() {{
  local path_= word
  local -a words_ flags_
  for word in ${{words[2,CURRENT-1]}}; do
    case "${{path_:+$path_ }}$word" in {}) path_="${{path_:+$path_ }}$word" ;; esac
  done
  case "$path_ ${{words[CURRENT-1]}}" in
{}  esac
  case "$path_" in
{}  esac
  if [[ ${{words[CURRENT]}} == -* ]]; then
    _describe -o option flags_
  elif (( $#words_ )); then
    _describe command words_
  else
    _files
  fi
}}
compdef _oppen oppen
)",
                     paths_pattern(commands), values, cases);
}

std::string fish_completion(const std::vector<CompletionCommand>& commands) {
  std::string out =
      "# fish completion for oppen; put it into ~/.config/fish/completions.\ncomplete -c oppen "
      "-f\n";
  for (const auto& command : commands) {
    std::string seen;  // the condition that this command is on the line
    for (const auto& word : CLI::detail::split(command.path, ' ')) {
      if (!word.empty())
        seen += (seen.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
    }
    std::vector<std::string> names;
    for (const auto& [name, help] : command.subcommands) names.push_back(name);
    for (const auto& [name, help] : command.subcommands) {
      const std::string condition = seen.empty() ? "__fish_use_subcommand"
                                                 : seen + "; and not __fish_seen_subcommand_from " +
                                                       fmt::format("{}", fmt::join(names, " "));
      out +=
          fmt::format("complete -c oppen -n '{}' -a {} -d '{}'\n", condition, name, quoted(help));
    }
    for (const auto& value : command.values)
      out += fmt::format("complete -c oppen -n '{}' -a {}\n", seen, value);
    for (const auto& option : command.options) {
      out += "complete -c oppen";
      if (!seen.empty()) out += fmt::format(" -n '{}'", seen);
      for (const auto& name : option.names) {
        out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (!option.values.empty()) {
        out += fmt::format(" -x -a '{}'", fmt::join(option.values, " "));
      } else if (option.takes_value) {
        out += " -r";
      }
      out += fmt::format(" -d '{}'\n", quoted(option.help));
    }
  }
  return out;
}

}  // namespace oppen::cli
