#include "scheduler/core/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <thread>

#include "scheduler/core/audit.hpp"
#include "scheduler/core/log_check.hpp"
#include "scheduler/core/logged.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;

constexpr int looks = 4;
constexpr auto between_looks = 2s;
constexpr auto outbox_patience = 10s;
constexpr int page_size = 250;

// One look at everything.
class Look {
 public:
  explicit Look(const VerifySources& sources)
      : sources_(sources), redis_(sources.redis, sources.topic_prefix) {}

  Result<VerifyReport> take() {
    for (const auto step : {&Look::kafka, &Look::live, &Look::queues, &Look::records, &Look::stage,
                            &Look::log, &Look::pods, &Look::outbox}) {
      if (auto status = (this->*step)(); !status) return fail(status.error());
      keep_some(report_.drifts);
      if (other_log_) break;  // everything else differs by it
    }
    return std::move(report_);
  }

 private:
  Status kafka() {
    // A store takes the server that is connected for the right one.
    if (const auto connected = redis_.totals(); !connected) return fail(connected.error());
    queue::QueueStore reading(sources_.redis, sources_.topic_prefix, -1);
    const auto checked = check_log(reading, sources_.consumer);
    if (checked) return {};
    if (checked.error().kind != ErrorKind::fatal) return fail(checked.error());
    other_log_ = true;
    report_.drifts.push_back({"kafka",
                              "the log of jobs",
                              "the one that Redis was made from",
                              checked.error().message,
                              {},
                              false});
    return {};
  }

  Status live() {
    std::int64_t after = -1;
    for (;;) {
      const auto page = redis_.live(after, page_size);
      if (!page) return fail(page.error());
      const auto views = redis_.views(page->members);
      if (!views) return fail(views.error());
      for (const auto& member : page->members) {
        after = member.place;
        const auto view = std::find_if(views->begin(), views->end(), [&](const LiveView& one) {
          return one.job_id == member.job_id;
        });
        // Without a view the record is gone, broken or no longer live: the header says which.
        if (view != views->end()) {
          check_live(member, &*view, report_.drifts);
        } else if (const auto header = queue::read_header(member.header);
                   !header || !queue::is_live(header->state)) {
          check_live(member, nullptr, report_.drifts);
        }
      }
      live_.insert(live_.end(), views->begin(), views->end());
      if (page->members.size() < page_size) break;
    }
    const auto totals = redis_.totals();
    if (!totals) return fail(totals.error());
    compare_sums(sums_of(live_, totals->counters), sums_of(totals->counters), live_, false,
                 report_.drifts);
    report_.live = totals->live;
    report_.queued = totals->queued[0] + totals->queued[1] + totals->queued[2];
    return {};
  }

  Status queues() {
    return QueueWalk(redis_).go_on(
        std::numeric_limits<int>::max(), [] { return true; }, report_.drifts);
  }

  Status records() {
    std::map<std::string, std::int64_t> open_of_user;
    auto status = redis_.scan("job:*", [&](const std::vector<std::string>& keys) -> Status {
      std::vector<std::string> ids;
      for (const auto& key : keys) ids.push_back(key.substr(4));
      report_.records += static_cast<std::int64_t>(ids.size());
      if (auto checked = redis_.check_records(ids, report_.drifts); !checked) return checked;
      keep_some(report_.drifts);
      const auto headers = redis_.headers(ids);
      if (!headers) return fail(headers.error());
      for (const auto& line : *headers) {
        const auto header = queue::read_header(line);
        if (header && !is_terminal(header->state)) ++open_of_user[queue::user_word(header->user)];
      }
      return {};
    });
    return status ? users(std::move(open_of_user)) : status;
  }

  // A batch that is being decided has jobs that are not counted yet: that passes.
  Status users(std::map<std::string, std::int64_t> expected) {
    const auto counted = redis_.command("HGETALL", "users");
    if (!counted) return fail(counted.error());
    std::map<std::string, std::string> found;
    for (std::size_t i = 0; i + 1 < counted->elements.size(); i += 2) {
      found[counted->elements[i].text] = counted->elements[i + 1].text;
      expected.try_emplace(counted->elements[i].text, 0);
    }
    for (const auto& [user, jobs] : expected) {
      const auto there = found.contains(user) ? found[user] : "0";
      if (there == std::to_string(jobs)) continue;
      report_.drifts.push_back({"users", "user " + user, std::to_string(jobs), there, {}, false});
    }
    keep_some(report_.drifts);
    return {};
  }

  // What is staged of a batch that nobody works on any more.
  Status stage() {
    const auto open = redis_.command("SMEMBERS", "batches");
    const auto totals = redis_.totals();
    if (!open || !totals) return fail(open ? totals.error() : open.error());
    std::set<std::string> batches;
    for (const auto& element : open->elements) batches.insert(element.text);
    std::int64_t expiring = 0;
    auto status = redis_.scan("stage*", [&](const std::vector<std::string>& keys) -> Status {
      for (const auto& key : keys) {
        const auto begin = key.find(':') + 1;
        const auto batch = key.substr(begin, key.find(':', begin) - begin);
        // The events of a batch that was published wait there for the outbox.
        if (batches.contains(batch) || totals->outbox > 0) continue;
        const auto left = redis_.command("PTTL", key);
        if (!left) return fail(left.error());
        if (left->integer >= 0) ++expiring;
        if (left->integer == -1)
          report_.drifts.push_back(
              {"stage", "key " + key, "none", "one that stays for good", {batch}, false});
      }
      return {};
    });
    if (expiring > 0) {
      report_.notes.push_back(fmt::format(
          "{} keys are left of batches that were given up; they go by themselves within an hour",
          expiring));
    }
    return status;
  }

  Status log() {
    const auto compared =
        compare_log(sources_.consumer, redis_, sources_.clock.now(), report_.drifts);
    if (!compared) return fail(compared.error());
    report_.events = compared->events;
    report_.jobs = compared->jobs;
    if (!compared->whole) {
      report_.notes.push_back(
          "the oldest job-events are no longer kept: whether what is open in Redis is open in the "
          "log was not checked");
    }
    return {};
  }

  Status pods() {
    const auto before = sources_.survey.quotas();
    if (!before) return fail(before.error());
    PodComparison pods(live_, sources_.clock.now());
    const auto read = sources_.survey.pods([&](const kube::Pod& pod) {
      ++report_.pods;
      pods.add(pod);
    });
    if (!read) return fail(read.error());
    const auto after = sources_.survey.quotas();
    if (!after) return fail(after.error());
    report_.quotas = static_cast<std::int64_t>(after->size());
    pods.finish(report_.drifts);
    pods.finish_quotas(*before, *after, report_.drifts);
    return {};
  }

  Status outbox() {
    const auto totals = redis_.totals();
    const auto lease = redis_.command("GET", "lease");
    if (!totals || !lease) return fail(totals ? lease.error() : totals.error());
    report_.notes.push_back(lease->is_nil() ? "no scheduler leads"
                                            : "scheduler " + lease->text + " leads");
    if (totals->outbox == 0) return {};
    if (lease->is_nil()) {
      report_.drifts.push_back(
          {"outbox", "events", "0", std::to_string(totals->outbox), {}, false});
    } else {
      report_.notes.push_back(fmt::format("{} events wait to be published", totals->outbox));
    }
    // Their jobs are ahead of the log.
    std::erase_if(report_.drifts, [](const Drift& drift) { return drift.kind == "log"; });
    return {};
  }

  const VerifySources& sources_;
  RedisLook redis_;
  VerifyReport report_;
  std::vector<LiveView> live_;
  bool other_log_ = false;
};

// Gives what is on its way to the bus time to arrive.
Status let_settle(const VerifySources& sources) {
  RedisLook redis(sources.redis, sources.topic_prefix);
  const auto deadline = std::chrono::steady_clock::now() + outbox_patience;
  std::this_thread::sleep_for(between_looks);
  while (std::chrono::steady_clock::now() < deadline) {
    const auto totals = redis.totals();
    if (!totals) return fail(totals.error());
    if (totals->outbox == 0) return {};
    std::this_thread::sleep_for(200ms);
  }
  return {};
}

}  // namespace

Result<VerifyReport> verify(const VerifySources& sources) {
  auto report = Look(sources).take();
  for (int look = 1; report && !report->drifts.empty() && look < looks; ++look) {
    if (auto status = let_settle(sources); !status) return fail(status.error());
    auto again = Look(sources).take();
    if (!again) return again;
    std::set<std::string> before;
    for (const auto& drift : report->drifts) before.insert(drift.sighting());
    std::erase_if(again->drifts,
                  [&](const Drift& drift) { return !before.contains(drift.sighting()); });
    report = std::move(again);
  }
  if (!report) return report;
  std::map<std::string, std::size_t> of_kind;
  for (const auto& drift : report->drifts) {
    if (++of_kind[drift.kind] == most_of_a_kind)
      report->notes.push_back(fmt::format(
          "of kind {} there may be more than the {} that are listed", drift.kind, most_of_a_kind));
  }
  return report;
}

std::string VerifyReport::text() const {
  std::string text = fmt::format(
      "Compared {} job events of {} jobs, {} records ({} queued, {} live), {} pods and {} "
      "quotas.\n",
      events, jobs, records, queued, live, pods, quotas);
  for (const auto& note : notes) text += "Note: " + note + ".\n";
  if (drifts.empty()) return text + "Everything agrees.\n";
  text += fmt::format("{} difference{}:\n", drifts.size(), drifts.size() == 1 ? "" : "s");
  for (const auto& drift : drifts) {
    const auto& kind = drift_kind(drift.kind);
    text +=
        fmt::format("\n{}\n  means: {}\n  heals: {}\n", drift.sentence(), kind.means, kind.heals);
  }
  return text;
}

nlohmann::json VerifyReport::json() const {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& drift : drifts) {
    const auto& kind = drift_kind(drift.kind);
    list.push_back({{"kind", drift.kind},
                    {"subject", drift.subject},
                    {"expected", drift.expected},
                    {"found", drift.found},
                    {"ids", drift.ids},
                    {"means", kind.means},
                    {"heals", kind.heals}});
  }
  return {{"agrees", drifts.empty()}, {"drifts", list}, {"notes", notes},
          {"events", events},         {"jobs", jobs},   {"records", records},
          {"queued", queued},         {"live", live},   {"pods", pods},
          {"quotas", quotas}};
}

}  // namespace oppen::core
