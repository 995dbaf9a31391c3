#include "scheduler/core/control_reader.hpp"

#include <algorithm>
#include <cstdlib>

#include "scheduler/core/kafka_deadline.hpp"
#include "schemas/topics.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;

}  // namespace

Result<std::unique_ptr<ControlReader>> ControlReader::start(const client::KafkaSettings& kafka,
                                                            queue::QueueStore& store, Take take) {
  auto consumer = client::Consumer::create(kafka, "");
  if (!consumer) return fail(consumer.error());
  const client::TopicPartition control{std::string(topics::control), 0};
  const auto next = store.meta("next:control");
  if (!next) return fail(next.error());
  const auto marks = (*consumer)->watermarks(control, kafka_deadline);
  if (!marks) return fail(marks.error());
  const std::int64_t start = *next ? std::strtoll((*next)->c_str(), nullptr, 10) : 0;
  if (auto status = (*consumer)->assign({{control, std::max(start, marks->low)}}); !status)
    return fail(status.error());
  return std::unique_ptr<ControlReader>(new ControlReader(std::move(*consumer), std::move(take)));
}

ControlReader::ControlReader(std::unique_ptr<client::Consumer> consumer, Take take)
    : consumer_(std::move(consumer)),
      take_(std::move(take)),
      thread_([this](const std::stop_token& stop) { read(stop); }) {}

ControlReader::~ControlReader() {
  thread_.request_stop();
  consumer_->wake();
}

void ControlReader::read(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    auto record = consumer_->poll(500ms);
    if (!record && record.error().kind == ErrorKind::unavailable) continue;
    if (!record) return take_(fail(record.error()));
    if (*record) take_(std::move(**record));
  }
}

}  // namespace oppen::core
