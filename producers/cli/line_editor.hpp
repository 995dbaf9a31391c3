#pragma once
// Lines typed at a terminal: editing, completion by Tab, and a history that is kept. Over libedit; its types stay out of this header.
// One at a time, one thread.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "producers/cli/command_words.hpp"

namespace oppen::cli {

class LineEditor {
 public:
  // Given the line up to the cursor.
  using Complete = std::function<Continuations(std::string_view)>;

  // `history_file` "": nothing is kept.
  LineEditor(std::string prompt, std::string history_file, Complete complete);
  ~LineEditor();

  // The next line without its end; nullopt when there is none (Ctrl-D). Ctrl-C begins the line anew.
  std::optional<std::string> read();
  // Adds it to the history, here and in the file; a line that begins with a blank is not kept.
  void remember(const std::string& line);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// $XDG_STATE_HOME/oppen/history, else ~/.local/state/oppen/history; "" where neither is set or the folder can't be made. The file is
// there afterwards, and its owner's alone (0600).
std::string history_file();

}  // namespace oppen::cli
