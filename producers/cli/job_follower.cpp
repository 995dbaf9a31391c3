#include "producers/cli/job_follower.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "schemas/job_events.hpp"
#include "schemas/topics.hpp"

namespace oppen::cli {
namespace {

constexpr std::chrono::seconds patience{30};

}  // namespace

Result<JobFollower> JobFollower::open(const Context& context, const std::vector<std::string>& jobs,
                                      bool from_beginning) {
  const auto settings = context.kafka();
  if (!settings) return fail(settings.error());
  auto consumer = client::Consumer::create(*settings, "");
  if (!consumer) return fail(consumer.error());
  const auto count = (*consumer)->partition_count(topics::job_events, reach_deadline);
  if (!count) return fail(context.kafka_error(count.error()));
  std::set<int> partitions;
  for (const std::string& job : jobs) partitions.insert(partition_of(job, *count));
  for (int i = 0; jobs.empty() && i < *count; ++i) partitions.insert(i);

  std::map<client::TopicPartition, std::int64_t> offsets;
  for (const int partition : partitions) {
    const client::TopicPartition where{std::string(topics::job_events), partition};
    // Asked for now: librdkafka's own `end` is wherever the end is once it gets there.
    const auto marks = (*consumer)->watermarks(where, reach_deadline);
    if (!marks) return fail(context.kafka_error(marks.error()));
    offsets[where] = from_beginning ? marks->low : marks->high;
  }
  if (const auto assigned = (*consumer)->assign(offsets); !assigned)
    return fail(context.kafka_error(assigned.error()));
  return JobFollower(context, *std::move(consumer));
}

bool JobFollower::is_repetition(const CloudEvent& event) {
  // A duplicate repeats the seq of the job as it is; refusals and batches have none.
  if (event.type == JobDuplicate::type || !event.data.is_object() || !event.data.contains("seq"))
    return false;
  const auto& seq = event.data["seq"];
  const auto job = event.data.find("job_id");
  if (!seq.is_number_integer() || job == event.data.end() || !job->is_string()) return false;
  std::int64_t& last = last_seq_[job->get<std::string>()];
  if (seq.get<std::int64_t>() <= last) return true;
  last = seq.get<std::int64_t>();
  return false;
}

Result<std::optional<CloudEvent>> JobFollower::next(std::chrono::milliseconds timeout) {
  const auto now = std::chrono::steady_clock::now();
  auto polled = consumer_->poll(timeout);
  if (!polled) {
    if (!away_since_) away_since_ = now;
    const bool lasting = now - *away_since_ > patience;
    if (polled.error().kind != ErrorKind::unavailable || lasting)
      return fail(context_->kafka_error(polled.error()));
    return std::nullopt;
  }
  if (!*polled) return std::nullopt;
  away_since_.reset();
  auto event = decode((*polled)->record);
  if (!event || is_repetition(*event)) return std::nullopt;
  return *std::move(event);
}

}  // namespace oppen::cli
