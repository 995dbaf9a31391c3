#include "producers/client/client.hpp"

#include <random>
#include <set>

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

std::string random_id() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::random_device random;
  std::string id;
  for (int i = 0; i < 32; ++i) id += digits[random() % digits.size()];
  return id;
}

// JSON text, after the scheduler's own reading of what would be sent.
template <class Event>
Result<std::string> checked_data(const Event& event) {
  auto text = to_text(event);
  const auto read = parse_data<Event>(nlohmann::json::parse(text));
  if (!read) return fail(ErrorKind::invalid, sentences(read.error()));
  return text;
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
  ClientOptions options;
  std::unique_ptr<Producer> producer;

  template <class Event>
  Status publish(std::string_view topic, const Event& event, const std::string& key,
                 const std::string& subject) {
    auto data = checked_data(event);
    if (!data) return fail(data.error());
    CloudEvent envelope{random_id(),         options.source, std::string(Event::type),
                        SystemClock().now(), subject,        {}};
    const auto sent =
        producer->send_and_wait(topic, encode(envelope, key, std::move(*data)), options.deadline);
    if (!sent) return fail(sent.error());
    return {};
  }
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::create(const ClientOptions& options) {
  auto producer =
      Producer::create(options.kafka, {std::string(topics::jobs), std::string(topics::runs)});
  if (!producer) return fail(producer.error());
  return std::unique_ptr<Client>(
      new Client(std::make_unique<Impl>(Impl{options, std::move(*producer)})));
}

Result<std::string> Client::submit(JobSpec spec) {
  if (spec.job_id.empty()) spec.job_id = make_job_id(spec.model_type);
  const std::string id = spec.job_id;
  const auto sent = impl_->publish(topics::jobs, JobSubmit{std::move(spec)}, id, id);
  if (!sent) return fail(sent.error());
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
    if (auto sent = impl_->publish(topics::jobs, part, batch.batch_id, ""); !sent)
      return fail(sent.error());
  }
  return ids;
}

Status Client::cancel(const JobCancel& cancel) {
  const auto& key = cancel.job_id.empty() ? cancel.batch_id : cancel.job_id;
  return impl_->publish(topics::jobs, cancel, key, cancel.job_id);
}

Status Client::amend(const JobAmend& amend) {
  return impl_->publish(topics::jobs, amend, amend.job_id, amend.job_id);
}

Status Client::override_policy(const PolicyOverride& change) {
  return impl_->publish(topics::control, change, change.key, "");
}

Status Client::report(const RunProgress& progress) {
  return impl_->publish(topics::runs, progress, progress.job_id, progress.job_id);
}

Status Client::report(const RunCompleted& run) {
  return impl_->publish(topics::runs, run, run.job_id.empty() ? run.run_id : run.job_id,
                        run.job_id);
}

}  // namespace oppen::client
