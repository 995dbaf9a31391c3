#include "producers/access/cost_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "producers/access/event_text.hpp"
#include "producers/access/render.hpp"

namespace oppen::access {
namespace {

using nlohmann::json;

using Rows = std::vector<std::vector<std::string>>;

json part_of(const json& object, const char* name) { return object.value(name, json::object()); }

// "" where it isn't known.
std::string money_if(const json& object, const char* name) {
  return object.contains(name) ? money_field(object, name) : "";
}

std::string small_money_if(const json& object, const char* name) {
  return object.contains(name) ? small_money_field(object, name) : "";
}

std::string number_if(const json& object, const char* name, const char* form) {
  return object.contains(name) ? fmt::format(fmt::runtime(form), number_field(object, name)) : "";
}

std::string signed_money(const json& object, const char* name) {
  const auto text = money_field(object, name);
  return number_field(object, name) < 0 ? text : "+" + text;
}

// "team vision, project digits" as far as it was asked for.
std::string filter_text(const json& report) {
  std::string out;
  const auto put = [&](const char* name, const char* label) {
    const auto value = text_field(report, name);
    if (!value.empty()) out += (out.empty() ? "" : ", ") + std::string(label) + " " + value;
  };
  put("team", "team");
  put("project", "project");
  put("model_type", "model");
  return printable(out);
}

std::string days_text(const json& range) {
  const auto from = text_field(range, "from");
  const auto to = text_field(range, "to");
  return from == to ? from : from + " to " + to;
}

std::string trend_text(const json& report) {
  std::string out;
  if (report.contains("kept_from"))
    out = "What was charged before " + text_field(report, "kept_from") + " is not kept.\n";
  if (!report.contains("before")) return out;
  const json before = part_of(report, "before");
  out += fmt::format("Before ({}): {}", days_text(before), money_field(before, "total_microusd"));
  out += ", so " + signed_money(before, "change_microusd");
  if (before.contains("change_percent"))
    out += fmt::format(" ({:+.0f} %)", number_field(before, "change_percent"));
  return out + (report.value("ongoing", false) ? " so far.\n" : ".\n");
}

// Of how much of the GPUs' cost their use is known.
std::string use_text(const json& total) {
  if (!total.contains("measured_percent")) return "";
  if (!total.contains("effective_microusd"))
    return "GPU use: not measured (the telemetry agent tells it).\n";
  return fmt::format(
      "GPU use: measured for {:.0f} % of their cost; of that {} ({:.0f} %) worked, {} was "
      "wasted.\n",
      number_field(total, "measured_percent"), money_field(total, "effective_microusd"),
      number_field(total, "effective_percent"), money_field(total, "wasted_microusd"));
}

Rows run_rows(const json& groups) {
  Rows rows;
  for (const auto& group : groups) {
    const json run = part_of(group, "run");
    const json metrics = part_of(run, "metrics");
    const bool rest = group.value("rest", false);
    rows.push_back(
        {rest ? "(other days or runs)" : text_field(group, "key"), text_field(run, "name"),
         text_field(run, "model_type"), text_field(run, "team"), text_field(run, "state"),
         rest ? "" : duration_text(number_field(run, "run_seconds")),
         money_field(group, "total_microusd"), number_if(group, "share_percent", "{:.1f} %"),
         number_if(metrics, "accuracy", "{:.4g}")});
  }
  return rows;
}

std::vector<std::string> figures(const json& group) {
  return {money_field(group, "total_microusd"),    number_if(group, "share_percent", "{:.1f} %"),
          number_if(group, "runs", "{:.0f}"),      money_if(group, "average_microusd"),
          number_if(group, "gpu_hours", "{:.2f}"), money_field(group, "gpu_microusd"),
          money_field(group, "cpu_microusd"),      money_field(group, "memory_microusd"),
          money_if(group, "wasted_microusd")};
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string group_table(const json& report, const json& groups, int width) {
  Rows rows;
  const auto put = [&rows](const std::string& key, const json& group) {
    auto cells = figures(group);
    cells.insert(cells.begin(), key);
    rows.push_back(std::move(cells));
  };
  for (const auto& group : groups) {
    const auto key = text_field(group, "key");
    put(key.empty() ? "(none)" : key, group);
  }
  put("total", part_of(report, "total"));
  return table({{upper(text_field(report, "by"))},
                {"COST", true},
                {"SHARE", true, 1},
                {"RUNS", true, 2},
                {"PER RUN", true, 3},
                {"GPU HOURS", true, 5},
                {"GPU", true, 6},
                {"CPU", true, 7},
                {"MEMORY", true, 8},
                {"WASTED", true, 4}},
               std::move(rows), width);
}

std::string run_table(const json& report, const json& groups, int width) {
  Rows rows = run_rows(groups);
  rows.push_back({"total", "", "", "", "", "",
                  money_field(part_of(report, "total"), "total_microusd"), "", ""});
  return table({{"RUN"},
                {"NAME", false, 6},
                {"MODEL", false, 2},
                {"TEAM", false, 5},
                {"STATE", false, 4},
                {"RAN", true, 1},
                {"COST", true},
                {"SHARE", true, 7},
                {"ACCURACY", true, 3}},
               std::move(rows), width);
}

// "2026-01-03T18:15:00Z"
std::string second_text(const json& object, const char* name) {
  const auto text = text_field(object, name);
  return text.empty()
             ? ""
             : text.substr(0, text.find('.')) + (text.find('.') == std::string::npos ? "" : "Z");
}

std::string counted(double count, const char* what) {
  return fmt::format("{:.0f} {}{}", count, what, count == 1 ? "" : "s");
}

std::string basis_text(const json& forecast) {
  const auto basis = text_field(forecast, "basis");
  const auto model = text_field(forecast, "model_type");
  const auto runs = number_field(forecast, "history_runs");
  if (basis == "progress") return "the epochs it has done";
  if (basis == "pace") {
    return "the pace of the epochs it has done" +
           (runs > 0 ? ", and how much " + counted(runs, "run") + " of " + model + " differ" : "");
  }
  if (basis == "history" || basis == "history_other_gpus") {
    const bool others = basis != "history" || forecast.value("other_gpus", false);
    return counted(runs, "finished run") + " of " + model +
           (others ? " on other numbers of GPUs: how much faster these make it is not known" : "");
  }
  if (basis == "default") return "a minute an epoch: the model catalogue lacks " + model;
  return "the model catalogue's seconds per epoch: no run of " + model + " has finished yet";
}

void put_line(std::string& out, const char* label, const std::string& text) {
  if (!text.empty()) out += fmt::format("  {:<10} {}\n", label, text);
}

// "$0.0205 ($0.0180 to $0.0240)"
std::string money_between(const json& amounts) {
  return fmt::format("{} ({} to {})", money_field(amounts, "expected"), money_field(amounts, "low"),
                     money_field(amounts, "high"));
}

std::string seconds_between(const json& seconds) {
  return fmt::format("{} ({} to {})", duration_text(number_field(seconds, "expected")),
                     duration_text(number_field(seconds, "low")),
                     duration_text(number_field(seconds, "high")));
}

}  // namespace

// What GPUs nobody took, by type.
std::string idle_text(const json& report, int width) {
  const json idle = part_of(report, "idle");
  if (idle.empty()) return "";
  Rows rows;
  const auto put = [&rows](const std::string& key, const json& sum) {
    rows.push_back({key, money_field(sum, "capacity_microusd"), money_field(sum, "taken_microusd"),
                    money_field(sum, "idle_microusd"), number_if(sum, "idle_gpu_hours", "{:.2f}"),
                    number_field(sum, "unreconciled_microusd") == 0
                        ? ""
                        : money_field(sum, "unreconciled_microusd")});
  };
  for (const auto& sum : idle.value("gpu_types", json::array())) {
    const auto type = text_field(sum, "gpu_type");
    put(type.empty() ? "(none)" : type, sum);
  }
  put("total", idle);
  std::string out = "\nGPUs of the nodes, at list prices:\n" + table({{"GPU TYPE"},
                                                                      {"CAPACITY", true, 2},
                                                                      {"TAKEN", true, 1},
                                                                      {"IDLE", true},
                                                                      {"IDLE HOURS", true, 3},
                                                                      {"UNRECONCILED", true, 4}},
                                                                     std::move(rows), width);
  std::string most;
  int named = 0;
  for (const auto& node : idle.value("nodes", json::array())) {
    if (number_field(node, "idle_microusd") <= 0 || ++named > 3) break;
    most += (most.empty() ? "Most idle: " : ", ") + printable(text_field(node, "node")) + " " +
            money_field(node, "idle_microusd");
  }
  return out + (most.empty() ? "" : most + ".\n");
}

std::string report_text(const json& report, int width) {
  const json groups = report.value("groups", json::array());
  const json total = part_of(report, "total");
  const auto filter = filter_text(report);
  const bool ongoing = report.value("ongoing", false);
  std::string out =
      fmt::format("Cost of {}{}, by {}{}\n", days_text(report), ongoing ? " (so far)" : "",
                  text_field(report, "by"), filter.empty() ? "" : ", of " + filter);
  if (groups.empty())
    return out + "Nothing has been charged in these days.\n" + trend_text(report) +
           idle_text(report, width);
  out += '\n';
  out += text_field(report, "by") == "run" ? run_table(report, groups, width)
                                           : group_table(report, groups, width);
  out += '\n';
  if (total.contains("average_microusd")) {
    out += fmt::format("{}, {} each on average", counted(number_field(total, "runs"), "run"),
                       money_field(total, "average_microusd"));
    if (total.contains("mean_run_seconds"))
      out += ", which ran for " + duration_text(number_field(total, "mean_run_seconds"));
    out += ".\n";
  }
  return out + use_text(total) + trend_text(report) + idle_text(report, width);
}

std::string cost_forecast_text(const json& forecast) {
  const auto id = text_field(forecast, "job_id", text_field(forecast, "run_id"));
  const auto name = text_field(forecast, "name");
  std::string out = printable(id + (name.empty() || name == id ? "" : " (" + name + ")"));
  const json total = part_of(forecast, "total_microusd");
  if (text_field(forecast, "basis") == "ended") {
    return out + fmt::format(" is over ({}) and has cost {}.\n", text_field(forecast, "state"),
                             money_field(total, "expected"));
  }
  if (text_field(forecast, "basis") == "charging") {
    return out + fmt::format(" is over ({}), but not charged to its end yet: {} so far.\n",
                             text_field(forecast, "state"), money_field(total, "expected"));
  }
  const json left = part_of(forecast, "left_seconds");
  const json end = part_of(forecast, "end");
  out += forecast.value("begun", true)
             ? fmt::format(" will have cost {}.\n", money_field(total, "expected"))
             : fmt::format(" has not begun; if it began {}, it would cost {}.\n",
                           text_field(forecast, "start") == text_field(forecast, "as_of")
                               ? "now"
                               : "at " + second_text(forecast, "start"),
                           money_field(total, "expected"));
  const auto within =
      fmt::format("in {:.0f} of 100 cases ", number_field(forecast, "interval_percent"));
  put_line(out, "Total", within + money_field(total, "low") + " to " + money_field(total, "high"));
  if (number_field(forecast, "spent_microusd") != 0)
    put_line(out, "So far", money_field(forecast, "spent_microusd"));
  if (forecast.contains("epochs_done"))
    put_line(out, "Epochs",
             fmt::format("{:.0f} of {:.0f} done", number_field(forecast, "epochs_done"),
                         number_field(forecast, "epochs")));
  put_line(out, "Left", seconds_between(left));
  if (!end.empty()) {
    put_line(out, "End",
             second_text(end, "expected") + " (" + second_text(end, "low") + " to " +
                 second_text(end, "high") + ")");
  }
  put_line(out, "From", printable(basis_text(forecast)));
  if (const json covered = part_of(forecast, "covered"); !covered.empty()) {
    put_line(
        out, "Held",
        fmt::format("for {:.0f} of {} like it, each forecast at its start from those before",
                    number_field(covered, "held"), counted(number_field(covered, "runs"), "run")));
  }
  return out;
}

std::string period_forecast_text(const json& forecast) {
  const json total = part_of(forecast, "total_microusd");
  const auto filter = filter_text(forecast);
  std::string out = fmt::format(
      "This {} ({}){} will have cost {}.\n", text_field(forecast, "period"), days_text(forecast),
      filter.empty() ? "" : ", of " + filter + ",", money_field(total, "expected"));
  put_line(out, "Total",
           total.contains("high")
               ? fmt::format("in {:.0f} of 100 cases {} to {}",
                             number_field(forecast, "interval_percent"), money_field(total, "low"),
                             money_field(total, "high"))
               : "between which bounds is not known yet: it takes more whole days");
  put_line(out, "So far", money_field(forecast, "spent_microusd"));
  const auto days = number_field(forecast, "days_known");
  auto from = days > 0 ? counted(days, "whole day") : "today";
  if (forecast.contains("runs_at_work")) {
    const auto runs = number_field(forecast, "runs_at_work");
    if (runs > 0)
      put_line(out, "At work",
               counted(runs, "run") + ", which will still cost " +
                   money_field(forecast, "runs_left_microusd") + " in it");
    from += " and the runs at work and begun lately";
  }
  put_line(out, "From", from);
  return out;
}

std::string comparison_text(const json& comparison, int width) {
  Rows rows;
  std::string from;
  const auto configurations = comparison.value("configurations", json::array());
  for (const auto& one : configurations) {
    const json resources = part_of(one, "resources");
    const auto gpu_type = text_field(resources, "gpu_type");
    const auto gpus = resources.contains("gpu_share") ? number_field(resources, "gpu_share")
                                                      : number_field(resources, "gpus");
    rows.push_back({text_field(one, "name"), text_field(one, "model_type"),
                    number_if(one, "epochs", "{:.0f}"), number_if(one, "batch_size", "{:.0f}"),
                    fmt::format("{:g}", gpus) + (gpu_type.empty() ? "" : " " + gpu_type),
                    duration_text(number_field(part_of(one, "seconds"), "expected")),
                    money_between(part_of(one, "cost_microusd")),
                    small_money_if(one, "cost_per_1000_inferences_microusd"),
                    number_if(one, "latency_p99_ms", "{:.4g} ms")});
    const auto measured = number_field(one, "measured_runs");
    from += fmt::format(
        "  {}: time from {}{}\n", printable(text_field(one, "name")), printable(basis_text(one)),
        measured > 0 ? "; latency and throughput from " + counted(measured, "run") + " like it"
                     : "");
  }
  std::string out = table({{"CONFIGURATION"},
                           {"MODEL", false, 5},
                           {"EPOCHS", true, 4},
                           {"BATCH", true, 3},
                           {"GPUS", false, 6},
                           {"EST.TIME", true},
                           {"EST.COST", true},
                           {"PER 1000 INF.", true, 1},
                           {"P99", true, 2}},
                          std::move(rows), width);
  out += fmt::format("\nIn brackets: where it ends up in {:.0f} of 100 cases.\n",
                     number_field(comparison, "interval_percent"));
  for (const auto& one : configurations) {
    if (one.value("cut_short", false))
      out += printable(text_field(one, "name")) +
             " would be ended by its max_runtime_seconds before it is done.\n";
  }
  const auto best = [&](const char* name, const char* label) {
    const auto value = text_field(comparison, name);
    if (!value.empty()) out += fmt::format("{}: {}\n", label, printable(value));
  };
  best("cheapest", "Cheapest");
  best("fastest", "Fastest");
  best("cheapest_per_inference", "Cheapest per inference");
  best("least_latency", "Least latency");
  return out + from;
}

}  // namespace oppen::access
