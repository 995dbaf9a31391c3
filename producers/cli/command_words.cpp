#include "producers/cli/command_words.hpp"

#include <algorithm>

namespace oppen::cli {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

const CompletionCommand* command_of(const std::vector<CompletionCommand>& commands,
                                    const std::string& path) {
  const auto found = std::find_if(commands.begin(), commands.end(),
                                  [&](const auto& command) { return command.path == path; });
  return found == commands.end() ? nullptr : &*found;
}

const CompletionOption* option_of(const CompletionCommand& command, const std::string& name) {
  for (const auto& option : command.options) {
    if (std::find(option.names.begin(), option.names.end(), name) != option.names.end())
      return &option;
  }
  return nullptr;
}

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const auto begin_word = [&] {
      if (!in_word) words.emplace_back();
      in_word = true;
    };
    if (c == '\\' && quote != '\'') {
      const bool escapes =
          i + 1 < line.size() && (quote == 0 || line[i + 1] == '"' || line[i + 1] == '\\');
      if (!escapes && quote == 0)
        return fail(ErrorKind::invalid, "the line ends with a backslash: expected what it is of");
      begin_word();
      words.back() += escapes ? line[++i] : c;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        words.back() += c;
      }
    } else if (c == '"' || c == '\'') {
      begin_word();
      quote = c;
    } else if (is_blank(c)) {
      in_word = false;
    } else if (c == '#' && !in_word) {
      break;
    } else {
      begin_word();
      words.back() += c;
    }
  }
  if (quote != 0)
    return fail(ErrorKind::invalid,
                std::string("the line has a quote ") + quote + " that is not closed");
  return words;
}

Continuations continuations(const std::vector<CompletionCommand>& commands, std::string_view line) {
  const auto blank = line.find_last_of(" \t");
  Continuations found{blank == std::string_view::npos ? 0 : blank + 1, {}};
  const std::string last(line.substr(found.begin));
  const auto before = split_words(line.substr(0, found.begin));
  if (!before) return found;

  const CompletionCommand* command = command_of(commands, "");
  const CompletionCommand* const root = command;
  if (root == nullptr) return found;
  for (const auto& word : *before) {
    const auto path = command->path.empty() ? word : command->path + " " + word;
    if (const auto* sub = command_of(commands, path); sub != nullptr) command = sub;
  }
  std::vector<std::string> words;
  const CompletionOption* option = nullptr;
  if (!before->empty()) {
    option = option_of(*command, before->back());
    if (option == nullptr) option = option_of(*root, before->back());
  }
  if (option != nullptr && option->takes_value) {
    words = option->values;
  } else if (last.starts_with('-')) {
    for (const auto* one : {command, root}) {
      for (const auto& known : one->options)
        words.insert(words.end(), known.names.begin(), known.names.end());
    }
  } else {
    words = command->values;
    for (const auto& [name, help] : command->subcommands) words.push_back(name);
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  std::erase_if(words, [&last](const std::string& word) { return !word.starts_with(last); });
  found.words = std::move(words);
  return found;
}

}  // namespace oppen::cli
