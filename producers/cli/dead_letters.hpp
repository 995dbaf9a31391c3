#pragma once
// Records that a worker could not handle, as they stand in the topic dead-letter. Pure functions,
// any thread; DeadLetterReader is for one thread.
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "producers/cli/context.hpp"

namespace oppen::cli {

struct DeadLetter {
  std::int64_t offset = -1;  // in the dead letter
  Time at{};
  std::string error;
  std::string topic;  // where it came from, with the prefix
  std::string from;   // "<partition>/<offset>" there
  std::string worker;
  KafkaRecord original;  // key, value and headers as they were
};

DeadLetter to_dead_letter(const client::ConsumedRecord& record);
nlohmann::json dead_letter_json(const DeadLetter& letter, bool with_record);

class DeadLetterReader {
 public:
  // Errors: unavailable.
  static Result<DeadLetterReader> open(const Context& context);

  std::int64_t low() const { return low_; }    // the first offset that is kept
  std::int64_t high() const { return high_; }  // the next to come, as of open()

  // The letters from `first` to before `end`, in order. Errors: unavailable.
  Status read(std::int64_t first, std::int64_t end,
              const std::function<Status(const DeadLetter&)>& each);
  // Errors: not_found, unavailable.
  Result<DeadLetter> at(std::int64_t offset);

 private:
  DeadLetterReader(const Context& context, std::unique_ptr<client::Consumer> consumer,
                   std::int64_t low, std::int64_t high)
      : context_(&context), consumer_(std::move(consumer)), low_(low), high_(high) {}

  const Context* context_;
  std::unique_ptr<client::Consumer> consumer_;
  std::int64_t low_;
  std::int64_t high_;
};

}  // namespace oppen::cli
