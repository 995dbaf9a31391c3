#include "workers/notifier/message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "schemas/text.hpp"

namespace oppen::notifier {
namespace {

constexpr std::size_t longest_line = 300;
constexpr std::size_t most_causes = 5;

// A line that a record has brought stays one line.
std::string line_of(const std::string& given) {
  auto line = shortened(given, longest_line);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return line;
}

std::string label(const Alert& alert, const std::string& name) {
  const auto found = alert.labels.find(name);
  return found == alert.labels.end() ? "" : line_of(found->second);
}

// "2026-01-03 18:15 UTC"
std::string minute(Time time) {
  auto text = to_rfc3339(time).substr(0, 16);
  text[10] = ' ';
  return text + " UTC";
}

// What shows more of it. A label is a Kubernetes label value, or is left out: nobody is to paste what a record has made up.
std::string command(const Alert& alert) {
  const auto flag = [&](const std::string& name) {
    const auto value = label(alert, name);
    return value.empty() || !is_label_value(value) ? "" : " --" + name + " " + value;
  };
  const auto job = label(alert, "job_id");
  if (!job.empty() && is_dns_label(job)) return "oppen describe " + job;
  const auto& kind = alert.kind;
  if (kind == "cost_spike" || kind == "budget_threshold" || kind == "budget_exceeded")
    return "oppen report" + flag("team") + flag("project");
  if (kind == "queue_stalled") return "oppen status";
  if (kind == "failure_burst") return "oppen list";
  if (kind == "worker_lagging") return "oppen health";
  return "";
}

}  // namespace

std::string title(const Alert& alert) {
  return fmt::format("[{}] {}", alert.state == "resolved" ? alert.state : alert.severity,
                     line_of(alert.summary));
}

std::string title(const std::vector<Alert>& alerts) {
  if (alerts.size() == 1) return title(alerts.front());
  std::string counts;
  const auto add = [&](const std::string& what, auto matches) {
    const auto count = std::count_if(alerts.begin(), alerts.end(), matches);
    if (count > 0) counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", count, what);
  };
  for (const auto* severity : {"critical", "warning", "info"}) {
    add(severity, [&](const Alert& alert) {
      return alert.severity == severity && alert.state != "resolved";
    });
  }
  add("resolved", [](const Alert& alert) { return alert.state == "resolved"; });
  return fmt::format("{} alerts: {}", alerts.size(), counts);
}

std::string details(const Alert& alert) {
  std::string lines;
  const auto add = [&](const std::string& line) { lines += "  " + line + "\n"; };
  std::string about = line_of(alert.kind);
  for (const auto& [name, value] : alert.labels)
    about += fmt::format(", {} {}", line_of(name), line_of(value));
  add(line_of(about));
  add(fmt::format("since {}{}", minute(alert.started_at),
                  alert.ended_at ? ", until " + minute(*alert.ended_at) : ""));
  if (alert.impact) add("it has cost " + to_string(*alert.impact) + " more than expected");
  const auto shown = std::min(alert.causes.size(), most_causes);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& cause = alert.causes[i];
    add(fmt::format("{:.0f} %  {} {}: {}", 100 * cause.share, line_of(cause.dimension),
                    line_of(cause.value), line_of(cause.explanation)));
  }
  if (alert.causes.size() > shown)
    add(fmt::format("and {} more causes", alert.causes.size() - shown));
  if (alert.state == "resolved") return lines;
  if (const auto more = command(alert); !more.empty()) add("See:      " + more);
  if (is_dns_label(alert.proposal_id, 253)) add("Approve:  oppen approve " + alert.proposal_id);
  return lines;
}

std::string text(const std::vector<Alert>& alerts) {
  std::string all;
  for (const auto& alert : alerts) {
    if (!all.empty()) all += "\n";
    all += title(alert) + "\n" + details(alert);
  }
  return all;
}

}  // namespace oppen::notifier
