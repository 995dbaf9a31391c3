#include "producers/client/record_batch.hpp"

#include <utility>

#include "producers/client/kafka_handle.hpp"

namespace oppen::client {

RecordBatch::RecordBatch(RecordBatch&& other) noexcept
    : prefix_(std::move(other.prefix_)), messages_(std::exchange(other.messages_, {})) {}

RecordBatch& RecordBatch::operator=(RecordBatch&& other) noexcept {
  std::swap(prefix_, other.prefix_);
  std::swap(messages_, other.messages_);
  return *this;
}

RecordBatch::~RecordBatch() { clear(); }

void RecordBatch::clear() {
  for (auto* const message : messages_) rd_kafka_message_destroy(message);
  messages_.clear();
}

ConsumedView RecordBatch::view(std::size_t place, std::vector<HeaderView>& headers) const {
  return view_of(*messages_.at(place), prefix_, headers);
}

}  // namespace oppen::client
