#pragma once
// A line of text as the words of a command, as a shell would have them, and what may follow it. Pure functions, any thread.
#include <string>
#include <string_view>
#include <vector>

#include "producers/cli/completion.hpp"
#include "schemas/error.hpp"

namespace oppen::cli {

// Blanks separate; '...' is as it is, in "..." a backslash stands before " and \, elsewhere before anything; # begins a comment
// where a word could. Invalid: a quote or a backslash that is not finished.
Result<std::vector<std::string>> split_words(std::string_view line);

struct Continuations {
  std::size_t begin = 0;           // where in the line the word begins that is to be completed
  std::vector<std::string> words;  // that it may become, sorted
};

// What may stand at the end of `line`: commands, options, and words that an option or a command takes one of. Nothing within quotes.
Continuations continuations(const std::vector<CompletionCommand>& commands, std::string_view line);

}  // namespace oppen::cli
