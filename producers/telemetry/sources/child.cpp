#include "producers/telemetry/sources/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>

namespace oppen::telemetry {
namespace {

std::string system_error_text(int code) { return std::system_category().message(code); }

using SteadyTime = std::chrono::steady_clock::time_point;

bool is_executable(const std::string& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(file.c_str(), X_OK) == 0;
}

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }

  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }
  int number() const { return number_; }
  void set(int number) { number_ = number; }

 private:
  int number_;
};

// What the child writes to one of its descriptors.
struct Pipe {
  bool open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    ours.set(ends[0]);
    theirs.set(ends[1]);
    return ::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
  }

  // Takes what is there; closes our end at the end of it.
  void read(std::string& into) {
    std::array<char, 16384> piece{};
    for (;;) {
      const ssize_t count = ::read(ours.number(), piece.data(), piece.size());
      if (count > 0) {
        into.append(piece.data(), static_cast<std::size_t>(count));
        return;
      }
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      ours.close();
      return;
    }
  }

  Descriptor ours;
  Descriptor theirs;
};

// posix_spawn's settings: standard input from nothing, both outputs into the pipes, a process group of its own, no signal blocked.
class SpawnSettings {
 public:
  SpawnSettings(const Pipe& out, const Pipe& error) {
    posix_spawn_file_actions_init(&files_);
    posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files_, out.theirs.number(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files_, error.theirs.number(), STDERR_FILENO);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&attributes_);
  }

  const posix_spawn_file_actions_t* files() const { return &files_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t files_{};
  posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

std::vector<std::string> environment() {
  std::vector<std::string> kept{"LC_ALL=C"};
  for (const char* name : {"PATH", "LD_LIBRARY_PATH"}) {
    if (const char* value = std::getenv(name)) kept.push_back(std::string(name) + "=" + value);
  }
  return kept;
}

int millis_left(SteadyTime until) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

}  // namespace

Result<std::string> find_program(const std::string& program) {
  if (program.find('/') != std::string::npos) {
    if (is_executable(program)) return program;
    return fail(ErrorKind::not_found, program + " is no executable file");
  }
  const char* path = std::getenv("PATH");
  std::string_view left = path == nullptr ? "" : path;
  while (!left.empty()) {
    const auto end = left.find(':');
    const std::string file = std::string(left.substr(0, end)) + "/" + program;
    if (is_executable(file)) return file;
    left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
  }
  return fail(ErrorKind::not_found, program + " is not on PATH");
}

ChildRunner::~ChildRunner() {
  if (running_ != 0) kill_and_reap();
}

// True once the child is gone. Never waits: one that hangs in the driver can't even be killed.
bool ChildRunner::reap(int& status) {
  const pid_t reaped = ::waitpid(running_, &status, WNOHANG);
  if (reaped == 0 || (reaped < 0 && errno == EINTR)) return false;
  running_ = 0;
  return true;
}

void ChildRunner::kill_and_reap() {
  ::kill(-running_, SIGKILL);
  const SteadyTime until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  int status = 0;
  while (!reap(status) && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

Result<ChildOutput> ChildRunner::run(const std::string& file,
                                     const std::vector<std::string>& arguments,
                                     std::chrono::milliseconds patience, std::size_t most) {
  int status = 0;
  if (running_ != 0 && !reap(status)) {
    return fail(ErrorKind::unavailable, file + ": process " + std::to_string(running_) +
                                            " of an earlier call hangs and can't be killed");
  }
  Pipe out;
  Pipe error;
  if (!out.open() || !error.open())
    return fail(ErrorKind::unavailable, file + ": no pipe: " + system_error_text(errno));
  std::vector<std::string> texts{file};
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = environment();
  {
    const SpawnSettings settings(out, error);
    const int failed =
        ::posix_spawn(&running_, file.c_str(), settings.files(), settings.attributes(),
                      pointers(texts).data(), pointers(variables).data());
    if (failed != 0) {
      running_ = 0;
      return fail(ErrorKind::unavailable, file + " can't be started: " + system_error_text(failed));
    }
  }
  out.theirs.close();
  error.theirs.close();

  const SteadyTime until = std::chrono::steady_clock::now() + patience;
  ChildOutput output;
  const auto too_late = [&] {
    kill_and_reap();
    return fail(
        ErrorKind::unavailable,
        file + " took longer than " + std::to_string(patience.count()) + " ms and was killed");
  };
  while (out.ours.number() >= 0 || error.ours.number() >= 0) {
    std::array<pollfd, 2> waiting{pollfd{out.ours.number(), POLLIN, 0},
                                  pollfd{error.ours.number(), POLLIN, 0}};
    const int left = millis_left(until);
    if (left == 0) return too_late();
    if (::poll(waiting.data(), waiting.size(), left) <= 0) continue;
    if (waiting[0].revents != 0) out.read(output.out);
    if (waiting[1].revents != 0) error.read(output.error);
    if (output.out.size() + output.error.size() > most) {
      kill_and_reap();
      return fail(ErrorKind::invalid,
                  file + " printed more than " + std::to_string(most) + " bytes");
    }
  }
  // It has closed its outputs, so it is about to end; yet the kernel closes the driver's files later than those.
  while (!reap(status)) {
    if (millis_left(until) == 0) return too_late();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return output;
}

}  // namespace oppen::telemetry
