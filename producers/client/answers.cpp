#include "producers/client/answers.hpp"

#include <algorithm>

#include "schemas/topics.hpp"

namespace oppen::client {
namespace {

using std::chrono::milliseconds;

bool is_text(const nlohmann::json& data, const char* field, const std::string& expected) {
  const auto found = data.find(field);
  const auto* text = found == data.end() ? nullptr : found->get_ptr<const std::string*>();
  return text != nullptr && *text == expected;
}

bool is_about(const CloudEvent& event, const std::string& id) {
  return event.subject == id || (event.data.is_object() && (is_text(event.data, "job_id", id) ||
                                                            is_text(event.data, "batch_id", id)));
}

}  // namespace

Answers::Answers(std::unique_ptr<Consumer> consumer) : consumer_(std::move(consumer)) {}
Answers::~Answers() = default;

Result<std::unique_ptr<Answers>> Answers::create(const KafkaSettings& settings) {
  auto consumer = Consumer::create(settings, "");
  if (!consumer) return fail(consumer.error());
  return std::unique_ptr<Answers>(new Answers(std::move(*consumer)));
}

Result<int> Answers::partition_of_id(const std::string& id, milliseconds deadline) {
  if (partition_count_ == 0) {
    const auto count = consumer_->partition_count(topics::job_events, deadline);
    if (!count) return count;
    partition_count_ = *count;
  }
  return partition_of(id, partition_count_);
}

Result<Answers::Position> Answers::prepare(const std::string& id, milliseconds deadline) {
  const auto give_up_at = std::chrono::steady_clock::now() + deadline;
  const auto partition = partition_of_id(id, deadline);
  if (!partition) return fail(partition.error());
  const auto left =
      std::chrono::duration_cast<milliseconds>(give_up_at - std::chrono::steady_clock::now());
  const auto marks = consumer_->watermarks({std::string(topics::job_events), *partition}, left);
  if (!marks) return fail(marks.error());
  return Position{*partition, marks->high};
}

Result<Answers::Position> Answers::from_beginning(const std::string& id, milliseconds deadline) {
  const auto partition = partition_of_id(id, deadline);
  if (!partition) return fail(partition.error());
  return Position{*partition, Consumer::beginning};
}

Result<CloudEvent> Answers::wait(const std::string& id, Position& from,
                                 const std::function<bool(const CloudEvent&)>& is_answer,
                                 milliseconds deadline, const std::stop_token& stop) {
  const auto give_up_at = std::chrono::steady_clock::now() + deadline;
  auto assigned =
      consumer_->assign({{{std::string(topics::job_events), from.partition}, from.offset}});
  if (!assigned) return fail(assigned.error());
  std::string trouble;
  for (;;) {
    if (stop.stop_requested())
      return fail(ErrorKind::unavailable, "no answer about " + id + " was waited for any longer");
    const auto left =
        std::chrono::duration_cast<milliseconds>(give_up_at - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return fail(ErrorKind::unavailable,
                  "no answer about " + id + " within " + std::to_string(deadline.count()) +
                      " ms: " + (trouble.empty() ? "is the scheduler running?" : trouble));
    }
    auto polled = consumer_->poll(std::min(left, milliseconds{500}));
    if (!polled) {
      if (polled.error().kind != ErrorKind::unavailable) return fail(polled.error());
      trouble = polled.error().message;
      continue;
    }
    trouble.clear();
    if (!*polled) continue;
    from.offset = (*polled)->offset + 1;
    auto event = decode((*polled)->record);
    if (event && is_about(*event, id) && is_answer(*event)) return event;
  }
}

}  // namespace oppen::client
