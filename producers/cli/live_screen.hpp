#pragma once
// A page of text that is drawn anew in the same place of the terminal, until a key leaves it. What was on the terminal comes back
// afterwards. One thread.
#include <termios.h>

#include <chrono>
#include <iosfwd>
#include <string>

namespace oppen::cli {

class LiveScreen {
 public:
  // Takes the terminal of the standard input and output; `out` writes to it.
  explicit LiveScreen(std::ostream& out);
  ~LiveScreen();
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  // Columns of the terminal as it is now.
  int width() const;
  // As many lines as there is room for, and a last one with `footer`.
  void draw(const std::string& page, const std::string& footer);
  // False when q, Ctrl-C, the end of the input or SIGTERM came meanwhile.
  bool stay_for(std::chrono::milliseconds time);

 private:
  std::ostream& out_;
  termios before_{};
};

}  // namespace oppen::cli
