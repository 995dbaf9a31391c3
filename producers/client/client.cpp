#include "producers/client/client.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <unordered_map>

#include "producers/client/outcomes.hpp"
#include "schemas/binary_mode.hpp"
#include "schemas/check.hpp"
#include "schemas/cloud_event.hpp"
#include "schemas/parse.hpp"
#include "schemas/topics.hpp"

namespace oppen::client {
namespace {

// Of a part's JSON. Small ones, because whoever handles a part has several copies of it in memory and others wait meanwhile; a batch
// that needs too many of them gets the largest: below the 1 MB that a broker takes by default, with room for the envelope and headers.
constexpr std::size_t usual_part_bytes = 300'000;
constexpr std::size_t max_part_bytes = 900'000;
constexpr std::size_t max_parts = 100;
constexpr std::size_t most_remembered = 100'000;  // commands whose offset wait() knows

std::string random_text() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::random_device random;
  std::string id;
  for (int i = 0; i < 24; ++i) id += digits[random() % digits.size()];
  return id;
}

// JSON text, after the scheduler's own reading of what would be sent.
template <class Event>
Result<std::string> checked_data(const Event& event) {
  auto text = to_text(event);
  if (is_valid(event)) return text;
  const auto read = parse_data<Event>(nlohmann::json::parse(text));
  if (!read) return fail(ErrorKind::invalid, sentences(read.error()));
  return text;
}

// What may have arrived all the same is repeated under the same id, which may be one that was made here.
Error naming(const std::string& id, const Error& error) {
  return error.kind == ErrorKind::unavailable ? error.in_context("submitting " + id) : error;
}

const std::string& key_of(const RunCompleted& run) {
  return run.job_id.empty() ? run.run_id : run.job_id;
}

// How each part divides the jobs: the place of its first job. A job that is too large alone is an
// error.
Result<std::vector<std::size_t>> split(const std::vector<JobSpec>& jobs, std::size_t part_bytes) {
  std::vector<std::size_t> firsts{0};
  std::size_t used = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto size = to_text(jobs[i]).size() + 1;
    if (size > max_part_bytes) {
      return fail(ErrorKind::invalid, "jobs[" + std::to_string(i) + "] takes " +
                                          std::to_string(size) + " bytes: expected at most " +
                                          std::to_string(max_part_bytes));
    }
    if (used > 0 && used + size > part_bytes) {
      firsts.push_back(i);
      used = 0;
    }
    used += size;
  }
  if (firsts.size() <= max_parts) return firsts;
  if (part_bytes < max_part_bytes) return split(jobs, max_part_bytes);
  return fail(ErrorKind::invalid, "the batch needs " + std::to_string(firsts.size()) +
                                      " records: expected at most " + std::to_string(max_parts) +
                                      "; submit it as several batches");
}

}  // namespace

struct Client::Impl {
  Impl(const ClientOptions& given, std::unique_ptr<Producer> a_producer)
      : options(given), producer(std::move(a_producer)) {}

  const ClientOptions options;
  const std::string id_prefix = random_text() + "-";  // of the events' ids
  std::atomic<std::uint64_t> events{0};
  std::mutex mutex;  // for what follows
  std::unordered_map<std::string, std::int64_t>
      offsets;                         // of the commands that submitted a job or batch
  std::deque<std::string> remembered;  // their ids, the oldest first
  std::unique_ptr<Producer> producer;  // the last, since its end tells of records

  void remember(const std::string& id, std::int64_t offset) {
    const std::lock_guard lock(mutex);
    const auto [place, fresh] = offsets.emplace(id, offset);
    if (!fresh) {
      place->second = std::max(place->second, offset);
      return;
    }
    remembered.push_back(id);
    if (remembered.size() <= most_remembered) return;
    offsets.erase(remembered.front());
    remembered.pop_front();
  }

  std::int64_t offset_of(const std::string& id) {
    const std::lock_guard lock(mutex);
    const auto found = offsets.find(id);
    return found == offsets.end() ? Outcomes::any_command : found->second;
  }

  std::string event_id() { return id_prefix + std::to_string(++events); }

  // The offset of the record.
  template <class Event>
  Result<std::int64_t> publish(std::string_view topic, const Event& event, const std::string& key,
                               const std::string& subject) {
    auto data = checked_data(event);
    if (!data) return fail(data.error());
    const CloudEvent envelope{event_id(),          options.source, std::string(Event::type),
                              SystemClock().now(), subject,        {}};
    const auto sent =
        producer->send_and_wait(topic, encode(envelope, key, std::move(*data)), options.deadline);
    return sent.map([](const Delivery& delivery) { return delivery.offset; });
  }

  template <class Event>
  Status publish_later(std::string_view topic, const Event& event, const std::string& key,
                       const std::string& subject, Done done) {
    const auto data = checked_data(event);
    if (!data) return fail(data.error());
    const auto id = event_id();
    const auto time = to_rfc3339(SystemClock().now());
    const BinaryHeaders headers(id, options.source, Event::type, time, subject);
    return producer->send_when_there_is_room(topic, {key, *data, headers.all()}, std::move(done),
                                             options.deadline);
  }

  template <class Event>
  Status tell(std::string_view topic, const Event& event, const std::string& key,
              const std::string& subject) {
    return publish(topic, event, key, subject).map([](std::int64_t) {});
  }
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::create(const ClientOptions& options) {
  auto settings = options.kafka;
  // So that a request to the broker has more than a few records where many are handed over; those that are waited for don't linger.
  settings.properties.emplace("linger.ms", "5");
  auto producer =
      Producer::create(settings, {std::string(topics::jobs), std::string(topics::runs)});
  if (!producer) return fail(producer.error());
  return std::unique_ptr<Client>(new Client(std::make_unique<Impl>(options, std::move(*producer))));
}

Result<std::string> Client::submit(JobSpec spec) {
  if (spec.job_id.empty()) spec.job_id = make_job_id(spec.model_type);
  const std::string id = spec.job_id;
  const auto sent = impl_->publish(topics::jobs, JobSubmit{std::move(spec)}, id, id);
  if (!sent) return fail(naming(id, sent.error()));
  impl_->remember(id, *sent);
  return id;
}

Result<std::vector<std::string>> Client::submit_batch(BatchSubmit batch) {
  if (batch.batch_id.empty()) batch.batch_id = make_job_id("batch");
  std::vector<std::string> ids;
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
    auto& id = batch.jobs[i].job_id;
    if (id.empty()) id = batch.batch_id + "-" + std::to_string(i + 1);
    ids.push_back(id);
    if (!seen.insert(id).second) {
      return fail(ErrorKind::invalid, "jobs[" + std::to_string(i) + "].job_id is \"" + id +
                                          "\": expected an id that no other job of the batch has");
    }
  }
  batch.part = batch.parts = 1;
  if (const auto data = checked_data(batch); !data) return fail(data.error());
  const auto firsts = split(batch.jobs, usual_part_bytes);
  if (!firsts) return fail(firsts.error());

  BatchSubmit part{batch.batch_id, {}, batch.max_total, 0, static_cast<int>(firsts->size())};
  for (std::size_t i = 0; i < firsts->size(); ++i) {
    const auto begin = batch.jobs.begin() + static_cast<std::ptrdiff_t>((*firsts)[i]);
    const auto end = i + 1 < firsts->size()
                         ? batch.jobs.begin() + static_cast<std::ptrdiff_t>((*firsts)[i + 1])
                         : batch.jobs.end();
    part.jobs.assign(begin, end);
    part.part = static_cast<int>(i + 1);
    const auto sent = impl_->publish(topics::jobs, part, batch.batch_id, "");
    if (!sent) return fail(naming(batch.batch_id, sent.error()));
    if (i == 0) impl_->remember(batch.batch_id, *sent);
  }
  return ids;
}

Status Client::cancel(const JobCancel& cancel) {
  const auto& key = cancel.job_id.empty() ? cancel.batch_id : cancel.job_id;
  return impl_->tell(topics::jobs, cancel, key, cancel.job_id);
}

Status Client::amend(const JobAmend& amend) {
  return impl_->tell(topics::jobs, amend, amend.job_id, amend.job_id);
}

Status Client::override_policy(const PolicyOverride& change) {
  return impl_->tell(topics::control, change, change.key, "");
}

Status Client::set_budget(const BudgetSet& set) {
  return impl_->tell(topics::control, set, set.budget_id, "");
}

Status Client::decide(const ApprovalDecided& decision) {
  const auto& id = decision.job_id.empty() ? decision.proposal_id : decision.job_id;
  return impl_->tell(topics::control, decision, id, decision.job_id);
}

Status Client::propose(const ProposalCreated& proposal) {
  return impl_->tell(topics::control, proposal, proposal.proposal_id, "");
}

Status Client::silence(const AlertSilence& silence) {
  return impl_->tell(topics::control, silence, silence.silence_id, "");
}

Status Client::give_feedback(const AlertFeedback& feedback) {
  return impl_->tell(topics::control, feedback, feedback.fingerprint, "");
}

Status Client::report(const RunProgress& progress) {
  return impl_->tell(topics::runs, progress, progress.job_id, progress.job_id);
}

Status Client::report(const RunCompleted& run) {
  return impl_->tell(topics::runs, run, key_of(run), run.job_id);
}

Result<std::string> Client::submit_later(JobSpec spec, Done done) {
  if (spec.job_id.empty()) spec.job_id = make_job_id(spec.model_type);
  const std::string id = spec.job_id;
  const auto sent = impl_->publish_later(
      topics::jobs, JobSubmit{std::move(spec)}, id, id,
      [impl = impl_.get(), id, done = std::move(done)](const Result<Delivery>& delivery) {
        if (!delivery) return done(fail(naming(id, delivery.error())));
        impl->remember(id, delivery->offset);
        done(delivery);
      });
  if (!sent) return fail(naming(id, sent.error()));
  return id;
}

Status Client::report_later(const RunProgress& progress, Done done) {
  return impl_->publish_later(topics::runs, progress, progress.job_id, progress.job_id,
                              std::move(done));
}

Status Client::report_later(const RunCompleted& run, Done done) {
  return impl_->publish_later(topics::runs, run, key_of(run), run.job_id, std::move(done));
}

Status Client::flush(std::chrono::milliseconds timeout) { return impl_->producer->flush(timeout); }

Result<CloudEvent> Client::wait(const std::string& id, std::chrono::milliseconds timeout) {
  return wait_all({id}, timeout).map([&](auto&& outcomes) { return std::move(outcomes.at(id)); });
}

Result<std::map<std::string, CloudEvent>> Client::wait_all(const std::vector<std::string>& ids,
                                                           std::chrono::milliseconds timeout) {
  using std::chrono::milliseconds;
  using std::chrono::steady_clock;
  timeout = std::min<milliseconds>(timeout, std::chrono::hours(24 * 365));
  const auto give_up_at = steady_clock::now() + timeout;
  const auto left = [&] {
    return std::max(milliseconds{1},
                    std::chrono::duration_cast<milliseconds>(give_up_at - steady_clock::now()));
  };
  const auto over = [&] { return steady_clock::now() >= give_up_at; };
  // A broker that is away for a moment ends nothing.
  const auto asked = [&](const auto& ask) {
    for (;;) {
      auto answer = ask(std::min(left(), milliseconds{5000}));
      if (answer || answer.error().kind != ErrorKind::unavailable || over()) return answer;
      std::this_thread::sleep_for(std::min(left(), milliseconds{200}));
    }
  };
  Outcomes outcomes;
  for (const auto& id : ids) outcomes.expect(id, impl_->offset_of(id));

  auto settings = impl_->options.kafka;
  settings.properties.emplace("auto.offset.reset",
                              "earliest");  // what is deleted meanwhile is passed over
  // Its own, so that calls on several threads do not meet.
  const auto made = Consumer::create(settings, "");
  if (!made) return fail(made.error());
  auto& consumer = **made;
  const auto count =
      asked([&](milliseconds wait) { return consumer.partition_count(topics::job_events, wait); });
  if (!count) return fail(count.error());
  const auto end_of = [&](const TopicPartition& at) {
    return asked([&](milliseconds wait) { return consumer.watermarks(at, wait); })
        .map([](const Consumer::Watermarks& marks) { return marks.high; });
  };
  std::map<TopicPartition, std::int64_t> from;
  std::map<TopicPartition, std::int64_t> ends;  // as seen last
  for (const auto& id : ids) {
    const TopicPartition at{std::string(topics::job_events), partition_of(id, *count)};
    if (!from.emplace(at, Consumer::beginning).second) continue;
    const auto end = end_of(at);
    if (!end) return fail(end.error());
    ends[at] = *end;
  }
  if (auto assigned = consumer.assign(from); !assigned) return fail(assigned.error());
  const std::string no_trouble = "is the scheduler running?";
  std::string trouble = no_trouble;
  while (!outcomes.complete()) {
    if (over()) {
      std::string names;
      for (const auto& id : outcomes.missing(5)) names += (names.empty() ? "" : ", ") + id;
      if (outcomes.missing() > 5)
        names += " and " + std::to_string(outcomes.missing() - 5) + " more";
      return fail(ErrorKind::unavailable, "no outcome of " + names + " within " +
                                              std::to_string(timeout.count()) + " ms: " + trouble);
    }
    const auto polled = consumer.poll(std::min(left(), milliseconds{500}));
    if (!polled && polled.error().kind != ErrorKind::unavailable) return fail(polled.error());
    trouble = polled ? no_trouble : polled.error().message;
    if (!polled || !*polled) continue;
    const auto& [topic, partition, offset, timestamp, record] = **polled;
    if (outcomes.waits_for(record.key)) {
      if (auto event = decode(record); event && event->data.is_object()) {
        if (event->time == Time{}) event->time = timestamp;
        outcomes.take(record.key, partition, std::move(*event));
      }
    }
    // What has come since may say that a rejected job is queued after all.
    const TopicPartition at{topic, partition};
    if (offset + 1 < ends[at] || !outcomes.undecided(partition)) continue;
    const auto end = end_of(at);
    if (!end) return fail(end.error());
    ends[at] = *end;
    if (offset + 1 >= *end) outcomes.caught_up(partition);
  }
  return outcomes.take_all();
}

}  // namespace oppen::client
