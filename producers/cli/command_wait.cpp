#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "producers/access/console_api.hpp"
#include "producers/access/event_text.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/follower.hpp"
#include "schemas/job.hpp"
#include "schemas/job_events.hpp"
#include "schemas/topics.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;

// A job that was published a moment ago is known to the scheduler by then.
constexpr std::chrono::seconds grace_for_unknown{10};

struct WaitOptions {
  std::vector<std::string> jobs;
  int timeout_seconds = 0;  // 0: none
};

class Waiting {
 public:
  Waiting(const Context& context, const std::vector<std::string>& jobs)
      : context_(context), console_(context.console_url), open_(jobs.begin(), jobs.end()) {}

  // Asks the console how the open jobs are. Jobs it doesn't know stay open.
  Status look() {
    unknown_.clear();
    for (const std::string& id : std::set<std::string>(open_)) {
      const auto job = console_.get("jobs/" + escaped(id));
      if (job) {
        take(id, text_field(*job, "state"),
             text_field(*job, "reason",
                        text_field(job->value("failure", json::object()), "message")));
      } else if (job.error().kind == ErrorKind::not_found) {
        unknown_.insert(id);
      } else {
        return fail(job.error());
      }
    }
    return {};
  }

  void hear(const CloudEvent& event) {
    const std::string id = text_field(event.data, "job_id");
    unknown_.erase(id);
    if (event.type == JobDuplicate::type) return;
    take(id, text_field(event.data, "state"),
         text_field(event.data, "reason", text_field(event.data, "message")));
  }

  void give_up_unknown() {
    for (const std::string& id : unknown_) {
      open_.erase(id);
      worst_ = no_such_thing;
      if (context_.json()) {
        context_.print({{"job_id", id}, {"state", "unknown"}}, false);
      } else {
        context_.err << "oppen: there is no job " << id << '\n';
      }
    }
    unknown_.clear();
  }

  bool over() const { return open_.empty(); }
  bool has_unknown() const { return !unknown_.empty(); }
  int exit_code() const { return worst_; }
  std::string open_text() const {
    std::string list;
    for (const std::string& id : open_) list += (list.empty() ? "" : ", ") + id;
    return list;
  }

 private:
  void take(const std::string& id, const std::string& state, const std::string& why) {
    const auto parsed = parse_job_state(state);
    if (!parsed || !is_terminal(*parsed) || open_.erase(id) == 0) return;
    if (*parsed != JobState::succeeded && worst_ == done) worst_ = answer_is_no;
    if (context_.json()) {
      context_.print({{"job_id", id}, {"state", state}}, false);
    } else {
      const bool tell = *parsed != JobState::succeeded && !why.empty();
      context_.out << "Job " << id << ' ' << state << (tell ? ": " + why : "") << '\n'
                   << std::flush;
    }
  }

  const Context& context_;
  ConsoleApi console_;
  std::set<std::string> open_;
  std::set<std::string> unknown_;
  int worst_ = done;
};

int wait(Context& context, const WaitOptions& options) {
  const auto begin = steady_clock::now();
  // First the place on the bus, then the present state: what happens in between is heard.
  auto follower = Follower::open(context, topics::job_events, options.jobs, false);
  if (!follower) return context.fail_with(follower.error());
  Waiting waiting(context, options.jobs);
  if (const auto looked = waiting.look(); !looked) return context.fail_with(looked.error());
  while (!waiting.over()) {
    const auto waited = steady_clock::now() - begin;
    if (options.timeout_seconds > 0 && waited > std::chrono::seconds(options.timeout_seconds)) {
      return context.fail_with(
          {ErrorKind::unavailable, "not ended within " + std::to_string(options.timeout_seconds) +
                                       " s (--timeout): " + waiting.open_text()});
    }
    if (waiting.has_unknown() && waited > grace_for_unknown) {
      if (const auto looked = waiting.look(); !looked) return context.fail_with(looked.error());
      waiting.give_up_unknown();
      continue;
    }
    const auto event = follower->next(std::chrono::milliseconds{500});
    if (!event) return context.fail_with(event.error());
    if (*event) waiting.hear(**event);
  }
  return waiting.exit_code();
}

}  // namespace

void add_wait(CLI::App& app, Context& context) {
  const auto options = std::make_shared<WaitOptions>();
  CLI::App* const command = app.add_subcommand("wait", "Waits until jobs have ended.");
  command->add_option("job", options->jobs, "The ids of the jobs")->required();
  command
      ->add_option("--timeout", options->timeout_seconds,
                   "How many seconds to wait at most; 0 for no limit")
      ->check(CLI::Range(0, 31'536'000).description(""))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  oppen wait mnist-7 && oppen logs mnist-7 --tail 5\n"
      "  oppen wait mnist-7 mnist-8 --timeout 3600\n"
      "Exit codes: 0 all succeeded, 1 one failed or was cancelled or rejected, 3 not ended in "
      "time, 4 no such job.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return wait(context, *options); };
  });
}

}  // namespace oppen::cli
