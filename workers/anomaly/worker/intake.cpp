#include "workers/anomaly/worker/intake.hpp"

#include <utility>

#include "schemas/topics.hpp"

namespace oppen::anomaly {

Result<std::unique_ptr<Intake>> Intake::open(
    const client::KafkaSettings& kafka,
    const std::map<client::TopicPartition, std::int64_t>& from) {
  auto reader = client::PartitionReader::create(kafka, from);
  if (!reader) return fail(reader.error());
  return std::unique_ptr<Intake>(new Intake(std::move(*reader), kafka.topic_prefix, from.size()));
}

Intake::Intake(std::unique_ptr<client::PartitionReader> reader, std::string topic_prefix,
               std::size_t partitions)
    : topic_prefix_(std::move(topic_prefix)),
      reader_(std::move(reader)),
      under_way_(partitions),
      stage_([this](Batch& batch) { read(batch); }) {}

Status Intake::ask(std::size_t place, std::chrono::milliseconds patience) {
  auto batch = std::make_unique<Batch>();
  batch->place = place;
  batch->records = client::RecordBatch(topic_prefix_);
  auto status = reader_->read(place, most_in_batch, patience, batch->records);
  if (batch->records.empty()) return status;
  under_way_[place] += batch->records.size();
  stage_.put(std::move(batch));
  return status;
}

std::unique_ptr<Intake::Batch> Intake::take() {
  auto batch = stage_.take();
  under_way_[batch->place] -= batch->entries.size();
  return batch;
}

void Intake::read(Batch& batch) {
  batch.entries.reserve(batch.records.size());
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    const auto record = batch.records.view(i, headers_);
    auto entry = tell(record);
    if (entry) {
      batch.entries.push_back(std::move(*entry));
      continue;
    }
    if (record.topic != topics::control)
      batch.wrong.push_back({copy_of(record), entry.error().message});
    batch.entries.emplace_back(record.offset,
                               Happening{record.timestamp, "", record.timestamp, {}});
  }
  batch.records.clear();
}

// Errors: invalid.
Result<Entry> Intake::tell(const client::ConsumedView& record) {
  if (record.topic == topics::telemetry) {
    auto sampled = samples_.read(record.record);
    if (!sampled) return fail(sampled.error());
    Entry entry;
    entry.offset = record.offset;
    entry.at = record.timestamp;
    if (*sampled) {
      entry.what = std::move(**sampled);
      return entry;
    }
    return Entry(record.offset, {record.timestamp, "", record.timestamp, {}});
  }
  const auto event = decode(copy_of(record).record);
  if (!event) return fail(event.error());
  auto fact = read_fact(*event);
  if (!fact) return fail(fact.error());
  return Entry(record.offset,
               {record.timestamp, event->id, event->time == Time{} ? record.timestamp : event->time,
                std::move(*fact)});
}

}  // namespace oppen::anomaly
