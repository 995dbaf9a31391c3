#include "producers/cli/cancel_many.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "producers/access/bus.hpp"
#include "producers/access/console_api.hpp"
#include "producers/access/event_text.hpp"
#include "producers/cli/follower.hpp"
#include "schemas/job.hpp"
#include "schemas/topics.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;

bool is_open(const json& job) {
  const auto state = parse_job_state(text_field(job, "state"));
  return state && !is_terminal(*state);
}

// Every job of the answers to `path`, page by page.
Status each_job(const ConsoleApi& console, const std::string& path,
                const std::function<void(const json&)>& take) {
  std::string cursor;
  do {
    const auto page =
        console.get(path + "limit=1000" + (cursor.empty() ? "" : "&cursor=" + escaped(cursor)));
    if (!page) return fail(page.error());
    const json jobs = page->value("jobs", json::array());
    for (const json& job : jobs) take(job);
    cursor = text_field(*page, "next_cursor");
  } while (!cursor.empty());
  return {};
}

// What the events say of the jobs that are being cancelled.
class Ends {
 public:
  explicit Ends(const Context& context) : context_(context) {}

  void expect(const std::string& job_id) {
    if (!ended_.contains(job_id)) open_.insert(job_id);
  }
  // An event of one of the jobs; those that are no end are passed over.
  void hear(const CloudEvent& event) {
    const std::string id = text_field(event.data, "job_id");
    const bool refused = event.type == JobCancelRefused::type;  // it ended just before
    if (!refused && !is_end(event)) return;
    if (!ended_.insert(id).second) return;
    open_.erase(id);
    if (event.type == JobCancelled::type) {
      ++cancelled_;
    } else {
      ++otherwise_;
    }
    if (context_.json()) context_.print(event_json(event), false);
  }

  std::size_t open() const { return open_.size(); }
  bool is_open(const std::string& job_id) const { return open_.contains(job_id); }
  void say(const std::string& what) const {
    if (context_.json()) return;
    context_.out << fmt::format("{}: {} cancelled", what, jobs(cancelled_));
    if (otherwise_ > 0) context_.out << fmt::format(", {} had ended otherwise", otherwise_);
    context_.out << '\n';
  }
  Error overdue(std::chrono::seconds timeout) const {
    return {
        ErrorKind::unavailable,
        fmt::format("{} not ended within {} s (--timeout), {} cancelled. What was asked is kept "
                    "on the bus and goes on",
                    jobs(open_.size()), timeout.count(), jobs(cancelled_))};
  }

 private:
  static bool is_end(const CloudEvent& event) {
    // A duplicate tells of the job as it was found.
    const auto state = parse_job_state(text_field(event.data, "state"));
    return state && is_terminal(*state) && event.type != JobDuplicate::type;
  }
  static std::string jobs(std::size_t count) {
    return fmt::format("{} job{}", count, count == 1 ? "" : "s");
  }

  const Context& context_;
  std::set<std::string> open_;
  std::set<std::string> ended_;
  std::size_t cancelled_ = 0;
  std::size_t otherwise_ = 0;
};

// Calls `hear` with each event until it says that it is over.
Status follow(Follower& follower, std::chrono::seconds timeout, const Ends& ends,
              const std::function<bool(const CloudEvent&)>& hear) {
  const auto until = steady_clock::now() + timeout;
  while (steady_clock::now() < until) {
    const auto event = follower.next(std::chrono::milliseconds{500});
    if (!event) return fail(event.error());
    if (*event && hear(**event)) return {};
  }
  return fail(ends.overdue(timeout));
}

Status send(const Context& context, Bus& bus, const JobCancel& cancel) {
  const auto sent = bus.client().cancel(cancel);
  return sent ? Status() : fail(context.kafka_error(sent.error()));
}

// The answer about the batch as a whole, when there is nothing of it to be cancelled.
int show_batch_answer(const Context& context, const std::string& batch_id,
                      const CloudEvent& event) {
  if (context.json()) context.print(event_json(event), false);
  if (event.type == BatchRejected::type) {
    if (!context.json())
      context.out << "Batch " << batch_id << " is not queued: " << event_details(event) << '\n';
    return done;
  }
  const bool unknown = text_field(event.data, "why") == "unknown";
  if (!context.json()) {
    context.err << "oppen: batch " << batch_id
                << (unknown ? " is not known\n" : " has ended already\n");
  }
  return unknown ? no_such_thing : answer_is_no;
}

}  // namespace

int cancel_batch(const Context& context, const std::string& batch_id, const CancelMany& options) {
  auto bus = Bus::connect(context);
  if (!bus) return context.fail_with(bus.error());
  const JobCancel command{"", batch_id, user_name(), options.reason};
  if (options.no_wait) {
    const auto sent = send(context, *bus, command);
    return sent ? done : context.fail_with(sent.error());
  }
  // First the place on the bus, then the present state: what ends in between is heard.
  auto follower = Follower::open(context, topics::job_events, {}, false);
  if (!follower) return context.fail_with(follower.error());
  Ends ends(context);
  const auto listed = each_job(ConsoleApi(context.console_url),
                               "batches/" + escaped(batch_id) + "?", [&](const json& job) {
                                 if (is_open(job)) ends.expect(text_field(job, "job_id"));
                               });
  if (!listed && listed.error().kind != ErrorKind::not_found)
    return context.fail_with(listed.error());
  // Without open jobs it is over, unknown, or not decided yet: the scheduler says which.
  bool known = ends.open() > 0;
  if (const auto sent = send(context, *bus, command); !sent) return context.fail_with(sent.error());
  std::optional<int> answer;
  const auto followed = follow(*follower, options.timeout, ends, [&](const CloudEvent& event) {
    if (text_field(event.data, "batch_id") != batch_id) return false;
    const bool of_batch = text_field(event.data, "job_id").empty();
    if (of_batch && (event.type == JobCancelRefused::type || event.type == BatchRejected::type)) {
      if (!known) answer = show_batch_answer(context, batch_id, event);
      return !known;
    }
    if (event.type == BatchQueued::type) {
      const json jobs = event.data.value("jobs", json::array());
      for (const json& job : jobs) {
        if (job.is_string()) ends.expect(job.get<std::string>());
      }
      known = true;
    } else if (!of_batch) {
      ends.hear(event);
    }
    return known && ends.open() == 0;
  });
  if (!followed) return context.fail_with(followed.error());
  if (answer) return *answer;
  ends.say("Batch " + batch_id);
  return done;
}

int cancel_team(const Context& context, const std::string& team, const CancelMany& options) {
  auto bus = Bus::connect(context);
  if (!bus) return context.fail_with(bus.error());
  auto follower = Follower::open(context, topics::job_events, {}, false);
  if (!follower) return context.fail_with(follower.error());
  const ConsoleApi console(context.console_url);
  std::set<std::string> jobs;
  // The queue first: what is launched in between is met again among the live ones.
  for (const char* state : {"queued", "live"}) {
    const auto listed =
        each_job(console, std::string("jobs?state=") + state + "&", [&](const json& job) {
          if (text_field(job, "team") == team) jobs.insert(text_field(job, "job_id"));
        });
    if (!listed) return context.fail_with(listed.error());
  }
  Ends ends(context);
  for (const std::string& job_id : jobs) {
    ends.expect(job_id);
    const auto sent = send(context, *bus, {job_id, "", user_name(), options.reason});
    if (!sent) return context.fail_with(sent.error());
  }
  if (options.no_wait) return done;
  if (jobs.empty()) {
    if (!context.json()) context.out << "No job of team " << team << " waits or runs.\n";
    return done;
  }
  const auto followed = follow(*follower, options.timeout, ends, [&](const CloudEvent& event) {
    if (ends.is_open(text_field(event.data, "job_id"))) ends.hear(event);
    return ends.open() == 0;
  });
  if (!followed) return context.fail_with(followed.error());
  ends.say("Team " + team);
  return done;
}

}  // namespace oppen::cli
