#include "producers/access/dashboard_text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "producers/access/event_text.hpp"
#include "producers/access/job_table.hpp"
#include "producers/access/render.hpp"
#include "schemas/text.hpp"
#include "schemas/units.hpp"

namespace oppen::access {
namespace {

using namespace access;

using nlohmann::json;

constexpr std::size_t label_columns = 12;
constexpr double bytes_of_mib = 1024.0 * 1024.0;
constexpr double bytes_of_gib = 1024.0 * bytes_of_mib;

json object_part(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : json::object();
}

json array_part(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : json::array();
}

long long count_in(const json& object, const char* name) {
  return static_cast<long long>(number_field(object, name));
}

std::string many(long long count, const std::string& what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// "12 %", or "" where it isn't told.
std::string percent_in(const json& object, const char* name) {
  return object.contains(name) ? fmt::format("{:.0f} %", number_field(object, name)) : "";
}

// "72Gi", "1.5Gi", "512Mi", "0": whatever the unit is in which the console tells it.
std::string memory_text(double bytes) {
  if (bytes == 0) return "0";
  if (bytes < bytes_of_gib) return fmt::format("{:.0f}Mi", bytes / bytes_of_mib);
  return fmt::format("{:.10g}Gi", std::round(10 * bytes / bytes_of_gib) / 10);
}

// An amount of the cluster, "" where it isn't told: memory as above, CPU in cores.
std::string amount_text(const json& amounts, const std::string& what) {
  const auto found = amounts.find(what);
  if (found == amounts.end()) return "";
  auto text = found->is_string() ? found->get<std::string>() : found->dump();
  if (what == "memory") {
    if (const auto bytes = parse_bytes(text)) return memory_text(static_cast<double>(*bytes));
  } else if (what == "cpu") {
    if (const auto millicores = parse_millicores(text))
      return fmt::format("{:.7g}", static_cast<double>(*millicores) / 1'000);
  }
  return text;
}

class Screen {
 public:
  explicit Screen(const DashboardLook& look) : look_(look) {}

  void title(const std::string& name, const std::string& what) {
    text_ +=
        (text_.empty() ? "" : "\n") + painted(name, "1") + (what.empty() ? "" : "  " + what) + '\n';
  }
  void line(const std::string& label, const std::string& words) {
    if (words.empty()) return;
    const auto indent = label_columns + 2;
    text_ += fmt::format("  {:<{}}{}\n", label, label_columns,
                         wrapped(printable(words), indent, rest(indent)));
  }
  // A line of which a word has a colour: those of ANSI, "31" is red.
  void state(const std::string& label, const std::string& word, const char* colour,
             const std::string& words) {
    const auto head = fmt::format("{:<{}}", printable(label), label_columns);
    const auto indent = columns(head) + columns(word) + 4;
    text_ += fmt::format("  {}{}  {}\n", head, painted(word, colour),
                         wrapped(printable(words), indent, rest(indent)));
  }
  // A line that begins with a word in a colour.
  void mark(const std::string& word, const char* colour, const std::string& words) {
    const auto indent = label_columns + 2;
    const auto rest_of_column =
        std::string(label_columns - std::min(label_columns, columns(word)), ' ');
    text_ += fmt::format("  {}{}{}\n", painted(printable(word), colour), rest_of_column,
                         wrapped(printable(words), indent, rest(indent)));
  }
  // True when the part is not there, which it says.
  bool missing(const json& part) {
    const auto error = object_part(part, "error");
    if (error.empty()) return false;
    state("not known", "-", "33", text_field(error, "message"));
    return true;
  }
  void add(const std::string& block) { text_ += block; }
  int rest(std::size_t indent) const {
    if (look_.width == 0) return 0;
    return std::max(1, look_.width - static_cast<int>(indent));
  }
  int width() const { return look_.width; }
  std::string text() && { return std::move(text_); }

 private:
  static std::size_t columns(const std::string& text) {
    return utf8_length(text).value_or(text.size());
  }
  std::string painted(const std::string& text, const char* colour) const {
    return look_.colour ? fmt::format("\x1b[{}m{}\x1b[0m", colour, text) : text;
  }

  DashboardLook look_;
  std::string text_;
};

void show_health(Screen& screen, const json& health) {
  long long down = 0;
  const json parts = array_part(health, "parts");
  for (const json& part : parts) down += part.value("ok", json()) == true ? 0 : 1;
  screen.title("HEALTH", down == 0
                             ? "every part works"
                             : fmt::format("{} of {} down", down,
                                           many(static_cast<long long>(parts.size()), "part")));
  for (const json& part : parts) {
    const bool ok = part.value("ok", json()) == true;
    std::string words = text_field(part, "detail");
    if (part.contains("lag")) words = fmt::format("lag {}; {}", count_in(part, "lag"), words);
    screen.state(text_field(part, "name"), ok ? "ok  " : "DOWN", ok ? "32" : "31", words);
  }
}

std::string groups(const json& list) {
  std::string text;
  for (const json& group : list) {
    const auto key = text_field(group, "key");
    text += (text.empty() ? "" : ", ") + (key.empty() ? "(none)" : key) + " " +
            money_field(group, "total_microusd");
  }
  return text;
}

// "GPU 0 of gpu-node is at 91 C, for 10m 0s; oppen approve hot-1"
std::string words_of(const json& alert, const Result<Time>& now) {
  std::string words = text_field(alert, "summary");
  if (now) {
    const auto age = age_text(text_field(alert, "started_at"), *now);
    if (!age.empty()) words += ", for " + age;
  }
  const auto proposal = text_field(alert, "proposal_id");
  return proposal.empty() ? words : words + "; oppen approve " + proposal;
}

void show_alerts(Screen& screen, const json& alerts, const Result<Time>& now) {
  if (alerts.empty()) return;  // of a console that knows none
  const auto firing = count_in(alerts, "firing");
  std::string what;
  for (const char* const severity : {"critical", "warning", "info"}) {
    if (const auto count = count_in(alerts, severity); count > 0)
      what += fmt::format("{}{} {}", what.empty() ? "" : ", ", count, severity);
  }
  if (firing == 0 && !alerts.contains("error")) what = "nothing fires";
  screen.title("ALERTS", what);
  if (screen.missing(alerts)) return;
  const json list = array_part(alerts, "alerts");
  for (const json& alert : list) {
    const auto severity = text_field(alert, "severity");
    screen.mark(severity,
                severity == "critical"  ? "31"
                : severity == "warning" ? "33"
                                        : "36",
                text_field(alert, "kind") + ": " + words_of(alert, now));
  }
  const auto more = firing - static_cast<long long>(list.size());
  if (more > 0) screen.line("", fmt::format("... and {} more: oppen alerts", more));
}

void show_costs(Screen& screen, const json& costs) {
  screen.title("COSTS", "");
  if (screen.missing(costs)) return;
  const json today = object_part(costs, "today");
  const json month = object_part(costs, "month");
  std::string runs = duration_text(number_field(today, "run_seconds")) + " of runs";
  if (const auto count = count_in(today, "runs"); count > 0) {
    const MicroUsd each{count_in(today, "total_microusd") / count};
    runs = fmt::format("{}, {}, {} each", many(count, "run"), runs, to_string(each));
  }
  screen.line("Today", fmt::format("{} ({})", money_field(today, "total_microusd"), runs));
  screen.line(
      "This month",
      fmt::format("{} ({} of runs since {})", money_field(month, "total_microusd"),
                  duration_text(number_field(month, "run_seconds")), text_field(month, "from")));
  screen.line("By team", groups(array_part(month, "by_team")));
  screen.line("By model", groups(array_part(month, "by_model")));
  screen.line("Running", money_field(costs, "hourly_microusd") + " an hour now");
  screen.line("Pending", money_field(costs, "pending_microusd") + " of jobs that wait");
}

// "1 of 4 in use", as much of it as is known.
std::string in_use(const json& cluster, const char* what, const std::string& unit) {
  const auto used = amount_text(object_part(cluster, "in_use"), what);
  const auto known = amount_text(object_part(cluster, "known"), what);
  if (used.empty()) return known.empty() ? "" : known + unit + ", of which in use is not known";
  return used + (known.empty() ? "" : " of " + known) + unit + " in use";
}

std::string share(const json& node, const char* what) {
  const auto of = [&](const char* part) {
    const auto text = amount_text(object_part(node, part), what);
    return text.empty() ? "?" : text;
  };
  return of("in_use") + "/" + of("allocatable");
}

void show_cluster(Screen& screen, const json& cluster) {
  const auto nodes = array_part(cluster, "nodes");
  screen.title("CLUSTER", cluster.contains("node_count")
                              ? many(count_in(cluster, "node_count"), "node") +
                                    (cluster.value("all_nodes", true) ? "" : " and more")
                              : "");
  screen.line("GPUs", in_use(cluster, "gpus", ""));
  screen.line("CPU", in_use(cluster, "cpu", " cores"));
  screen.line("Memory", in_use(cluster, "memory", ""));
  if (screen.missing(cluster) || nodes.empty()) return;
  std::vector<std::vector<std::string>> rows;
  for (const json& node : nodes) {
    rows.push_back({"  " + text_field(node, "node"),
                    node.value("ready", json()) == true ? "ready" : "AWAY", share(node, "gpus"),
                    text_field(node, "gpu_type"), share(node, "cpu"), share(node, "memory"),
                    node.contains("pods") ? std::to_string(count_in(node, "pods")) : ""});
  }
  screen.add(table({{"  NODE"},
                    {"STATE"},
                    {"GPUS", true},
                    {"TYPE", false, 3},
                    {"CPU", true, 1},
                    {"MEMORY", true, 2},
                    {"PODS", true}},
                   std::move(rows), screen.width()));
}

void show_pods(Screen& screen, const json& pods) {
  const auto total = count_in(pods, "total");
  const json list = array_part(pods, "pods");
  const auto listed = static_cast<long long>(list.size());
  std::string what;
  if (pods.contains("total"))
    what = total == 0       ? "none runs"
           : listed < total ? fmt::format("{}, the {} that began first", total, listed)
                            : std::to_string(total);
  screen.title("PODS", what);
  if (screen.missing(pods) || list.empty()) return;
  std::vector<std::vector<std::string>> rows;
  for (const json& pod : list) {
    const auto told = [&pod](const char* name, const auto& text) {
      return pod.contains(name) ? text(number_field(pod, name)) : std::string();
    };
    rows.push_back(
        {"  " + text_field(pod, "pod"), text_field(pod, "model_type"), text_field(pod, "team"),
         text_field(pod, "state"), told("running_seconds", duration_text),
         text_field(pod, "gpu_type"), percent_in(pod, "gpu_utilization_percent"),
         told("cpu_cores_mean", [](double cores) { return fmt::format("{:.2f}", cores); }),
         told("memory_max_bytes", memory_text),
         pod.contains("hourly_microusd") ? money_field(pod, "hourly_microusd") : "",
         pod.contains("spent_microusd") ? money_field(pod, "spent_microusd") : "",
         text_field(pod, "node")});
  }
  screen.add(table({{"  POD"},
                    {"MODEL", false, 5},
                    {"TEAM", false, 8},
                    {"STATE", false, 2},
                    {"RAN", true, 3},
                    {"GPU", false, 6},
                    {"UTIL", true, 1},
                    {"CORES", true, 7},
                    {"MEMORY", true, 9},
                    {"$/HOUR", true},
                    {"SPENT", true, 4},
                    {"NODE", false, 10}},
                   std::move(rows), screen.width()));
}

void show_queue(Screen& screen, const json& queue) {
  const json queued = object_part(queue, "queued");
  screen.title("QUEUE", queue.value("paused", json()) == true ? "paused" : "");
  if (screen.missing(queue)) return;
  screen.line("Queued",
              fmt::format("{} ({} urgent, {} normal, {} background), {} until all have run",
                          count_in(queued, "total"), count_in(queued, "urgent"),
                          count_in(queued, "normal"), count_in(queued, "background"),
                          duration_text(number_field(queue, "total_wait_seconds"))));
  const auto next = number_field(queue, "next_slot_in_seconds");
  screen.line("Running",
              fmt::format("{} of {}, next {}", count_in(queue, "running"),
                          many(count_in(queue, "slots"), "slot"),
                          count_in(queue, "running") < count_in(queue, "slots") ? "free now"
                          : next > 0 ? "in about " + duration_text(next)
                                     : "any moment now"));
  screen.line("Ended",
              fmt::format("{} completed, {} failed, {} cancelled", count_in(queue, "completed"),
                          count_in(queue, "failed"), count_in(queue, "cancelled")));
  if (count_in(queued, "total") > 0) screen.line("First waits", text_field(queue, "head_waits"));
  const json jobs = array_part(queue, "jobs");
  if (jobs.empty()) return;
  screen.add(queue_table(jobs, screen.width()));
  const auto more = count_in(queued, "total") - static_cast<long long>(jobs.size());
  if (more > 0) screen.add(fmt::format("... and {} more\n", more));
}

}  // namespace

std::string wrapped(const std::string& text, std::size_t indent, int width) {
  if (width <= 0) return text;
  std::string out;
  std::size_t column = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    const auto size = utf8_length(word).value_or(word.size());
    if (column > 0 && column + 1 + size > static_cast<std::size_t>(width)) {
      out += '\n' + std::string(indent, ' ');
      column = 0;
    } else if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += size;
    begin = end + 1;
  }
  return out;
}

std::string dashboard_text(const json& dashboard, const DashboardLook& look) {
  Screen screen(look);
  screen.title("OPPEN", text_field(dashboard, "generated_at"));
  show_health(screen, object_part(dashboard, "health"));
  show_alerts(screen, object_part(dashboard, "alerts"),
              parse_rfc3339(text_field(dashboard, "generated_at")));
  show_costs(screen, object_part(dashboard, "costs"));
  show_cluster(screen, object_part(dashboard, "cluster"));
  show_pods(screen, object_part(dashboard, "pods"));
  show_queue(screen, object_part(dashboard, "queue"));
  return std::move(screen).text();
}

}  // namespace oppen::access
