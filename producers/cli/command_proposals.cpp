#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "producers/access/console_api.hpp"
#include "producers/access/event_text.hpp"
#include "producers/access/proposals.hpp"
#include "producers/access/render.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"
#include "producers/client/client.hpp"
#include "schemas/control.hpp"
#include "schemas/parse.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

std::string decision_text(const KnownProposal& known) {
  if (!known.decision) return "";
  return printable(known.decision->decision + " by " + known.decision->by + ", " +
                   to_rfc3339(known.decided_at));
}

int proposals(const Context& context, bool decided) {
  auto all = read_proposals(context);
  if (!all) return context.fail_with(all.error());
  const auto now = SystemClock().now();
  std::erase_if(*all, [&](const auto& one) {
    return decided ? !one.second.decision : !is_open(one.second, now);
  });
  if (context.json()) {
    json list = json::array();
    for (const auto& [id, known] : *all) list.push_back(to_json(known));
    context.print({{"proposals", std::move(list)}});
    return done;
  }
  if (all->empty()) {
    context.out << (decided ? "Nothing was decided.\n" : "Nothing waits for an approval.\n");
    return done;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [id, known] : *all) {
    const auto& proposal = known.proposal;
    rows.push_back({printable(id), printable(proposal.kind),
                    decided ? "" : to_rfc3339(proposal.expires_at), decision_text(known),
                    proposed_text(proposal.changes), printable(proposal.summary)});
  }
  context.out << table({{"PROPOSAL"},
                        {"KIND", false, 3},
                        {"UNTIL", false, 2},
                        {"DECISION"},
                        {"CHANGES", false, 1},
                        {"SUMMARY"}},
                       std::move(rows), context.width);
  return done;
}

struct DecideOptions {
  ApprovalDecided decision;
  std::string id;
  bool is_job = false;
  bool is_proposal = false;
};

// Whether the decision makes sense now; it is the scheduler that takes it. Errors: refused, with why not.
Status check_proposal(const KnownProposal& known, const ApprovalDecided& decision) {
  const auto& id = decision.proposal_id;
  if (decision.decision == "undo") {
    if (known.decision && known.decision->decision == "approve") return {};
    return fail(ErrorKind::refused,
                "proposal " + id + " is not approved: there is nothing to undo");
  }
  if (is_open(known, SystemClock().now())) return {};
  return fail(ErrorKind::refused,
              "proposal " + id + (known.decision ? " is decided" : " has expired"));
}

std::string job_sentence(const std::string& id, const std::string& decision) {
  if (decision == "approve")
    return "Job " + id + " is approved: budgets that ask for it let it pass.\n";
  if (decision == "reject") return "Job " + id + " is rejected: it is cancelled.\n";
  return "The approval of job " + id + " is taken back.\n";
}

std::string proposal_sentence(const std::string& id, const std::string& decision) {
  if (decision == "approve")
    return "Proposal " + id + " is approved: the scheduler carries it out.\n";
  if (decision == "reject") return "Proposal " + id + " is rejected.\n";
  return "Proposal " + id + " is undone: the scheduler takes back what it changed.\n";
}

// Whether it is of the job of this id; otherwise of the proposal. Where there are both, whoever has chosen the job's id must not choose
// what is approved. Errors: refused, not_found; of the console and of Kafka.
Result<bool> is_of_job(const Context& context, const DecideOptions& options) {
  const auto& id = options.id;
  const auto all = read_proposals(context);
  if (!all) return fail(all.error());
  const auto known = all->find(id);
  const bool changes = known != all->end() && names_changes(known->second);
  const auto job = ConsoleApi(context.console_url).get("jobs/" + escaped(id));
  if (!job && job.error().kind != ErrorKind::not_found) return fail(job.error());
  if (changes && job && !options.is_job && !options.is_proposal) {
    return fail(ErrorKind::refused, id + " is the id of a job and of a proposal (" +
                                        proposed_text(known->second.proposal.changes) +
                                        "): say which one is meant, by --job or --proposal");
  }
  if (options.is_job ? !job : options.is_proposal ? !changes : !job && known == all->end()) {
    return fail(ErrorKind::not_found, std::string("there is no ") +
                                          (options.is_job        ? "job "
                                           : options.is_proposal ? "proposal "
                                                                 : "job and no proposal ") +
                                          id);
  }
  if (job && !options.is_proposal) {
    const auto state = text_field(*job, "state");
    if (state == "queued") return true;
    return fail(ErrorKind::refused,
                "job " + id + " is " + state + ": only what waits is approved, rejected or undone");
  }
  ApprovalDecided decision = options.decision;
  decision.proposal_id = id;
  if (const auto sensible = check_proposal(known->second, decision); !sensible)
    return fail(sensible.error());
  return false;
}

int decide(const Context& context, const DecideOptions& options) {
  const auto of_job = is_of_job(context, options);
  if (!of_job) return context.fail_with(of_job.error());
  ApprovalDecided decision = options.decision;
  (*of_job ? decision.job_id : decision.proposal_id) = options.id;
  decision.by = user_name();
  const auto settings = context.kafka();
  if (!settings) return context.fail_with(settings.error());
  const auto client = client::Client::create({*settings, "/oppen/cli", reach_deadline});
  if (!client) return context.fail_with(client.error());
  if (const auto sent = (*client)->decide(decision); !sent)
    return context.fail_with(context.kafka_error(sent.error()));
  if (context.json()) {
    context.print(to_data(decision));
  } else {
    context.out << (*of_job ? job_sentence(options.id, decision.decision)
                            : proposal_sentence(options.id, decision.decision));
  }
  return done;
}

void add_decision(CLI::App& app, Context& context, const std::string& decision,
                  const std::string& help, const std::string& footer) {
  const auto options = std::make_shared<DecideOptions>();
  options->decision.decision = decision;
  CLI::App* const command = app.add_subcommand(decision, help);
  command->add_option("id", options->id, "The proposal's; one to run a job bears the job's")
      ->required();
  CLI::Option* const is_job = command->add_flag("--job", options->is_job, "The job of this id");
  command
      ->add_flag("--proposal", options->is_proposal,
                 "The proposal of this id that changes something")
      ->excludes(is_job);
  command->add_option("--reason", options->decision.reason, "Why; it is kept with the decision");
  command->footer(
      footer +
      "Exit code 1: it is decided, has expired, the job does not wait any more, or there are both "
      "a job and a proposal of this id; 4: there is none.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return decide(context, *options); };
  });
}

}  // namespace

void add_proposals(CLI::App& app, Context& context) {
  const auto decided = std::make_shared<bool>(false);
  CLI::App* const command = app.add_subcommand(
      "proposals",
      "Shows what waits for an approval: jobs beyond a budget of mode approval, and what would "
      "change a policy or a queued job.");
  command->add_flag("--decided", *decided, "Those that were, by whom, and what they changed");
  command->footer(
      "Examples:\n"
      "  oppen proposals\n"
      "  oppen proposals --decided\n"
      "  oppen proposals -o json | jq -r '.proposals[].proposal_id'\n");
  command->callback([&context, decided] {
    context.run = [&context, decided] { return proposals(context, *decided); };
  });
  add_decision(app, context, "approve",
               "Lets a job run beyond a budget, or has a proposal carried out.",
               "Examples:\n"
               "  oppen approve llm-7 --reason \"for the release\"\n"
               "Hard budgets hold it all the same.\n");
  add_decision(app, context, "reject",
               "Cancels a job that waits for an approval, or drops a proposal.",
               "Examples:\n"
               "  oppen reject llm-7 --reason \"next month\"\n");
  add_decision(
      app, context, "undo",
      "Takes an approval back, while the job still waits, and what a proposal has changed.",
      "Examples:\n"
      "  oppen undo llm-7\n");
}

}  // namespace oppen::cli
