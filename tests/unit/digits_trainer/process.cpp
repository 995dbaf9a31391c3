#include "process.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace oppen::digits_trainer {

Ended run_program(const std::vector<std::string>& command,
                  const std::function<void(const std::string& line, int pid)>& on_line) {
  int ends[2];
  if (pipe(ends) != 0) return {-1, "no pipe"};
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    std::vector<char*> arguments;
    for (const std::string& argument : command)
      arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  close(ends[1]);
  Ended ended{-1, ""};
  std::string line;
  std::FILE* output = fdopen(ends[0], "r");
  for (int byte = std::fgetc(output); byte != EOF; byte = std::fgetc(output)) {
    line += static_cast<char>(byte);
    if (byte != '\n') continue;
    if (on_line) on_line(line, pid);
    ended.output += line;
    line.clear();
  }
  ended.output += line;
  std::fclose(output);
  int status = 0;
  waitpid(pid, &status, 0);
  ended.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ended;
}

}  // namespace oppen::digits_trainer
