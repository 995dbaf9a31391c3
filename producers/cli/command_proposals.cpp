#include <CLI/CLI.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "producers/cli/commands.hpp"
#include "producers/cli/console_api.hpp"
#include "producers/cli/context.hpp"
#include "producers/cli/event_text.hpp"
#include "producers/cli/render.hpp"
#include "producers/client/client.hpp"
#include "producers/client/read_topic.hpp"
#include "schemas/control.hpp"
#include "schemas/parse.hpp"
#include "schemas/topics.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

// Those that are neither decided nor expired, by id: in the topic the last word about each counts.
Result<std::map<std::string, ProposalCreated>> open_proposals(const Context& context) {
  const auto settings = context.kafka();
  if (!settings) return fail(settings.error());
  std::map<std::string, ProposalCreated> open;
  const auto take = [&](const client::ConsumedRecord& record) {
    const auto event = decode(record.record);
    if (!event) return;
    if (event->type == ProposalCreated::type) {
      auto proposal = parse_data<ProposalCreated>(event->data);
      if (proposal) open[proposal->proposal_id] = *std::move(proposal);
    } else if (event->type == ApprovalDecided::type) {
      const auto decision = parse_data<ApprovalDecided>(event->data);
      if (decision)
        open.erase(decision->proposal_id.empty() ? decision->job_id : decision->proposal_id);
    }
  };
  const auto read = client::read_topic(*settings, topics::control, take, [] { return true; });
  if (!read) return fail(context.kafka_error(read.error()));
  const auto now = SystemClock().now();
  std::erase_if(open, [&](const auto& one) { return one.second.expires_at <= now; });
  return open;
}

int proposals(const Context& context) {
  const auto open = open_proposals(context);
  if (!open) return context.fail_with(open.error());
  if (context.json()) {
    json list = json::array();
    for (const auto& [id, proposal] : *open) list.push_back(to_data(proposal));
    context.print({{"proposals", std::move(list)}});
    return done;
  }
  if (open->empty()) {
    context.out << "Nothing waits for an approval.\n";
    return done;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [id, proposal] : *open) {
    rows.push_back({printable(id), printable(proposal.kind), to_rfc3339(proposal.expires_at),
                    printable(proposal.summary)});
  }
  context.out << table({{"PROPOSAL"}, {"KIND", false, 2}, {"UNTIL", false, 1}, {"SUMMARY"}},
                       std::move(rows), context.width);
  return done;
}

int decide(const Context& context, ApprovalDecided decision) {
  const auto& id = decision.job_id;
  decision.by = user_name();
  const auto job = ConsoleApi(context.console_url).get("jobs/" + escaped(id));
  if (!job) return context.fail_with(job.error());
  if (const auto state = text_field(*job, "state"); state != "queued") {
    return context.fail_with(
        {ErrorKind::refused,
         "job " + id + " is " + state + ": only what waits is approved, rejected or undone"});
  }
  const auto settings = context.kafka();
  if (!settings) return context.fail_with(settings.error());
  const auto client = client::Client::create({*settings, "/oppen/cli", reach_deadline});
  if (!client) return context.fail_with(client.error());
  if (const auto sent = (*client)->decide(decision); !sent)
    return context.fail_with(context.kafka_error(sent.error()));
  if (context.json()) {
    context.print(to_data(decision));
  } else if (decision.decision == "approve") {
    context.out << "Job " << id << " is approved: budgets that ask for it let it pass.\n";
  } else if (decision.decision == "reject") {
    context.out << "Job " << id << " is rejected: it is cancelled.\n";
  } else {
    context.out << "The approval of job " << id << " is taken back.\n";
  }
  return done;
}

void add_decision(CLI::App& app, Context& context, const std::string& decision,
                  const std::string& help, const std::string& footer) {
  const auto options = std::make_shared<ApprovalDecided>();
  options->decision = decision;
  CLI::App* const command = app.add_subcommand(decision, help);
  command->add_option("id", options->job_id, "The job's id, which its proposal bears too")
      ->required();
  command->add_option("--reason", options->reason, "Why; it is kept with the decision");
  command->footer(footer + "Exit code 1: the job does not wait any more; 4: there is none.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return decide(context, *options); };
  });
}

}  // namespace

void add_proposals(CLI::App& app, Context& context) {
  CLI::App* const command = app.add_subcommand(
      "proposals", "Shows what waits for an approval: jobs beyond a budget of mode approval.");
  command->footer(
      "Examples:\n"
      "  oppen proposals\n"
      "  oppen proposals -o json | jq -r '.proposals[].proposal_id'\n");
  command->callback([&context] { context.run = [&context] { return proposals(context); }; });
  add_decision(app, context, "approve", "Lets a job run beyond a budget of mode approval.",
               "Examples:\n"
               "  oppen approve llm-7 --reason \"for the release\"\n"
               "Hard budgets hold it all the same.\n");
  add_decision(app, context, "reject", "Cancels a job that waits for an approval.",
               "Examples:\n"
               "  oppen reject llm-7 --reason \"next month\"\n");
  add_decision(app, context, "undo", "Takes an approval back, while the job still waits.",
               "Examples:\n"
               "  oppen undo llm-7\n");
}

}  // namespace oppen::cli
