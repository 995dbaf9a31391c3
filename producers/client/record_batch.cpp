#include "producers/client/record_batch.hpp"

#include <utility>

#include "producers/client/kafka_handle.hpp"

namespace oppen::client {

RecordBatch::RecordBatch(RecordBatch&& other) noexcept
    : prefix_(std::move(other.prefix_)),
      messages_(std::exchange(other.messages_, {})),
      bytes_(std::exchange(other.bytes_, 0)),
      headers_(std::exchange(other.headers_, nullptr)) {}

RecordBatch& RecordBatch::operator=(RecordBatch&& other) noexcept {
  std::swap(prefix_, other.prefix_);
  std::swap(messages_, other.messages_);
  std::swap(bytes_, other.bytes_);
  std::swap(headers_, other.headers_);
  return *this;
}

RecordBatch::~RecordBatch() { clear(); }

void RecordBatch::add(rd_kafka_message_t* message) {
  messages_.push_back(message);
  bytes_ += message->key_len + message->len;
}

void RecordBatch::clear() {
  free_headers();
  for (auto* const message : messages_) rd_kafka_message_destroy(message);
  messages_.clear();
  bytes_ = 0;
}

void RecordBatch::free_headers() {
  if (headers_ != nullptr) rd_kafka_headers_destroy(std::exchange(headers_, nullptr));
}

ConsumedView RecordBatch::view(std::size_t place) const {
  return view_of(*messages_.at(place), prefix_);
}

ConsumedView RecordBatch::view(std::size_t place, std::vector<HeaderView>& headers) {
  auto* const message = messages_.at(place);
  // The message would keep the list of its headers, which librdkafka makes when it is asked for, and many of them take much memory. Made
  // and freed one after the other, by one thread, they are always in the same place.
  free_headers();
  if (rd_kafka_message_detach_headers(message, &headers_) != RD_KAFKA_RESP_ERR_NO_ERROR)
    headers_ = nullptr;
  auto view = view_of(*message, prefix_);
  list_headers(headers_, headers);
  view.record.headers = headers;
  return view;
}

}  // namespace oppen::client
