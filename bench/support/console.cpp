#include "bench/support/console.hpp"

#include "bench/support/must.hpp"
#include "bench/support/process_memory.hpp"
#include "workers/runtime/http_client.hpp"

namespace oppen::bench {

void ask_console(const Bench& bench) {
  runtime::HttpClient http;
  for (int i = 0; i < 20; ++i) {
    for (const char* path : {"/api/v1/queue", "/api/v1/jobs?limit=100"}) {
      runtime::HttpRequest request;
      request.url = bench.options().console_url + path;
      const auto answer = must(http.send(std::move(request)), "asking the console");
      if (!answer.ok()) give_up("asking the console", std::string(path) + ": " + answer.body);
    }
  }
}

void report_console_memory(const Bench& bench, Report& report, double below_mb) {
  const auto console = process_memory(bench.options().console_pid);
  report.measured("oppen-console, having answered 40 questions", console.resident_mb, "MB");
  report.bar("oppen-console, at its peak", console.peak_mb, below_mb, "MB");
}

}  // namespace oppen::bench
