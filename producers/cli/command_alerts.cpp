#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "producers/access/console_api.hpp"
#include "producers/access/event_text.hpp"
#include "producers/access/render.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"
#include "producers/cli/end_options.hpp"
#include "producers/client/client.hpp"
#include "schemas/control.hpp"
#include "schemas/job.hpp"
#include "schemas/parse.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

struct ListOptions {
  std::string state = "firing";
};

struct SilenceOptions {
  AlertSilence::Matchers matchers;
  std::vector<std::string> labels;  // name=value
  EndOptions end;
  std::string reason;
};

struct FeedbackOptions {
  AlertFeedback feedback;
  EndOptions end;
};

std::string labels_text(const json& labels) {
  std::string text;
  for (const auto& [name, value] : labels.items())
    text += (text.empty() ? "" : " ") + name + "=" + value.get<std::string>();
  return printable(text);
}

std::string alerts_text(const json& answer, int width) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& alert : answer["alerts"]) {
    rows.push_back({text_field(alert, "fingerprint"), text_field(alert, "severity"),
                    text_field(alert, "state"), text_field(alert, "kind"),
                    text_field(alert, "started_at"), text_field(alert, "ended_at"),
                    labels_text(alert.value("labels", json::object())),
                    text_field(alert, "proposal_id"), printable(text_field(alert, "summary"))});
  }
  std::string text;
  if (!rows.empty())
    text = table({{"FINGERPRINT"},
                  {"SEVERITY"},
                  {"STATE", false, 2},
                  {"KIND"},
                  {"SINCE", false, 3},
                  {"UNTIL", false, 4},
                  {"LABELS", false, 5},
                  {"PROPOSAL", false, 1},
                  {"SUMMARY"}},
                 std::move(rows), width);
  for (const auto& silence : answer["silences"]) {
    const auto& matchers = silence["matchers"];
    const auto kind = text_field(matchers, "kind");
    const auto labels = labels_text(matchers.value("labels", json::object()));
    text += "Silenced until " + text_field(silence, "until") + ": " + printable(kind) +
            (kind.empty() || labels.empty() ? "" : " ") + labels + " (by " +
            printable(text_field(silence, "by")) + ")\n";
  }
  return text;
}

int list_alerts(const Context& context, const ListOptions& options) {
  const auto answer = ConsoleApi(context.console_url).get("alerts?state=" + options.state);
  if (!answer) return context.fail_with(answer.error());
  if (context.json()) {
    context.print(*answer);
  } else {
    if ((*answer)["alerts"].empty())
      context.out << (options.state == "firing" ? "Nothing fires.\n" : "There is no alert.\n");
    context.out << alerts_text(*answer, context.width);
  }
  return done;
}

// What it says is on the bus, and counts from the next look on.
template <class Tell>
int tell(const Context& context, const json& data, const std::string& said, const Tell& publish) {
  const auto settings = context.kafka();
  if (!settings) return context.fail_with(settings.error());
  const auto client = client::Client::create({*settings, "/oppen/cli", reach_deadline});
  if (!client) return context.fail_with(client.error());
  if (const Status sent = publish(**client); !sent)
    return context.fail_with(context.kafka_error(sent.error()));
  if (context.json()) {
    context.print(data);
  } else {
    context.out << said;
  }
  return done;
}

int silence(const Context& context, const SilenceOptions& options) {
  const auto now = SystemClock().now();
  AlertSilence wanted;
  wanted.matchers = options.matchers;
  for (const auto& label : options.labels) {
    const auto equals = label.find('=');
    if (equals == 0 || equals == std::string::npos)
      return context.fail_with(
          {ErrorKind::invalid, "--label is " + label + ": expected name=value"});
    wanted.matchers.labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  if (wanted.matchers.kind.empty() && wanted.matchers.labels.empty())
    return context.fail_with(
        {ErrorKind::invalid, "--kind or --label is needed: which alerts are to be silenced"});
  const auto until = end_of(options.end, now);
  if (!until) return context.fail_with(until.error());
  if (!*until)
    return context.fail_with(
        {ErrorKind::invalid, "--for or --until is needed: for how long they are to be silenced"});
  wanted.until = **until;
  wanted.by = user_name();
  wanted.reason = options.reason;
  wanted.silence_id = make_job_id("silence");
  return tell(context, to_data(wanted),
              "Silenced until " + to_rfc3339(wanted.until) +
                  ": what fires meanwhile is told then, if it still does.\n",
              [&](client::Client& client) { return client.silence(wanted); });
}

// By its beginning, where that names one.
Result<std::string> fingerprint_of(const Context& context, const std::string& given) {
  const auto answer = ConsoleApi(context.console_url).get("alerts?state=all");
  if (!answer) return fail(answer.error());
  std::vector<std::string> found;
  for (const auto& alert : (*answer)["alerts"]) {
    auto fingerprint = text_field(alert, "fingerprint");
    if (fingerprint == given) return fingerprint;
    if (fingerprint.starts_with(given)) found.push_back(std::move(fingerprint));
  }
  if (found.empty()) return fail(ErrorKind::not_found, "there is no alert " + given);
  if (found.size() > 1)
    return fail(ErrorKind::invalid, given + " begins the fingerprints of " +
                                        std::to_string(found.size()) + " alerts: give more of it");
  return found.front();
}

int feedback(const Context& context, const FeedbackOptions& options) {
  auto wanted = options.feedback;
  const auto until = end_of(options.end, SystemClock().now());
  if (!until) return context.fail_with(until.error());
  wanted.until = *until;
  wanted.by = user_name();
  const auto fingerprint = fingerprint_of(context, wanted.fingerprint);
  if (!fingerprint) return context.fail_with(fingerprint.error());
  wanted.fingerprint = *fingerprint;
  const std::map<std::string, std::string> effects{
      {"useful", "Noted: it helps.\n"},
      {"noise", "Noted: it is told again only when it is worse than now.\n"},
      {"planned", "Noted: until then nothing is told of it.\n"}};
  return tell(context, to_data(wanted), effects.at(wanted.feedback),
              [&](client::Client& client) { return client.give_feedback(wanted); });
}

void add_silence(CLI::App& alerts, Context& context) {
  const auto options = std::make_shared<SilenceOptions>();
  CLI::App* const command = alerts.add_subcommand(
      "silence", "Has alerts not told for some time: those that match all that is given.");
  command->add_option("--kind", options->matchers.kind, "Of this kind, such as gpu_underutilized");
  command
      ->add_option("--label", options->labels,
                   "With this label, such as team=vision or node=gpu-3; may be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  add_end(*command, options->end, "they are told again");
  command->add_option("--reason", options->reason, "Why");
  command->footer(
      "Examples:\n"
      "  oppen alerts silence --kind gpu_hot --label node=gpu-3 --for 2h --reason \"new fans\"\n"
      "  oppen alerts silence --label team=vision --until 2026-01-03T18:15:00Z\n"
      "That an alert is over, of which was told before, is told all the same.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return silence(context, *options); };
  });
}

void add_feedback(CLI::App& alerts, Context& context) {
  const auto options = std::make_shared<FeedbackOptions>();
  CLI::App* const command =
      alerts.add_subcommand("feedback", "Says what an alert was worth, which later ones go by.");
  command
      ->add_option("fingerprint", options->feedback.fingerprint,
                   "Of the alert, or its beginning; `oppen alerts` shows it")
      ->required();
  command
      ->add_option("feedback", options->feedback.feedback,
                   "useful; noise: it is told again only when it is worse; planned: it was to be "
                   "expected")
      ->check(CLI::IsMember({"useful", "noise", "planned"}))
      ->required();
  add_end(*command, options->end, "that ends (without it: noise after 30 days, planned after one)");
  command->add_option("--note", options->feedback.note, "What there is to say of it");
  command->footer(
      "Examples:\n"
      "  oppen alerts feedback 3f2a noise\n"
      "  oppen alerts feedback 3f2a planned --for 3d --note \"the big sweep\"\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return feedback(context, *options); };
  });
}

}  // namespace

void add_alerts(CLI::App& app, Context& context) {
  CLI::App* const alerts = app.add_subcommand(
      "alerts", "Shows what is wrong; silences alerts, and says what they were worth.");
  alerts->require_subcommand(0, 1);
  const auto options = std::make_shared<ListOptions>();
  const auto listing = [&context, options] {
    context.run = [&context, options] { return list_alerts(context, *options); };
  };
  alerts->callback([&context, alerts, listing] {
    if (alerts->get_subcommands().empty()) listing();
  });
  alerts->footer(
      "Examples:\n"
      "  oppen alerts                     what fires\n"
      "  oppen alerts list --state all    and what is over\n"
      "  oppen watch alerts               as it comes\n");
  CLI::App* const list =
      alerts->add_subcommand("list", "Shows what fires, and the silences in force.");
  list->add_option("--state", options->state,
                   "pending: it fires if it lasts; resolved: over, of the last seven days")
      ->check(CLI::IsMember({"firing", "pending", "resolved", "all"}))
      ->capture_default_str();
  list->footer(
      "Examples:\n"
      "  oppen alerts list\n"
      "  oppen alerts list -o json | jq '.alerts[] | select(.severity == \"critical\")'\n");
  list->callback(listing);
  add_silence(*alerts, context);
  add_feedback(*alerts, context);
}

}  // namespace oppen::cli
