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
    : consumer_(consumer), stage_([this](Records& records) { work(records); }) {}

Result<Records*> ReadAhead::poll(bool careful, int partitions) {
  auto& records = *polled_;
  records.clear();
  if (stage_.size() >= (careful ? 1 : most_under_way) || bytes_ >= most_bytes) return nullptr;
  const auto generation = consumer_.generation();
  const auto status =
      consumer_.poll(records.batch, careful ? 1 : static_cast<std::size_t>(most_at_once),
                     stage_.size() == 0 ? 100ms : 0ms);
  if (consumer_.generation() != generation) drop();
  if (!status) return fail(status.error());
  if (records.batch.empty()) return nullptr;
  records.partitions = partitions;
  for (std::size_t i = 0; i < records.batch.size(); ++i) {
    const auto view = records.batch.view(i);
    if (view.topic == topics::telemetry) {
      records.samples.push_back({i, view.partition, view.offset});
    } else {
      records.others.push_back(i);
    }
  }
  return &records;
}

void ReadAhead::parse() {
  bytes_ += polled_->batch.bytes();
  stage_.put(std::move(polled_));
  if (spare_.empty()) spare_.push_back(std::make_unique<Records>());
  polled_ = std::move(spare_.back());
  spare_.pop_back();
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

void ReadAhead::work(Records& records) {
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
