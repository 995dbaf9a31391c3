#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

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

// What `control` says of a proposal.
struct Known {
  ProposalCreated proposal;
  std::optional<ApprovalDecided> decision;
  Time decided_at{};
  std::vector<PolicyOverride> overrides;  // that were said because of it
};

bool is_open(const Known& known, Time now) {
  return !known.decision && known.proposal.expires_at > now;
}

bool names_changes(const Known& known) {
  const auto& changes = known.proposal.changes;
  return changes.contains("key") || changes.contains("changes");
}

// As the scheduler takes them: of those that change something the first counts, until it expires undecided; to run a job beyond a budget the
// last one is meant, of whatever attempt and period it is now.
bool gives_way(const Known& known, Time now) {
  return !names_changes(known) || !(known.decision || is_open(known, now));
}

// Whether a decision takes effect. Those on a job are taken anew each time.
bool takes(const Known& known, const ApprovalDecided& decision, Time now) {
  if (!names_changes(known)) return true;
  if (decision.decision == "undo") return known.decision && known.decision->decision == "approve";
  return is_open(known, now);
}

Result<std::map<std::string, Known>> read_proposals(const Context& context) {
  const auto settings = context.kafka();
  if (!settings) return fail(settings.error());
  std::map<std::string, Known> all;
  const auto take = [&](const client::ConsumedRecord& record) {
    const auto event = decode(record.record);
    if (!event) return;
    if (event->type == ProposalCreated::type) {
      auto proposal = parse_data<ProposalCreated>(event->data);
      if (!proposal) return;
      const auto id = proposal->proposal_id;
      const auto earlier = all.find(id);
      if (earlier != all.end() && !gives_way(earlier->second, record.timestamp)) return;
      all[id] = {*std::move(proposal), std::nullopt, {}, {}};
    } else if (event->type == ApprovalDecided::type) {
      auto decision = parse_data<ApprovalDecided>(event->data);
      if (!decision) return;
      const auto found =
          all.find(decision->proposal_id.empty() ? decision->job_id : decision->proposal_id);
      if (found == all.end() || !takes(found->second, *decision, record.timestamp)) return;
      found->second.decision = *std::move(decision);
      found->second.decided_at = event->time;
    } else if (event->type == PolicyOverride::type) {
      auto change = parse_data<PolicyOverride>(event->data);
      if (!change) return;
      const auto found = all.find(change->because);
      if (found != all.end()) found->second.overrides.push_back(*std::move(change));
    }
  };
  const auto read = client::read_topic(*settings, topics::control, take, [] { return true; });
  if (!read) return fail(context.kafka_error(read.error()));
  return all;
}

json to_json(const Known& known) {
  json one = to_data(known.proposal);
  if (!known.decision) return one;
  one["decision"] = known.decision->decision;
  one["by"] = known.decision->by;
  one["reason"] = known.decision->reason;
  one["decided_at"] = to_rfc3339(known.decided_at);
  json overrides = json::array();
  for (const auto& change : known.overrides) overrides.push_back(to_data(change));
  one["overrides"] = std::move(overrides);
  return one;
}

// "batch_size=64 spot=true of job llm-7", "backfill_enabled=true"; "": nothing but the job's run.
std::string proposed_text(const json& changes) {
  std::string text;
  if (changes.contains("key")) {
    text = text_field(changes, "key") + "=" + text_field(changes, "value");
  } else if (changes.contains("changes") && changes["changes"].is_object()) {
    for (const auto& [field, value] : changes["changes"].items()) {
      text += field + "=" + (value.is_string() ? value.get<std::string>() : value.dump()) + " ";
    }
    text += "of job " + text_field(changes, "job_id");
  }
  return printable(text);
}

std::string decision_text(const Known& known) {
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

// Whether the decision makes sense now; it is the scheduler that takes it. Errors: refused, with why not; not_found; of the bus.
Status check_proposal(const Context& context, const ApprovalDecided& decision) {
  const auto& id = decision.proposal_id;
  const auto all = read_proposals(context);
  if (!all) return fail(all.error());
  const auto found = all->find(id);
  if (found == all->end())
    return fail(ErrorKind::not_found, "there is no job and no proposal " + id);
  const auto& known = found->second;
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

int decide(const Context& context, ApprovalDecided decision) {
  const auto id = decision.job_id;
  decision.by = user_name();
  const auto job = ConsoleApi(context.console_url).get("jobs/" + escaped(id));
  const bool of_job = job.has_value();
  if (!job) {
    if (job.error().kind != ErrorKind::not_found) return context.fail_with(job.error());
    decision.proposal_id = std::exchange(decision.job_id, "");
    if (const auto sensible = check_proposal(context, decision); !sensible)
      return context.fail_with(sensible.error());
  } else if (const auto state = text_field(*job, "state"); state != "queued") {
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
  } else {
    context.out << (of_job ? job_sentence(id, decision.decision)
                           : proposal_sentence(id, decision.decision));
  }
  return done;
}

void add_decision(CLI::App& app, Context& context, const std::string& decision,
                  const std::string& help, const std::string& footer) {
  const auto options = std::make_shared<ApprovalDecided>();
  options->decision = decision;
  CLI::App* const command = app.add_subcommand(decision, help);
  command->add_option("id", options->job_id, "The proposal's; one to run a job bears the job's")
      ->required();
  command->add_option("--reason", options->reason, "Why; it is kept with the decision");
  command->footer(footer +
                  "Exit code 1: it is decided, has expired, or the job does not wait any more; 4: "
                  "there is none.\n");
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
