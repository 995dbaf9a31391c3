#pragma once
// Records as librdkafka holds them, many at once: may be handed to another thread, but is one thread's at a time. Must be gone, or empty,
// before the consumer that gave it.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "producers/client/kafka.hpp"

struct rd_kafka_message_s;  // librdkafka's
struct rd_kafka_headers_s;

namespace oppen::client {

class RecordBatch {
 public:
  // `prefix`: of the topics' names.
  explicit RecordBatch(std::string_view prefix = {}) : prefix_(prefix) {}
  RecordBatch(RecordBatch&& other) noexcept;
  RecordBatch& operator=(RecordBatch&& other) noexcept;
  ~RecordBatch();

  // Anew, for records of topics with this prefix.
  void begin(std::string_view prefix) {
    clear();
    prefix_ = prefix;
  }
  // Becomes the owner.
  void add(rd_kafka_message_s* message);
  void clear();

  std::size_t size() const { return messages_.size(); }
  bool empty() const { return messages_.empty(); }
  std::size_t bytes() const { return bytes_; }  // of keys and values
  // All but the headers. Borrows the batch.
  ConsumedView view(std::size_t place) const;
  // With them, which are there until this is called again: `headers` is filled anew.
  ConsumedView view(std::size_t place, std::vector<HeaderView>& headers);

 private:
  void free_headers();

  std::string prefix_;
  std::vector<rd_kafka_message_s*> messages_;
  std::size_t bytes_ = 0;
  rd_kafka_headers_s* headers_ = nullptr;  // what `headers` borrows
};

}  // namespace oppen::client
