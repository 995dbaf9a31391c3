#include "producers/access/queue_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "producers/access/event_text.hpp"
#include "producers/access/job_table.hpp"
#include "producers/access/render.hpp"

namespace oppen::access {
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

}  // namespace

std::string queue_text(const json& queue, int width) {
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

  std::string out;
  out += fmt::format("Queued     {} ({} urgent, {} normal, {} background)\n",
                     plural(waiting("total"), "job"), waiting("urgent"), waiting("normal"),
                     waiting("background"));
  out += fmt::format("Running    {} of {} ({:.0f} % used)\n", number("running"),
                     plural(number("slots"), "slot"), number_field(queue, "capacity_used_percent"));
  const auto head_waits = waiting("total") > 0 ? printable(text_field(queue, "head_waits")) : "";
  const auto holds = what_holds(head_waits, queue.value("paused", json()) == true);
  std::string slot = next > 0 ? "in about " + duration_text(next) : "any moment now";
  if (free) slot = holds.empty() ? "free now" : "free, but " + holds;
  out += "Next slot  " + slot + '\n';
  if (!free && !head_waits.empty()) out += "First job  " + head_waits + '\n';
  out += fmt::format("Ended      {} completed, {} failed, {} cancelled\n", number("completed"),
                     number("failed"), number("cancelled"));
  out += "Wait       " + duration_text(number_field(queue, "total_wait_seconds")) +
         " until all that wait have run\n";
  out += "Pending    " + money_field(queue, "pending_cost_microusd") + '\n';
  out += "In use     " + plural(static_cast<long long>(number_field(usage, "gpus")), "GPU") + ", " +
         text_field(usage, "cpu", "0") + " CPU, " + text_field(usage, "memory", "0") + " memory\n";
  out += "Scheduler  " +
         (leader.is_object() ? printable(text_field(leader, "instance")) + " leads"
                             : std::string("none has led yet")) +
         '\n';
  const json jobs = queue.value("jobs", json::array());
  if (jobs.empty()) return out;
  out += '\n' + queue_table(jobs, width);
  const auto more = waiting("total") - static_cast<long long>(jobs.size());
  if (more > 0)
    out += fmt::format("... and {} more: oppen list --state queued --limit {}\n", more,
                       waiting("total"));
  return out;
}

}  // namespace oppen::access
