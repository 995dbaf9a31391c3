#include "producers/cli/live_screen.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <ostream>
#include <sstream>

namespace oppen::cli {
namespace {

constexpr char ctrl_c = 3;

volatile std::sig_atomic_t told_to_end = 0;

winsize terminal_size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {24, 80, 0, 0};
  return size;
}

}  // namespace

LiveScreen::LiveScreen(std::ostream& out) : out_(out) {
  told_to_end = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { told_to_end = 1; };
  sigaction(SIGTERM, &action, nullptr);  // without SA_RESTART: it ends the poll
  tcgetattr(STDIN_FILENO, &before_);
  termios keys = before_;
  keys.c_lflag &= static_cast<tcflag_t>(
      ~(ICANON | ECHO | ISIG));  // Ctrl-C is a key: the terminal must be put right first
  tcsetattr(STDIN_FILENO, TCSANOW, &keys);
  out_ << "\x1b[?1049h\x1b[?25l" << std::flush;  // the other screen, no cursor
}

LiveScreen::~LiveScreen() {
  out_ << "\x1b[?25h\x1b[?1049l" << std::flush;
  tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  std::signal(SIGTERM, SIG_DFL);
}

int LiveScreen::width() const { return terminal_size().ws_col; }

void LiveScreen::draw(const std::string& page, const std::string& footer) {
  const int rows = terminal_size().ws_row;
  std::istringstream lines(page);
  std::string line;
  out_ << "\x1b[H";
  for (int row = 1; row < rows && std::getline(lines, line); ++row) out_ << line << "\x1b[K\n";
  int left = 0;
  while (std::getline(lines, line)) ++left;
  out_ << footer;
  if (left > 0) out_ << "; " << left << " lines more than there is room for";
  out_ << "\x1b[K\x1b[J" << std::flush;  // and nothing below
}

bool LiveScreen::stay_for(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (told_to_end == 0) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return true;
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, static_cast<int>(left.count())) <= 0) continue;
    char key = 0;
    if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || key == ctrl_c) return false;
  }
  return false;
}

}  // namespace oppen::cli
