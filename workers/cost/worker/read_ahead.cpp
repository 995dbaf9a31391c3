#include "workers/cost/worker/read_ahead.hpp"

#include <utility>

#include "schemas/topics.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

// Agents key a sample by its job, so that a copy is seldom needed.
void keep(Reading& reading, std::string_view key, std::deque<std::string>& texts) {
  std::visit(
      [&](auto& one) {
        if (!one.job_id.empty())
          one.job_id = one.job_id == key ? key : texts.emplace_back(one.job_id);
      },
      reading);
}

}  // namespace

void Records::clear() {
  batch.clear();
  samples.clear();
  others.clear();
  texts.clear();
}

ReadAhead::ReadAhead(client::GroupConsumer& consumer)
    : consumer_(consumer), stage_([this](Records& records) { parse(records); }) {}

Status ReadAhead::read(bool careful, int partitions, const BeforeParsing& before_parsing) {
  const auto generation = consumer_.generation();
  const std::size_t most_batches = careful ? 1 : most_under_way;
  const std::size_t most_records = careful ? 1 : static_cast<std::size_t>(most_at_once);
  while (stage_.size() < most_batches && bytes_ < most_bytes) {
    if (spare_.empty()) spare_.push_back(std::make_unique<Records>());
    auto& records = *spare_.back();
    records.clear();
    const auto status =
        consumer_.poll(records.batch, most_records, stage_.size() == 0 ? 100ms : 0ms);
    if (consumer_.generation() != generation) drop();
    if (!status) return status;
    if (records.batch.empty()) break;
    records.partitions = partitions;
    for (std::size_t i = 0; i < records.batch.size(); ++i) {
      const auto view = records.batch.view(i);
      if (view.topic != topics::telemetry) {
        records.others.push_back(i);
        continue;
      }
      const auto sets_aside = before_parsing(view);
      if (!sets_aside) return fail(sets_aside.error());
      records.samples.push_back({i, view.partition, view.offset, *sets_aside});
    }
    bytes_ += records.batch.bytes();
    stage_.put(std::move(spare_.back()));
    spare_.pop_back();
  }
  return {};
}

Records* ReadAhead::take() {
  if (taken_) {
    taken_->clear();
    spare_.push_back(std::move(taken_));
  }
  taken_ = stage_.take();
  if (taken_) bytes_ -= taken_->batch.bytes();
  return taken_.get();
}

void ReadAhead::drop() {
  while (take() != nullptr) {
  }
}

void ReadAhead::parse(Records& records) {
  for (auto& sample : records.samples) {
    if (sample.sets_aside) continue;
    const auto view = records.batch.view(sample.place, headers_);
    const auto& [key, value, headers] = view.record;
    auto reading = reader_.read(value, headers, view.timestamp);
    if (!reading) {
      sample.wrong = std::move(reading.error().message);
    } else if (*reading) {
      // Who charges its job would not hear of it here.
      sample.misplaced = partition_of(key, records.partitions) != sample.partition;
      keep(**reading, key, records.texts);
      sample.reading = **reading;
    }
  }
}

}  // namespace oppen::cost
