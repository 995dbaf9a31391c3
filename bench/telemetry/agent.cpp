// What the agent holds in memory and takes of a core with 8 GPUs, read once a second from a recording.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "bench/support/cpu_time.hpp"
#include "bench/support/must.hpp"
#include "bench/support/process_memory.hpp"
#include "bench/support/report.hpp"
#include "bench/telemetry/recording_file.hpp"
#include "workers/runtime/settings.hpp"

extern char** environ;

namespace oppen::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto doing = "running oppen-telemetry";

pid_t start(const std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  for (const auto& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  pid_t pid = 0;
  if (posix_spawn(&pid, pointers[0], nullptr, nullptr, pointers.data(), environ) != 0)
    give_up(doing, arguments[0] + " can't be started");
  return pid;
}

}  // namespace
}  // namespace oppen::bench

int main(int argc, char** argv) {
  using namespace oppen;
  using namespace oppen::bench;
  bool quick = false;
  std::string results;
  std::string program = "oppen-telemetry";
  std::string folder = "/tmp";
  runtime::Settings settings("bench-telemetry-agent", "Measures what the telemetry agent needs.");
  settings.add(quick, {.name = "quick", .help = "Less time."});
  settings.add(results, {.name = "results", .help = "Where the results go as JSON."});
  settings.add(program, {.name = "program", .help = "The path of oppen-telemetry."});
  settings.add(folder, {.name = "folder", .help = "For the recording and the buffer."});
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;

  const auto warm_up = 15s;
  const auto measured = quick ? 20s : 60s;
  const RecordingFile recording(folder, static_cast<int>((warm_up + measured).count()) + 60, 1s);
  const auto pid =
      start({program, "--replay", recording.path(), "--node", "gpu-node-1", "--buffer-dir",
             folder + "/agent-buffer", "--listen", "127.0.0.1:0", "--log-level", "warn"});
  std::this_thread::sleep_for(warm_up);
  const double before = cpu_seconds(pid);
  const auto begin = SteadyClock::now();
  std::this_thread::sleep_for(measured);
  const double used = cpu_seconds(pid) - before;
  const double passed = std::chrono::duration<double>(SteadyClock::now() - begin).count();
  const auto memory = process_memory(pid);
  kill(pid, SIGTERM);
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || status != 0) give_up(doing, "it did not end well");

  Report report;
  report.claim("agent",
               "oppen-telemetry with 8 GPUs, read once a second from a recording, published every "
               "10 s, pods listed from the "
               "API server");
  report.measured("peak of resident memory", memory.peak_mb, "MB");
  report.bar("resident memory", memory.resident_mb, 20, "MB");
  report.bar("share of a core", used / passed * 100, 1, "%");
  if (!results.empty() && !report.write(results)) give_up("writing the results", results);
  return 0;
}
