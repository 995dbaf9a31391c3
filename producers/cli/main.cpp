// oppen: the command line. Commands go to Kafka, questions to the console.
#include <curl/curl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "producers/cli/app.hpp"

int main(int argc, char** argv) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  oppen::cli::Context context(std::cin, std::cout, std::cerr);
  context.in_is_terminal = isatty(STDIN_FILENO) == 1;
  context.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  winsize size{};
  if (context.out_is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
    context.width = size.ws_col;
  // Whoever sets it says so on purpose: shells don't export it.
  if (const char* const columns = std::getenv("COLUMNS"); columns != nullptr) {
    const int width = std::atoi(columns);
    if (width > 0) context.width = width;
  }
  return oppen::cli::run_app(context, argc, argv);
}
