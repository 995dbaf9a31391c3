#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/cli/commands.hpp"
#include "producers/cli/console_api.hpp"
#include "producers/cli/context.hpp"
#include "producers/cli/event_text.hpp"
#include "producers/cli/job_table.hpp"
#include "producers/cli/render.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

std::string plural(long long count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// What keeps a free slot free: "the first job waits for quota ...", "the queue is paused"; "" for nothing.
std::string what_holds(const std::string& head_waits, bool paused) {
  if (head_waits.empty()) return paused ? "the queue is paused" : "";
  return (head_waits.starts_with("waits") ? "the first job " : "") + head_waits;
}

void show(const Context& context, const json& queue) {
  const json queued = queue.value("queued", json::object());
  const auto number = [&queue](const char* name) {
    return static_cast<long long>(number_field(queue, name));
  };
  const auto waiting = [&queued](const char* name) {
    return static_cast<long long>(number_field(queued, name));
  };
  const double next = number_field(queue, "next_slot_in_seconds");
  const bool free = number("running") < number("slots");
  const json usage = queue.value("usage", json::object());
  const json leader = queue.value("leader", json());

  auto& out = context.out;
  out << fmt::format("Queued     {} ({} urgent, {} normal, {} background)\n",
                     plural(waiting("total"), "job"), waiting("urgent"), waiting("normal"),
                     waiting("background"));
  out << fmt::format("Running    {} of {} ({:.0f} % used)\n", number("running"),
                     plural(number("slots"), "slot"), number_field(queue, "capacity_used_percent"));
  const auto head_waits = waiting("total") > 0 ? printable(text_field(queue, "head_waits")) : "";
  const auto holds = what_holds(head_waits, queue.value("paused", json()) == true);
  std::string slot = next > 0 ? "in about " + duration_text(next) : "any moment now";
  if (free) slot = holds.empty() ? "free now" : "free, but " + holds;
  out << "Next slot  " << slot << '\n';
  if (!free && !head_waits.empty()) out << "First job  " << head_waits << '\n';
  out << fmt::format("Ended      {} completed, {} failed, {} cancelled\n", number("completed"),
                     number("failed"), number("cancelled"));
  out << "Wait       " << duration_text(number_field(queue, "total_wait_seconds"))
      << " until all that wait have run\n";
  out << "Pending    " << money_field(queue, "pending_cost_microusd") << '\n';
  out << "In use     " << plural(static_cast<long long>(number_field(usage, "gpus")), "GPU") << ", "
      << text_field(usage, "cpu", "0") << " CPU, " << text_field(usage, "memory", "0")
      << " memory\n";
  out << "Scheduler  "
      << (leader.is_object() ? printable(text_field(leader, "instance")) + " leads"
                             : "none has led yet")
      << '\n';
  const json jobs = queue.value("jobs", json::array());
  if (jobs.empty()) return;
  out << '\n' << queue_table(jobs, context.width);
  const auto more = waiting("total") - static_cast<long long>(jobs.size());
  if (more > 0)
    out << "... and " << more << " more: oppen list --state queued --limit " << waiting("total")
        << '\n';
}

int status(Context& context, int limit) {
  const auto queue = ConsoleApi(context.console_url).get("queue?limit=" + std::to_string(limit));
  if (!queue) return context.fail_with(queue.error());
  if (context.json()) {
    context.print(*queue);
  } else {
    show(context, *queue);
  }
  return done;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  const auto limit = std::make_shared<int>(10);
  CLI::App* const command =
      app.add_subcommand("status", "Shows the queue at a glance: what waits, runs and costs.");
  command->add_option("--limit", *limit, "How many of the jobs that wait to show")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000).description(""))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  oppen status\n"
      "  oppen status -o json | jq .pending_cost_microusd\n");
  command->callback(
      [&context, limit] { context.run = [&context, limit] { return status(context, *limit); }; });
}

}  // namespace oppen::cli
