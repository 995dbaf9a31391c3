#pragma once
// Records as librdkafka holds them, many at once: may be handed to another thread, but is one thread's at a time. Must be gone before the
// consumer that gave it.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "producers/client/kafka.hpp"

struct rd_kafka_message_s;  // librdkafka's

namespace oppen::client {

class RecordBatch {
 public:
  // `prefix`: of the topics' names.
  explicit RecordBatch(std::string_view prefix = {}) : prefix_(prefix) {}
  RecordBatch(RecordBatch&& other) noexcept;
  RecordBatch& operator=(RecordBatch&& other) noexcept;
  ~RecordBatch();

  // Becomes the owner.
  void add(rd_kafka_message_s* message) { messages_.push_back(message); }
  void clear();

  std::size_t size() const { return messages_.size(); }
  bool empty() const { return messages_.empty(); }
  // Borrows the batch, and `headers`, which is filled anew.
  ConsumedView view(std::size_t place, std::vector<HeaderView>& headers) const;

 private:
  std::string prefix_;
  std::vector<rd_kafka_message_s*> messages_;
};

}  // namespace oppen::client
