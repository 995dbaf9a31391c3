#include "producers/cli/follower.hpp"

#include <nlohmann/json.hpp>

#include "schemas/job_events.hpp"
#include "schemas/topics.hpp"

namespace oppen::cli {
namespace {

constexpr std::chrono::seconds patience{30};
constexpr std::size_t most_ids = 10'000;

}  // namespace

Result<Follower> Follower::open(const Context& context, std::string_view topic,
                                const std::vector<std::string>& jobs, bool from_beginning) {
  const auto settings = context.kafka();
  if (!settings) return fail(settings.error());
  auto consumer = client::Consumer::create(*settings, "");
  if (!consumer) return fail(consumer.error());
  const auto count = (*consumer)->partition_count(topic, reach_deadline);
  if (!count) return fail(context.kafka_error(count.error()));
  std::set<int> partitions;
  for (const std::string& job : jobs) partitions.insert(partition_of(job, *count));
  for (int i = 0; jobs.empty() && i < *count; ++i) partitions.insert(i);

  std::map<client::TopicPartition, std::int64_t> offsets;
  for (const int partition : partitions) {
    const client::TopicPartition where{std::string(topic), partition};
    // Asked for now: librdkafka's own `end` is wherever the end is once it gets there.
    const auto marks = (*consumer)->watermarks(where, reach_deadline);
    if (!marks) return fail(context.kafka_error(marks.error()));
    offsets[where] = from_beginning ? marks->low : marks->high;
  }
  if (const auto assigned = (*consumer)->assign(offsets); !assigned)
    return fail(context.kafka_error(assigned.error()));
  return Follower(context, topic, *std::move(consumer));
}

bool Follower::is_known_id(const std::string& id) {
  if (!ids_.insert(id).second) return true;
  ids_by_age_.push_back(id);
  if (ids_by_age_.size() > most_ids) {
    ids_.erase(ids_by_age_.front());
    ids_by_age_.pop_front();
  }
  return false;
}

bool Follower::is_repetition(const CloudEvent& event) {
  if (topic_ != topics::job_events) return is_known_id(event.id);
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

Result<std::optional<CloudEvent>> Follower::next(std::chrono::milliseconds timeout) {
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
