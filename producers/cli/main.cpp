// oppen: the command line. Commands go to Kafka, questions to the console.
#include <curl/curl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <iostream>

#include "producers/cli/app.hpp"

int main(int argc, char** argv) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  oppen::cli::Context context(std::cin, std::cout, std::cerr);
  context.in_is_terminal = isatty(STDIN_FILENO) == 1;
  winsize size{};
  if (isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
    context.width = size.ws_col;
  return oppen::cli::run_app(context, argc, argv);
}
